"""Limits of clean samples."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.processes.threshold import DynamicThreshold, StaticThreshold


def test_a_static_limit_cuts_at_its_ends() -> None:
    found = StaticThreshold(largest=0.5).limit(torch.tensor([[-2.0, 0.25, 0.75]]))
    assert found.tolist() == [[-0.5, 0.25, 0.5]]


@given(scale=st.floats(0.01, 50), share=st.floats(0.5, 1), largest=st.floats(1, 100))
def test_a_dynamic_limit_brings_each_sample_into_the_range(scale: float, share: float, largest: float) -> None:
    samples = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(0)) * scale
    found = DynamicThreshold(share=share, largest=largest).limit(samples)
    assert found.abs().max() <= 1
    # A sample within the range is left alone.
    within = samples.abs().flatten(1).amax(1) <= 1
    assert torch.equal(found[within], samples[within])


def test_a_dynamic_limit_depends_on_its_sample_alone() -> None:
    limit = DynamicThreshold(share=0.9, largest=10)
    samples = torch.randn(2, 3, 8, 8) * torch.tensor([1.0, 5.0]).reshape(2, 1, 1, 1)
    torch.testing.assert_close(limit.limit(samples)[1:], limit.limit(samples[1:]))
    quantile = samples[1].abs().flatten().quantile(0.9)
    torch.testing.assert_close(limit.limit(samples)[1], samples[1].clamp(-quantile, quantile) / quantile)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: StaticThreshold(largest=0), "largest must be positive"),
        (lambda: DynamicThreshold(share=0), "share must be in"),
        (lambda: DynamicThreshold(largest=0.5), "largest must be at least 1"),
    ],
)
def test_impossible_limits_are_refused(make: object, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        make()  # type: ignore[operator]
