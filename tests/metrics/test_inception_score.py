"""The Inception Score lies between one and the number of classes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.metrics.inception_score import inception_scores


def test_sure_and_varied_pictures_score_the_number_of_classes() -> None:
    logits = torch.eye(5).repeat(8, 1) * 1e3
    assert inception_scores(logits, splits=1).tolist() == pytest.approx([5.0])


def test_equal_pictures_score_one() -> None:
    logits = torch.randn(1, 7, generator=torch.Generator().manual_seed(0)).expand(20, 7)
    assert inception_scores(logits, splits=4).tolist() == pytest.approx([1.0] * 4)


@settings(deadline=None, max_examples=25)
@given(scale=st.floats(0, 50), n=st.integers(10, 40), seed=st.integers(0, 99))
def test_between_one_and_the_number_of_classes(scale: float, n: int, seed: int) -> None:
    logits = torch.randn(n, 6, generator=torch.Generator().manual_seed(seed)) * scale
    scores = inception_scores(logits, splits=3, seed=seed)
    assert ((scores >= 1 - 1e-9) & (scores <= 6 + 1e-9)).all()


def test_in_order_splits_are_those_of_the_rows() -> None:
    logits = torch.zeros(4, 2)
    logits[0, 0] = logits[1, 1] = 100.0
    first, second = inception_scores(logits, splits=2, seed=None).tolist()
    assert first == pytest.approx(2.0)
    assert second == pytest.approx(1.0)
    assert math.isclose(second, 1.0)


def test_frames_of_a_clip_are_dealt_together() -> None:
    logits = torch.randn(12, 4, generator=torch.Generator().manual_seed(0)) * 4
    still = logits.repeat_interleave(5, 0)
    torch.testing.assert_close(
        inception_scores(still, splits=3, seed=2, group=5), inception_scores(logits, splits=3, seed=2)
    )
    with pytest.raises(ValueError, match="at least as many pictures, got 12"):
        inception_scores(still, splits=13, group=5)


def test_fewer_pictures_than_splits_are_refused() -> None:
    with pytest.raises(ValueError, match="at least as many"):
        inception_scores(torch.zeros(3, 2), splits=10)
