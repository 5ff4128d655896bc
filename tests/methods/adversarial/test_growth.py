"""Growth by images seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.methods.adversarial.growth import Growth


def test_a_scale_is_steady_and_then_the_next_one_fades_in() -> None:
    growth = Growth(first=1, steady=100, fading=50)
    at = {0: 1, 99: 1, 100: 1, 125: 1.5, 149: 1.98, 150: 2, 250: 2, 275: 2.5, 300: 3, 10_000: 3}
    assert {images: growth.grown(images, 4) for images in at} == pytest.approx(at)
    assert growth.end(4) == 300


@given(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9), st.integers(1, 6), st.integers(0, 80))
def test_it_never_shrinks_and_ends_at_the_last_scale(
    first: int, steady: int, fading: int, scales: int, images: int
) -> None:
    if steady + fading == 0:
        with pytest.raises(ValueError, match="spans"):
            Growth(first=first, steady=steady, fading=fading)
        return
    growth = Growth(first=first, steady=steady, fading=fading)
    now, later = growth.grown(images, scales), growth.grown(images + 1, scales)
    assert min(first, scales - 1) <= now <= later <= scales - 1
    assert growth.grown(growth.end(scales), scales) == scales - 1
    if growth.end(scales):
        assert growth.grown(growth.end(scales) - 1, scales) < scales - 1 or fading == 1


@pytest.mark.parametrize("wrong", [{"first": -1}, {"steady": -1}, {"fading": -1}])
def test_what_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        Growth(**wrong)  # type: ignore[arg-type]
