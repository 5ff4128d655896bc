"""Editing by what is known of a picture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction
from diorama.processes.exploding import ExplodingProcess
from diorama.samplers.constrained import (
    Constrained,
    Replace,
    grey_part,
    known_grey,
    known_patch_means,
    known_pixels,
    patch_means,
)

IMAGE, DRAWN = torch.rand(2, 3, 16, 16) * 2 - 1, torch.rand(2, 3, 16, 16) * 2 - 1
MASK = (torch.rand(2, 1, 16, 16) < 0.5).float()


def _draw(x: Tensor, level: Level) -> Prediction:
    return Prediction(DRAWN)


@pytest.mark.parametrize(
    ("replace", "known"),
    [
        (known_pixels(IMAGE, MASK), lambda x: (1 - MASK) * x),
        (known_grey(IMAGE), grey_part),
        (known_patch_means(IMAGE), patch_means),
        (known_patch_means(IMAGE, patch=4), lambda x: patch_means(x, patch=4)),
    ],
)
def test_what_is_known_is_kept_and_the_rest_is_drawn(replace: Replace, known: Replace) -> None:
    level = ExplodingProcess().at(torch.tensor(1.0))
    clean = Constrained(_draw, replace)(DRAWN, level).clean
    torch.testing.assert_close(known(clean), known(IMAGE))
    torch.testing.assert_close(clean - known(clean), DRAWN - known(DRAWN))


def test_a_picture_that_no_patches_fill_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 8, got 12 x 16"):
        patch_means(torch.zeros(1, 3, 12, 16))
