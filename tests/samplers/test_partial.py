"""Drawing from the middle of the way."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.contracts import Level, Prediction
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.spacing import KarrasSpacing, StepSpacing
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.catalog import AnySampler
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.partial import for_part, last_part, steps_left_out
from diorama.samplers.pndm import PNDMConfig


@given(count=st.integers(1, 200), share=st.floats(0, 1))
def test_what_is_left_grows_with_the_strength(count: int, share: float) -> None:
    assert steps_left_out(count, 1.0) == 0
    assert steps_left_out(count, 0.0) == count
    assert steps_left_out(count, share) >= steps_left_out(count, min(1.0, share + 0.1))


def test_the_last_times_are_kept() -> None:
    times = StepSpacing().times(DiscreteProcess(), 10)
    assert last_part(times, 1.0).equal(times)
    assert last_part(times, 0.35).equal(times[7:])


def test_less_than_a_step_and_impossible_strengths_are_refused() -> None:
    times = StepSpacing().times(DiscreteProcess(), 10)
    with pytest.raises(ValueError, match=r"less than one; take at least 0\.1"):
        last_part(times, 0.05)
    with pytest.raises(ValueError, match="strength must be in"):
        last_part(times, 1.5)


@pytest.mark.parametrize("sampler", [EulerConfig(churn=4), HeunConfig(churn=4)])
def test_the_last_part_of_a_way_is_walked_as_on_the_whole_way(sampler: AnySampler) -> None:
    process, draws = ExplodingProcess(), torch.randn(6, 2, 1, 4, 4)
    times = KarrasSpacing().times(process, 6)

    def denoise(x: Tensor, level: Level) -> Prediction:
        return Prediction(0.5 * x.tanh())

    whole = list(sampler.run(denoise, 80 * torch.randn(2, 1, 4, 4), process, times, lambda i, k=0: draws[i]))
    part, rest = last_part(times, 0.5), for_part(sampler, 3, 6)
    *_, last = rest.run(denoise, whole[2].x, process, part, lambda i, k=0: draws[3 + i])
    torch.testing.assert_close(last.x, whole[-1].x)


def test_even_steps_stay_as_long_as_on_the_whole_way() -> None:
    assert for_part(PNDMConfig(even=True), 25, 50) == PNDMConfig(even=False)
    assert for_part(DDIMConfig(even=True), 25, 50) == DDIMConfig(even=False)


def test_a_sampler_that_tells_times_of_the_whole_way_walks_no_part() -> None:
    told = EulerConfig(told=StepSpacing())
    assert for_part(told, 6, 6) == told
    with pytest.raises(ValueError, match="walks no part of it"):
        for_part(told, 3, 6)


def test_rounding_that_is_followed_at_the_end_is_none_of_a_middle_part() -> None:
    process, x = DiscreteProcess(steps=20), torch.randn(1, 1, 4, 4)
    times = StepSpacing().times(process, 4)

    def denoise(x: Tensor, level: Level) -> Prediction:
        return Prediction(0.5 * x)

    for part, scale in ((times[:3], 1), (times[2:], 2)):
        plain, scaled = (
            list(AncestralConfig(last_scale=s).run(denoise, x, process, part, lambda i, k=0: x))[-1].x for s in (1, 2)
        )
        torch.testing.assert_close(scaled, scale * plain)


@pytest.mark.parametrize("name", ["DDIMScheduler", "HeunDiscreteScheduler"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_starts_are_those_of_a_published_pipeline(name: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    pipeline = pytest.importorskip("diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img")
    theirs = getattr(diffusers, name)()

    class Stub:
        scheduler = theirs

    for count in (3, 7, 20, 50):
        theirs.set_timesteps(count)
        for strength in torch.linspace(0, 1, 23).tolist():
            _, left = pipeline.StableDiffusionImg2ImgPipeline.get_timesteps(Stub, count, strength, "cpu")
            assert count - steps_left_out(count, strength) == left
