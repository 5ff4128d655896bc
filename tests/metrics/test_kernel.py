"""The kernel distance is unbiased, and its parts add up."""

from __future__ import annotations

import pytest
import torch

from diorama.metrics import kernel
from diorama.metrics.kernel import (
    cubic_kernel,
    draw_subsets,
    kernel_distances,
    kernel_spread,
    mmd_terms,
    squared_mmd,
)


def _draw(seed: int, n: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + shift


def test_agrees_with_the_sum_over_pairs() -> None:
    x, y = _draw(0, 7), _draw(1, 5, 0.3)
    xx = sum(float(cubic_kernel(x[[i]], x[[j]])) for i in range(7) for j in range(7) if i != j) / 42
    yy = sum(float(cubic_kernel(y[[i]], y[[j]])) for i in range(5) for j in range(5) if i != j) / 20
    xy = sum(float(cubic_kernel(x[[i]], y[[j]])) for i in range(7) for j in range(5)) / 35
    assert squared_mmd(x, y) == pytest.approx(xx + yy - 2 * xy)


def test_blocks_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _draw(0, 50), _draw(1, 30, 0.2)
    whole = squared_mmd(x, y)
    monkeypatch.setattr(kernel, "BLOCK", 7)
    assert squared_mmd(x, y) == pytest.approx(whole, rel=1e-12)


def test_unbiased_at_equal_distributions() -> None:
    values = torch.tensor([squared_mmd(_draw(2 * i, 20), _draw(2 * i + 1, 20)) for i in range(200)])
    assert abs(float(values.mean())) < 3 * float(values.std()) / 200**0.5
    assert (values < 0).any()


def test_noise_predicts_the_spread_at_equal_distributions() -> None:
    values = torch.tensor([squared_mmd(_draw(2 * i, 40), _draw(2 * i + 1, 40)) for i in range(300)])
    predicted = 2 * kernel_spread(_draw(1000, 500), _draw(1001, 500)).pairs * (2 / 40) ** 2
    assert float(values.var()) == pytest.approx(predicted, rel=0.35)


def test_the_spread_is_unbiased_however_few_draws_it_is_taken_of() -> None:
    few = [kernel_spread(_draw(2 * i, 10), _draw(2 * i + 1, 10)) for i in range(400)]
    many = kernel_spread(_draw(1000, 500), _draw(1001, 500))
    assert sum(spread.pairs for spread in few) / 400 == pytest.approx(many.pairs, rel=0.25)
    assert sum(spread.trace for spread in few) / 400 == pytest.approx(many.trace, rel=0.1)


def _clips(seed: int, clips: int, frames: int) -> torch.Tensor:
    """Frames that share most of what their clip is."""
    generator = torch.Generator().manual_seed(seed)
    of_clip = torch.randn(clips, 1, 6, generator=generator, dtype=torch.float64)
    of_frame = torch.randn(clips, frames, 6, generator=generator, dtype=torch.float64)
    return (0.9 * of_clip + 0.19**0.5 * of_frame).flatten(0, 1)


def test_pairs_within_a_clip_are_left_out() -> None:
    x, y = _clips(0, 4, 3), _clips(1, 5, 3)

    def within(rows: torch.Tensor) -> float:
        n = len(rows)
        pairs = [(i, j) for i in range(n) for j in range(n) if i // 3 != j // 3]
        return sum(float(cubic_kernel(rows[[i]], rows[[j]])) for i, j in pairs) / len(pairs)

    expected = within(x) + within(y) - 2 * float(cubic_kernel(x, y).mean())
    terms = mmd_terms(x, y, group=3)
    assert terms.unbiased == pytest.approx(expected)
    assert (len(terms.own), len(terms.other)) == (4, 5)


def test_unbiased_at_equal_clips() -> None:
    values = torch.tensor([squared_mmd(_clips(2 * i, 10, 4), _clips(2 * i + 1, 10, 4), group=4) for i in range(200)])
    blind = torch.tensor([squared_mmd(_clips(2 * i, 10, 4), _clips(2 * i + 1, 10, 4)) for i in range(200)])
    assert abs(float(values.mean())) < 3 * float(values.std()) / 200**0.5
    assert float(blind.mean()) > 10 * float(blind.std()) / 200**0.5


def test_noise_predicts_the_spread_at_equal_clips() -> None:
    values = torch.tensor([squared_mmd(_clips(2 * i, 30, 4), _clips(2 * i + 1, 30, 4), group=4) for i in range(300)])
    spread = kernel_spread(_clips(1000, 400, 4), _clips(1001, 400, 4), group=4)
    assert float(values.var()) == pytest.approx(2 * spread.pairs * (2 / 30) ** 2, rel=0.35)


def test_a_clip_that_holds_still_counts_once() -> None:
    x, y = _draw(0, 12), _draw(1, 9, 0.5)
    still = x.repeat_interleave(3, 0), y.repeat_interleave(3, 0)
    assert squared_mmd(*still, group=3) == pytest.approx(squared_mmd(x, y))
    found, expected = kernel_spread(*still, group=3), kernel_spread(x, y)
    assert (found.pairs, found.trace) == pytest.approx((expected.pairs, expected.trace))
    torch.testing.assert_close(mmd_terms(*still, group=3).own, mmd_terms(x, y).own)


def test_subsets_repeat_by_seed_and_never_repeat_inside() -> None:
    first, second = (draw_subsets(20, 9, subsets=3, size=50, seed=4) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert first[0].shape == (3, 9)
    assert all(len(set(row.tolist())) == 9 for row in first[0])


def test_subset_distances_are_those_of_the_subsets() -> None:
    x, y = _draw(0, 30), _draw(1, 30, 1.0)
    chosen = draw_subsets(30, 30, subsets=2, size=10, seed=0)
    found = kernel_distances(x, y, chosen)
    assert float(found[1]) == pytest.approx(squared_mmd(x[chosen[0][1]], y[chosen[1][1]]))


def test_subsets_of_clips_are_of_whole_ones() -> None:
    x, y = _clips(0, 10, 3), _clips(1, 10, 3)
    chosen = torch.tensor([[0, 4, 9]]), torch.tensor([[2, 3, 1]])
    (found,) = kernel_distances(x, y, chosen, group=3).tolist()
    own = torch.cat([x[3 * i : 3 * i + 3] for i in (0, 4, 9)])
    other = torch.cat([y[3 * i : 3 * i + 3] for i in (2, 3, 1)])
    assert found == pytest.approx(squared_mmd(own, other, group=3))
