"""Times as features."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.nn.timestep import Fourier, TimeMLP, sinusoidal, time_features


@settings(deadline=None)
@given(channels=st.integers(4, 33), t=st.floats(0, 1000), sine_first=st.booleans())
def test_waves_have_unit_length_at_every_frequency(channels: int, t: float, sine_first: bool) -> None:
    half = channels // 2
    waves = sinusoidal(torch.tensor([t]), channels, sine_first=sine_first)
    assert waves.shape == (1, channels)
    torch.testing.assert_close(waves[:, :half] ** 2 + waves[:, half : 2 * half] ** 2, torch.ones(1, half))


def test_frequencies_fall_from_one_to_a_ten_thousandth() -> None:
    waves = sinusoidal(torch.tensor([1.0]), 8, shift=1.0)
    expected = [math.sin(10_000 ** (-i / 3)) for i in range(4)]
    torch.testing.assert_close(waves[0, :4], torch.tensor(expected))


def test_order_of_sine_and_cosine_is_a_choice() -> None:
    t = torch.tensor([3.0, 700.0])
    sine, cosine = sinusoidal(t, 6).chunk(2, dim=1)
    assert torch.equal(sinusoidal(t, 6, sine_first=False), torch.cat([cosine, sine], dim=1))


def test_fourier_features_read_the_logarithm() -> None:
    torch.manual_seed(0)
    features = Fourier(4)
    t = torch.tensor([0.5, 3.0])
    expected = torch.sin(2 * math.pi * t.log()[:, None] * features.frequencies)
    # Angles of a hundred radians are rounded to five digits behind the point.
    torch.testing.assert_close(features(t)[:, :4], expected, rtol=0, atol=1e-4)


def test_fourier_features_of_a_level_that_is_a_logarithm_take_none() -> None:
    torch.manual_seed(0)
    features = Fourier(4)
    of_logarithms = Fourier(4, log=False)
    of_logarithms.load_state_dict(features.state_dict())
    t = torch.tensor([0.5, 3.0])
    torch.testing.assert_close(of_logarithms(t.log()), features(t), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("kind", "width"), [("sinusoidal", 6), ("fourier", 12), ("learned", 6)])
def test_each_kind_says_how_wide_it_is(kind: str, width: int) -> None:
    features, told = time_features(kind, 6, sine_first=True, shift=0.0, steps=10)  # type: ignore[arg-type]
    assert told == width
    assert features(torch.tensor([1, 2])).shape == (2, width)
    assert TimeMLP(width, 5)(features(torch.tensor([1, 2]))).shape == (2, 5)


def test_a_learned_table_needs_its_length() -> None:
    with pytest.raises(ValueError, match="steps"):
        time_features("learned", 6, sine_first=True, shift=0.0, steps=None)
