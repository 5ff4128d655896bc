"""Drawing from the middle of the way."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.processes.discrete import DiscreteProcess
from diorama.processes.spacing import StepSpacing
from diorama.samplers.partial import last_part, steps_left_out


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
