"""Frames of clips: estimates are those of independent draws, and intervals cover as they do for pictures.

Every case is (dimensions, clips, frames, correlation of neighbouring frames, shift of the samples' mean, scale of
their spread). A repeat draws new clips; where an interval holds one side fixed, that side stays.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from diorama.evaluation import measures
from diorama.evaluation.frechet_interval import frechet_interval, worth
from diorama.evaluation.measures import Measured, Pair, coverage, density, inception_score, kid, precision, recall
from diorama.metrics.frechet import statistics
from tests.evaluation.clips import gaussian_clips

Case = tuple[int, int, int, float, float, float]
SHARES: dict[str, Callable[[Pair], Measured]] = {
    function.__name__: function for function in (precision, recall, density, coverage)
}


def _sides(case: Case, generator: torch.Generator) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """Draws of samples and of real records."""
    d, clips, frames, correlation, shift, scale = case
    spread = torch.arange(1, d + 1, dtype=torch.float64) ** -0.25

    def samples() -> Tensor:
        return gaussian_clips(clips, frames, correlation, generator, spread=spread * scale, shift=shift)

    def real() -> Tensor:
        return gaussian_clips(clips, frames, correlation, generator, spread=spread)

    return samples, real


@pytest.mark.parametrize("correlation", [0.9, 0.99])
def test_equal_clips_meet_as_equal_pictures_do(correlation: float) -> None:
    generator = torch.Generator().manual_seed(0)
    spread = torch.ones(8, dtype=torch.float64)
    clips = [gaussian_clips(200, 16, correlation, generator, spread=spread) for _ in range(2)]
    apart = [gaussian_clips(3_200, 1, 0.0, generator, spread=spread) for _ in range(2)]
    blind, aware, independent = Pair(*clips), Pair(*clips, group=16), Pair(*apart)
    for name, measure in SHARES.items():
        assert measure(aware).value == pytest.approx(measure(independent).value, abs=0.08), name
    # As if every frame were a draw of its own, balls hold little but their own clip.
    assert recall(blind).value < recall(independent).value - 0.2


def test_kernel_intervals_of_equal_clips_reach_nought() -> None:
    generator = torch.Generator().manual_seed(0)
    samples, real = _sides((8, 40, 8, 0.9, 0.0, 1.0), generator)
    aware, blind = 0, 0
    for _ in range(10):
        pair = Pair(samples(), real(), group=8)
        aware += kid(pair).interval.low == 0
        blind += kid(Pair(pair.samples, pair.reference)).interval.low == 0
    assert aware >= 9
    assert blind <= 5


def test_a_clip_that_holds_still_is_one_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(60, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    pictures = Pair(x, y)
    clips = Pair(x.repeat_interleave(5, 0), y.repeat_interleave(5, 0), group=5)
    for measure in (precision, recall, coverage):
        assert measure(clips).value == measure(pictures).value
    assert density(clips).value == pytest.approx(density(pictures).value)
    assert kid(clips).interval.high == pytest.approx(kid(pictures).interval.high)
    assert worth(clips.samples, statistics(clips.samples), 5).mean == pytest.approx(60)
    assert worth(clips.samples, statistics(clips.samples), 5).covariance == pytest.approx(60)


def test_independent_frames_are_worth_as_many_pictures() -> None:
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(400 * 8, 6, generator=generator, dtype=torch.float64)
    found = worth(frames, statistics(frames), 8)
    assert found.mean > 2_900
    assert found.covariance > 2_900
    still = worth(frames[::8].repeat_interleave(8, 0), statistics(frames), 8)
    assert still.mean < 450


def test_clips_are_dealt_whole_to_the_splits_of_the_score() -> None:
    logits = torch.randn(40, 5, generator=torch.Generator().manual_seed(0)) * 3
    still = Pair(logits.repeat_interleave(6, 0), logits[:0], group=6)
    assert inception_score(still).interval == inception_score(Pair(logits, logits[:0])).interval


DISTANCES: list[Case] = [
    (8, 400, 16, 0.9, 0.0, 1.0),
    (8, 400, 16, 0.9, 0.3, 1.0),
    (8, 300, 16, 0.9, 0.0, 1.2),
    (8, 400, 4, 0.9, 0.5, 1.3),
    (16, 400, 16, 0.7, 0.0, 1.0),
    (8, 400, 16, 0.0, 0.3, 1.0),
]


def _frechet_coverage(case: Case, repeats: int) -> float:
    d, _, frames, _, shift, scale = case
    samples, real = _sides(case, torch.Generator().manual_seed(1))
    spread = torch.arange(1, d + 1, dtype=torch.float64) ** -0.25
    true = shift**2 + float((spread * (scale - 1)).square().sum())
    hits = 0
    for _ in range(repeats):
        interval = frechet_interval(samples(), real(), group=frames)
        hits += interval.low <= true + 1e-12 and true <= interval.high
    return hits / repeats


@pytest.mark.parametrize("case", DISTANCES[:1], ids=str)
def test_frechet_intervals_cover_the_distance_of_clips(case: Case) -> None:
    assert 0.93 <= _frechet_coverage(case, 200) <= 0.98


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("case", DISTANCES, ids=str)
def test_frechet_intervals_cover_the_distance_of_clips_at_more_sizes(case: Case) -> None:
    assert 0.93 <= _frechet_coverage(case, 600) <= 0.98


def _kernel_distance(case: Case) -> float:
    """The true squared discrepancy of the marginals, from their first three moments.

    (x·y/d + 1)^3 is the scalar product of the features 1, x, x⊗x and x⊗x⊗x with weights 1, 3/d, 3/d² and 1/d³.
    """
    d, _, _, _, shift, scale = case
    spread = torch.arange(1, d + 1, dtype=torch.float64) ** -0.25

    def moments(mean: float, factor: float) -> list[Tensor]:
        mu = torch.zeros(d, dtype=torch.float64)
        mu[0] = mean
        covariance = torch.diag((spread * factor).square())
        third = torch.einsum("i,j,k->ijk", mu, mu, mu)
        for axes in ("ij,k->ijk", "ik,j->ijk", "jk,i->ijk"):
            third = third + torch.einsum(axes, covariance, mu)
        return [mu, covariance + torch.outer(mu, mu), third]

    weights = (3 / d, 3 / d**2, 1 / d**3)
    pairs = zip(weights, moments(shift, scale), moments(0.0, 1.0), strict=True)
    return float(sum(weight * (a - b).square().sum() for weight, a, b in pairs))


KERNELS: list[Case] = [
    (8, 60, 8, 0.9, 0.0, 1.0),
    (8, 150, 4, 0.9, 0.5, 1.0),
    (8, 200, 2, 0.9, 0.5, 1.1),
    (16, 60, 4, 0.8, 0.0, 1.0),
    (8, 60, 1, 0.0, 0.0, 1.0),
    (8, 150, 1, 0.0, 0.5, 1.0),
]


def _kernel_coverage(case: Case, repeats: int, monkeypatch: pytest.MonkeyPatch) -> float:
    # The value, which subsets are for, is not asked about.
    monkeypatch.setattr(measures, "KID_SUBSETS", 1)
    samples, real = _sides(case, torch.Generator().manual_seed(1))
    true, hits = _kernel_distance(case), 0
    for _ in range(repeats):
        interval = kid(Pair(samples(), real(), group=case[2])).interval
        hits += interval.low <= true + 1e-12 and true <= interval.high
    return hits / repeats


@pytest.mark.parametrize("case", KERNELS[-2:], ids=str)
def test_kernel_intervals_cover_the_distance(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0.93 <= _kernel_coverage(case, 200, monkeypatch) <= 0.985


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("case", KERNELS, ids=str)
def test_kernel_intervals_cover_the_distance_of_clips(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0.93 <= _kernel_coverage(case, 600, monkeypatch) <= 0.98


PLACES: list[Case] = [
    (4, 200, 1, 0.0, 0.0, 1.0),
    (4, 200, 1, 0.0, 1.0, 1.0),
    (8, 60, 8, 0.9, 0.0, 1.0),
    (8, 60, 8, 0.9, 1.0, 1.0),
    (4, 100, 4, 0.9, 0.5, 1.5),
]


def _share_coverage(name: str, case: Case, repeats: int) -> float:
    """How often the interval holds the mean over repeats, with the side fixed that the measure holds fixed."""
    samples, real = _sides(case, torch.Generator().manual_seed(1))
    x, y = samples(), real()
    if name in ("precision", "density"):
        pairs = (Pair(samples(), y, group=case[2]) for _ in range(repeats))
    else:
        pairs = (Pair(x, real(), group=case[2]) for _ in range(repeats))
    found = [SHARES[name](pair) for pair in pairs]
    true = sum(each.value for each in found) / repeats
    return sum(each.interval.low <= true <= each.interval.high for each in found) / repeats


@pytest.mark.parametrize("name", sorted(SHARES))
def test_intervals_of_shares_cover(name: str) -> None:
    assert 0.91 <= _share_coverage(name, (4, 100, 1, 0.0, 1.0, 1.0), 200) <= 0.99


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("case", PLACES, ids=str)
@pytest.mark.parametrize("name", sorted(SHARES))
def test_intervals_of_shares_cover_for_pictures_and_clips(name: str, case: Case) -> None:
    assert 0.925 <= _share_coverage(name, case, 500) <= 0.98
