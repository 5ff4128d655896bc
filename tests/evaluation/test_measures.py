"""Every measure of features has a value and an interval that belong together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from prdc import compute_prdc

from diorama.evaluation import measures
from diorama.evaluation.catalog import features
from diorama.evaluation.catalog.entries import SampleMetric
from diorama.evaluation.measures import (
    Measured,
    Pair,
    coverage,
    density,
    fd,
    inception_score,
    kid,
    precision,
    recall,
)

MEASURES: dict[str, Callable[[Pair], Measured]] = {
    function.__name__: function for function in (fd, kid, precision, recall, density, coverage, inception_score)
}


def _pair(shift: float = 0.0, n: int = 200, group: int = 1) -> Pair:
    generator = torch.Generator().manual_seed(0)
    return Pair(torch.randn(n, 6, generator=generator) + shift, torch.randn(n, 6, generator=generator), group=group)


@pytest.mark.parametrize("name", sorted(MEASURES))
@pytest.mark.parametrize("group", [1, 4])
def test_values_and_intervals_are_finite(name: str, group: int) -> None:
    value, interval, _ = MEASURES[name](_pair(0.5, group=group))
    assert interval.low <= interval.high
    assert interval.level == 0.95
    assert interval.method
    if name not in ("fd", "kid"):
        assert interval.low <= value <= interval.high


@pytest.mark.parametrize("name", ["fd", "kid"])
def test_distances_reach_nought_for_equal_distributions_only(name: str) -> None:
    assert MEASURES[name](_pair()).interval.low == 0
    assert MEASURES[name](_pair(1.5)).interval.low > 0


@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage"])
def test_shares_fall_as_sets_move_apart(name: str) -> None:
    near, far = MEASURES[name](_pair()), MEASURES[name](_pair(4.0))
    assert near.value > far.value
    assert near.interval.low > far.interval.high


@pytest.mark.parametrize("seed", range(8))
def test_precision_and_recall_reach_to_the_third_neighbour_and_its_surface(seed: int) -> None:
    # Whole numbers have many points at the very distance of the third neighbour.
    draw = np.random.default_rng(seed)
    real, fake = draw.integers(0, 7, (40, 3)).astype(np.float64), draw.integers(1, 8, (50, 3)).astype(np.float64)
    pair = Pair(torch.from_numpy(fake), torch.from_numpy(real))

    def reach(points: np.ndarray) -> np.ndarray:
        """Squared distance to the third nearest of the others."""
        squares = ((points[:, None] - points) ** 2).sum(2)
        return np.sort(squares + np.diag(np.full(len(points), np.inf)), 1)[:, 2]

    squares = ((fake[:, None] - real) ** 2).sum(2)
    # Shares by hand, with a surface that is inside.
    by_hand = (squares <= reach(real)).any(1).mean(), (squares <= reach(fake)[:, None]).any(0).mean()
    assert (precision(pair).value, recall(pair).value) == pytest.approx(by_hand)
    # And they are not those of a surface that is outside.
    strict = (squares < reach(real)).any(1).mean(), (squares < reach(fake)[:, None]).any(0).mean()
    assert by_hand[0] > strict[0] or by_hand[1] > strict[1]


def test_all_four_agree_with_their_authors_code(capsys: pytest.CaptureFixture[str]) -> None:
    pair = _pair(0.7, n=120)
    real, fake = pair.reference.double().numpy(), pair.samples.double().numpy()
    third, fifth = compute_prdc(real, fake, 3), compute_prdc(real, fake, 5)
    capsys.readouterr()
    assert precision(pair).value == pytest.approx(third["precision"])
    assert recall(pair).value == pytest.approx(third["recall"])
    assert density(pair).value == pytest.approx(fifth["density"])
    assert coverage(pair).value == pytest.approx(fifth["coverage"])
    assert third["precision"] < fifth["precision"]


def test_the_kernel_distance_is_the_mean_of_a_hundred_subsets() -> None:
    draw = np.random.default_rng(1)
    x, y = draw.normal(0, 1, (300, 4)), draw.normal(0.3, 1, (150, 4))
    found = kid(Pair(torch.from_numpy(x), torch.from_numpy(y), seed=5)).value

    def unbiased(a: np.ndarray, b: np.ndarray) -> float:
        """The published estimate, in NumPy."""
        aa, bb, ab = ((p @ q.T / 4 + 1) ** 3 for p, q in ((a, a), (b, b), (a, b)))
        n = len(a)
        return (aa.sum() - np.trace(aa) + bb.sum() - np.trace(bb)) / (n * (n - 1)) - 2 * ab.mean()

    # The smaller side has 150, so subsets have as many.
    subsets = np.random.default_rng(5)
    chosen = [(subsets.choice(300, 150, replace=False), subsets.choice(150, 150, replace=False)) for _ in range(100)]
    assert found == pytest.approx(np.mean([unbiased(x[own], y[other]) for own, other in chosen]), rel=1e-9)


@pytest.mark.parametrize(("group", "size"), [(1, 1_000), (16, 62), (999, 2)])
def test_subsets_have_a_thousand_rows_of_whole_clips(monkeypatch: pytest.MonkeyPatch, group: int, size: int) -> None:
    asked: dict[str, int] = {}

    def draw_subsets(n: int, m: int, **given: int) -> tuple[torch.Tensor, torch.Tensor]:
        asked.update(given, n=n, m=m)
        return torch.tensor([[0, 1]]), torch.tensor([[0, 2]])

    monkeypatch.setattr(measures, "draw_subsets", draw_subsets)
    kid(_pair(n=3 * group, group=group))
    assert asked == {"subsets": 100, "size": size, "seed": 0, "n": 3, "m": 3}


def test_balls_are_compared_among_at_most_so_many() -> None:
    pair = _pair(n=200, group=4)
    limited = pair.limited(50)
    assert (len(limited.samples), len(limited.reference)) == (48, 48)
    clips = {tuple(clip.flatten().tolist()) for clip in pair.samples.unflatten(0, (-1, 4))}
    assert all(tuple(clip.flatten().tolist()) in clips for clip in limited.samples.unflatten(0, (-1, 4)))
    assert pair.limited(None) is pair
    assert pair.limited(200) is pair


@pytest.mark.parametrize("entry", [entry for entry in features.ENTRIES if isinstance(entry, SampleMetric)])
def test_the_least_that_entries_name_is_enough(entry: SampleMetric) -> None:
    name = "inception_score" if entry.name == "is" else entry.name
    assert np.isfinite(MEASURES[name](_pair(n=entry.least)).value)
    if name != "kid":  # of fewer it has a value as well, but no interval that would hold
        with pytest.raises(ValueError, match="need"):
            MEASURES[name](_pair(n=entry.least - 1))


@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage", "fd"])
def test_clips_that_hold_still_tell_no_more_than_one_frame_of_each(name: str) -> None:
    frames = _pair(0.7, n=60)
    still = Pair(frames.samples.repeat_interleave(8, 0), frames.reference.repeat_interleave(8, 0), group=8)
    of_frames, of_clips = MEASURES[name](frames), MEASURES[name](still)
    # Of the Fréchet distance the covariance of more rows differs a little.
    assert of_clips.value == pytest.approx(of_frames.value, rel=0.1 if name == "fd" else 1e-6)
    # Eight times as many rows that told something would make it almost three times as narrow.
    width, alone = (found.interval.high - found.interval.low for found in (of_clips, of_frames))
    assert width == pytest.approx(alone, rel=0.1)
