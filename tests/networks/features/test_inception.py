"""The FID network has the published layout and its peculiarities."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from diorama.networks.features.inception import FIDInception, resize, resize_tensorflow


@pytest.fixture(scope="module")
def network() -> FIDInception:
    torch.manual_seed(0)
    return FIDInception().eval()


def test_names_are_the_published_ones(network: FIDInception) -> None:
    names = network.state_dict()
    for name in ("Conv2d_1a_3x3.conv.weight", "Mixed_5b.branch5x5_1.bn.weight", "Mixed_7c.branch3x3dbl_3b.conv.weight"):
        assert name in names
    assert names["fc.weight"].shape == (1008, 2048)


def test_features_and_scores_have_their_shapes(network: FIDInception) -> None:
    with torch.no_grad():
        pooled = network(torch.zeros(1, 1, 20, 24))
    assert pooled.shape == (1, 2048)
    torch.testing.assert_close(network.logits(pooled, biased=True), network.logits(pooled) + network.fc.bias)


def test_resizing_is_without_antialias() -> None:
    image = torch.rand(1, 3, 400, 500, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(resize(image), F.interpolate(image, size=299, mode="bilinear", antialias=True))


def test_tensorflows_resize_starts_at_the_corner_and_repeats_the_end() -> None:
    image = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    row = resize_tensorflow(image)[0, 0, 0]
    assert row[0] == 0
    torch.testing.assert_close(row[150], torch.tensor(150 * 4 / 299))
    assert row[-1] == 3
