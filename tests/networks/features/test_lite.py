"""The lite features: any size and channel count, credited, small, and not blind to damage."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.networks.features.lite import LITE, LITE2, LiteConfig, LiteWeights, credits, fit_size, pretrained


@pytest.fixture(scope="module", params=[LITE, LITE2], ids=["lite", "lite2"])
def network(request: pytest.FixtureRequest) -> torch.nn.Module:
    return pretrained(request.param)


@settings(deadline=None, max_examples=8)
@given(height=st.integers(8, 140), width=st.integers(8, 140), channels=st.sampled_from([1, 2, 3, 5]))
def test_any_size_and_channel_count_gives_256_features(
    network: torch.nn.Module, height: int, width: int, channels: int
) -> None:
    with torch.no_grad():
        features = network(torch.zeros(2, channels, height, width))
    assert features.shape == (2, 256)
    assert torch.isfinite(features).all()


def test_grey_is_colour_with_equal_channels(network: torch.nn.Module) -> None:
    grey = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(network(grey), network(grey.expand(-1, 3, -1, -1)))
        torch.testing.assert_close(network(grey), network(grey.expand(-1, 2, -1, -1)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("given_size", "seen"),
    [((16, 24), (32, 48)), ((32, 40), (32, 40)), ((128, 200), (128, 200)), ((256, 512), (128, 256))],
)
def test_pictures_from_32_to_128_pixels_are_seen_as_they_are(
    given_size: tuple[int, int], seen: tuple[int, int]
) -> None:
    assert fit_size(torch.zeros(1, 1, *given_size)).shape[-2:] == seen


@pytest.mark.parametrize("weights", [LITE, LITE2])
def test_the_weights_stay_small(weights: LiteWeights) -> None:
    assert len(weights.content()) <= 2_100_000


def test_every_training_picture_is_credited() -> None:
    rows = credits()
    assert sum(int(row["pictures"]) for row in rows) == 5651
    assert all(row["source"] and row["licence"] for row in rows)


def test_widths_and_taps_belong_together() -> None:
    with pytest.raises(ValueError, match="as many taps"):
        LiteConfig(widths=(8, 8), taps=(4,))
    assert LiteConfig(widths=(8, 8), taps=(4, 6)).features == 10


def test_more_noise_moves_features_further(network: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.rand(16, 3, 4, 4, generator=generator), size=32, mode="bilinear")
    noise = torch.randn(16, 3, 32, 32, generator=generator)
    with torch.no_grad():
        clean = network(smooth * 2 - 1)
        moved = [float((network(smooth * 2 - 1 + s * noise) - clean).square().mean()) for s in (0.02, 0.05, 0.1, 0.3)]
    assert moved == sorted(moved)
