"""Drawing what a mask leaves open."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction
from diorama.core.rng import StepNoise
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.catalog import AnySampler
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.inpainting import Known, inpaint, mask_of_size

_CLEAN = torch.linspace(-1, 1, 32).reshape(1, 1, 4, 8).repeat(2, 1, 1, 1)
_MASK = torch.zeros(1, 1, 4, 8)
_MASK[..., 4:] = 1


def denoise(x: Tensor, level: Level) -> Prediction:
    """Samples are as bright all over as the known part of them is."""
    seen = (x / level.alpha.clamp(min=1e-3).float())[..., :4].mean((1, 2, 3), keepdim=True)
    return Prediction(seen.expand_as(x).float())


def draws(seed: int = 0) -> StepNoise:
    return StepNoise((1, 4, 8), seed=seed, first=0, count=2, device=torch.device("cpu"))


@pytest.mark.parametrize(
    "sampler",
    [AncestralConfig(), DDIMConfig(eta=1), EulerConfig(churn=2), HeunConfig()],
    ids=lambda s: type(s).__name__,
)
def test_the_known_part_comes_back_bit_for_bit(sampler: AnySampler) -> None:
    for process, spacing in (
        (DiscreteProcess(), StepSpacing()),
        (ExplodingProcess(), KarrasSpacing()),
        (FlowProcess(), UniformSpacing()),
    ):
        times = spacing.times(process, 6)
        x = torch.randn(2, 1, 4, 8) * process.prior_scale(times[0]).float()
        known = Known(clean=_CLEAN, mask=_MASK)
        *_, last = inpaint(denoise, x, process, times, draws(), sampler=sampler, known=known, rounds=2)
        assert last.x[..., :4].equal(_CLEAN[..., :4])
        assert not last.x[..., 4:].equal(_CLEAN[..., 4:])
        assert last.x.isfinite().all()


def test_what_is_drawn_comes_to_fit_what_is_known() -> None:
    process = DiscreteProcess()
    times = StepSpacing().times(process, 20)
    known = Known(clean=torch.full((2, 1, 4, 8), 0.8), mask=_MASK)
    x = torch.randn(2, 1, 4, 8)
    *_, last = inpaint(denoise, x, process, times, draws(), sampler=AncestralConfig(), known=known, rounds=3)
    assert (last.x[..., 4:].mean((1, 2, 3)) - 0.8).abs().max() < 0.05


def test_a_mask_over_everything_leaves_the_sampler_what_it_is() -> None:
    process, sampler = DiscreteProcess(), DDIMConfig()
    times = StepSpacing().times(process, 5)
    x = torch.randn(2, 1, 4, 8)
    known = Known(clean=_CLEAN, mask=torch.ones(1, 1, 4, 8))
    *_, last = inpaint(denoise, x, process, times, draws(), sampler=sampler, known=known)
    *_, plain = sampler.run(denoise, x, process, times, draws())
    torch.testing.assert_close(last.x, plain.x)


def test_churn_is_spread_over_all_steps() -> None:
    process, sampler = ExplodingProcess(), EulerConfig(churn=3)
    times = KarrasSpacing().times(process, 5)
    x = 80 * torch.randn(2, 1, 4, 8)
    known = Known(clean=_CLEAN, mask=torch.ones(1, 1, 4, 8))
    *_, last = inpaint(denoise, x, process, times, draws(), sampler=sampler, known=known)
    *_, plain = sampler.run(denoise, x, process, times, draws())
    torch.testing.assert_close(last.x, plain.x)


def test_no_round_and_samplers_that_build_on_their_steps_are_refused() -> None:
    process, known = DiscreteProcess(), Known(clean=_CLEAN, mask=_MASK)
    times, x = StepSpacing().times(process, 5), torch.randn(2, 1, 4, 8)
    with pytest.raises(ValueError, match="rounds must be at least 1"):
        list(inpaint(denoise, x, process, times, draws(), sampler=DDIMConfig(), known=known, rounds=0))
    with pytest.raises(ValueError, match="does not take its steps one at a time"):
        list(inpaint(denoise, x, process, times, draws(), sampler=object(), known=known))  # type: ignore[arg-type]


def test_masks_of_latents_cover_all_that_is_to_be_drawn() -> None:
    mask = torch.tensor([[0.0, 1, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])[None, None]
    assert mask_of_size(mask, (2, 2))[0, 0].tolist() == [[1, 1], [1, 0]]
    assert mask_of_size(mask, (2, 2), nearest=True)[0, 0].tolist() == [[0, 1], [1, 0]]
