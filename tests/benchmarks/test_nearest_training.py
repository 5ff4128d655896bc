"""Distances of pictures to the nearest training picture or its mirror image."""

from __future__ import annotations

import numpy as np
import torch
from benchmarks.nearest_training import flat, nearest


def test_a_training_picture_and_its_mirror_image_lie_at_no_distance_and_others_at_their_root_mean_square() -> None:
    real = np.random.default_rng(0).integers(0, 200, (40, 8, 8, 3), dtype=np.uint8)
    device = torch.device("cpu")
    asked = np.stack([real[3], real[5][:, ::-1], real[7] + 10])
    found = nearest(asked, flat(real, device), device)
    np.testing.assert_allclose(found, [0, 0, 10], atol=0.1)
