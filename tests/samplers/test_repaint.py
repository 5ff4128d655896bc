"""RePaint."""

from __future__ import annotations

import pytest
import torch

from diorama.core.contracts import Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import KarrasSpacing, Spacing, StepSpacing, UniformSpacing
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.inpainting import Known, inpaint
from diorama.samplers.repaint import RePaintConfig, moves, repaint
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

WAYS: list[tuple[Process, Spacing]] = [
    (DiscreteProcess(steps=100, betas="cosine"), StepSpacing()),
    (ExplodingProcess(), KarrasSpacing()),
    (FlowProcess(), UniformSpacing()),
]


def test_each_stretch_is_walked_down_as_often_as_is_asked() -> None:
    found = list(moves(6, RePaintConfig(jump=2, resamplings=2)))
    assert "".join("d" if down else "u" for down in found) == "dddd" + "uu" + "dddd" + "uu" + "dd"
    assert list(moves(5, RePaintConfig(resamplings=1))) == [True] * 5


@pytest.mark.parametrize("way", WAYS, ids=["discrete", "exploding", "flow"])
def test_what_is_known_stays_and_the_rest_is_drawn_like_the_data(way: tuple[Process, Spacing]) -> None:
    process, spacing = way
    times = spacing.times(process, 60)
    shape = (10_000, 2)
    mask, known = torch.tensor([[1.0, 0.0]]), torch.full(shape, 7.0)
    start = process.prior_scale(times[0]) * torch.randn(shape, generator=torch.Generator().manual_seed(5))
    config = RePaintConfig(jump=10, resamplings=2, eta=0.0)
    stages = list(repaint(best, start, process, times, Draws(shape), known=known, mask=mask, config=config))
    assert len(stages) == len(list(moves(60, config)))
    x = stages[-1].x
    assert (x[:, 1] == 7).all()
    assert x[:, 0].mean().item() == pytest.approx(MEAN, abs=0.03)
    assert x[:, 0].std().item() == pytest.approx(DEVIATION, rel=0.1)


def test_where_all_is_to_be_drawn_one_walk_is_ddim() -> None:
    process, start = DiscreteProcess(steps=100), torch.randn(2, 3, dtype=torch.float64)
    times, one = StepSpacing().times(process, 8), torch.ones(1, dtype=torch.float64)
    config = RePaintConfig(resamplings=1)
    first = list(repaint(best, start, process, times, Draws((2, 3)), known=start, mask=one, config=config))
    second = list(DDIMConfig(eta=1.0).run(best, start, process, times, Draws((2, 3))))
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a.x, b.x)


def test_a_late_way_up_needs_steps() -> None:
    process, config = FlowProcess(), RePaintConfig(jump=1, resamplings=2, late=True)
    times, x = UniformSpacing().times(process, 4), torch.randn(3)
    with pytest.raises(ValueError, match="discrete process"):
        list(repaint(best, x, process, times, Draws((3,)), known=x, mask=torch.zeros(3), config=config))


@pytest.mark.parametrize("wrong", [{"jump": 0}, {"resamplings": 0}, {"eta": 2.0}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RePaintConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("way", WAYS, ids=["discrete", "exploding", "flow"])
def test_one_resampling_is_one_round_of_inpaint(way: tuple[Process, Spacing]) -> None:
    process, spacing = way
    times, x, clean = spacing.times(process, 6), torch.randn(3, 2), torch.randn(3, 2)
    mask, drawn = torch.tensor([[1.0, 0.0]]), torch.randn(6, 3, 2)

    def noise(i: int, k: int = 0) -> torch.Tensor:
        return drawn[i]

    config = RePaintConfig(resamplings=1, eta=0.0)
    one = repaint(best, x, process, times, noise, known=clean, mask=mask, config=config)
    known = Known(clean=clean, mask=mask)
    other = inpaint(best, x, process, times, noise, sampler=DDIMConfig(), known=known, rounds=1)
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a.x, b.x)


def test_the_two_walks_repeat_other_steps() -> None:
    # In jumps of one step the first is walked once and the last as often as any; inpaint's tests have the other way.
    found = "".join("d" if down else "u" for down in moves(3, RePaintConfig(jump=1, resamplings=2)))
    assert found == "d" + "d" + "u" + "d" + "d" + "u" + "d"
