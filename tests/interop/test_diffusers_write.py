"""Schedules written for diffusers: read back they are the same, and the library draws with them what we do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.interop.diffusers_sameness import differences
from diorama.interop.diffusers_schedule import Schedule
from diorama.interop.diffusers_scheduler import SCHEDULERS, read_schedule
from diorama.interop.diffusers_write import write_schedule, written_schedule
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.distilled import DistilledSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.sections import SectionSpacing
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.catalog import sampler_named
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.lcm import LCMConfig
from diorama.samplers.lms import LMSConfig
from tests.interop import (
    test_diffusers_flow,
    test_diffusers_jumps,
    test_diffusers_multistep,
    test_diffusers_scheduler,
    test_diffusers_sigmas,
    test_diffusers_solvers,
)
from tests.interop.published_steps import ours, theirs

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

_PLAIN = ("PNDMScheduler", "LMSDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler")


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of any scheduler: those that the tests of reading compare with the library."""
    euler = {
        "_class_name": "EulerDiscreteScheduler",
        "timestep_type": draw(st.sampled_from(["discrete", "continuous"])),
    }
    jump = {"_class_name": draw(st.sampled_from(["LCMScheduler", "TCDScheduler"]))}
    plain = {"_class_name": draw(st.sampled_from(_PLAIN))}
    return draw(
        st.one_of(
            test_diffusers_multistep.dpm_solvers(),
            test_diffusers_multistep.deis(),
            test_diffusers_multistep.unipc(),
            test_diffusers_multistep.sa_solvers(),
            test_diffusers_multistep.edm(),
            test_diffusers_sigmas.documents(),
            test_diffusers_solvers.eulers().map(lambda found: found | euler),
            test_diffusers_solvers.discrete().map(lambda found: found | plain),
            test_diffusers_jumps.distilled().map(lambda found: found | jump),
            test_diffusers_flow.eulers(),
            test_diffusers_scheduler.documents(),
        )
    )


@settings(max_examples=40, deadline=None)
@given(document=documents())
def test_what_is_written_is_read_back_as_the_same_values(document: dict[str, Any]) -> None:
    try:
        schedule = read_schedule(document)
    except BadInput:
        assume(False)
        raise
    written = written_schedule(schedule)
    assert written.notes == ()
    assert read_schedule(written.document) == schedule


@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_defaults_of_every_scheduler_come_back_and_are_known_to_the_library(name: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    schedule = read_schedule({"_class_name": name})
    document = write_schedule(schedule)
    assert read_schedule(document) == schedule
    # RePaint's steps down are DDIM's.
    assert document["_class_name"] == ("DDIMScheduler" if name == "RePaintScheduler" else name)
    given = {key: value for key, value in document.items() if key != "_class_name"}
    getattr(diffusers, document["_class_name"])(**given)  # takes every setting by name


_VELOCITY = TargetPreconditioning(predicts="velocity")
_FLOW = TargetPreconditioning(predicts="flow", time_input="time", time_scale=1000.0)
_DISCRETE = {"process": DiscreteProcess(steps=60, first=0.002, last=0.1), "preconditioning": _VELOCITY}
_STEPS = _DISCRETE | {"spacing": StepSpacing(), "threshold": StaticThreshold()}
_EDM = {
    "process": ExplodingProcess(),
    "preconditioning": EDMPreconditioning(),
    "spacing": KarrasSpacing(),
    "threshold": None,
    "steps": 9,
}
OWN: dict[str, Schedule] = {
    "DDPMScheduler": Schedule(**_STEPS, sampler=AncestralConfig(variance="large")),
    "DDIMScheduler": Schedule(**_STEPS | {"threshold": None}, sampler=DDIMConfig(), steps=10),
    "DPMSolverMultistepScheduler": Schedule(**_STEPS, sampler=sampler_named("dpmpp_2m"), steps=10),
    "UniPCMultistepScheduler": Schedule(**_STEPS, sampler=sampler_named("unipc"), steps=10),
    "EDMEulerScheduler": Schedule(**_EDM, sampler=EulerConfig()),
    "EDMDPMSolverMultistepScheduler": Schedule(**_EDM, sampler=sampler_named("dpmpp_2m")),
    "FlowMatchEulerDiscreteScheduler": Schedule(
        process=FlowProcess(),
        preconditioning=_FLOW,
        spacing=UniformSpacing(),
        sampler=EulerConfig(),
        threshold=None,
        steps=8,
    ),
    "LCMScheduler": Schedule(**_DISCRETE, spacing=DistilledSpacing(grid=20), sampler=LCMConfig(), steps=5),
}
"""Settings as our own recipes have them, of no file of the library."""


@pytest.mark.parametrize("name", OWN)
def test_the_library_draws_what_our_own_settings_draw(name: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    schedule = OWN[name]
    document = write_schedule(schedule)
    assert document["_class_name"] == name
    count = schedule.steps or 40
    if name == "DDPMScheduler":  # of every step, for which there is noise
        document |= {"num_train_timesteps": 40}
        schedule = replace(schedule, process=replace(schedule.process, steps=40))  # type: ignore[type-var]
        assert write_schedule(schedule) == document
    scheduler = getattr(diffusers, name).from_config(document)
    ended, told = theirs(scheduler, {"num_inference_steps": count})
    found, asked = ours(schedule, count)
    assert asked == pytest.approx(told, abs=2e-3)
    # Of EDM's the library starts with noise beside which data count.
    torch.testing.assert_close(found, ended, rtol=4e-3, atol=2e-3 * float(ended.abs().max()))


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (Schedule(**_STEPS, sampler=DDIMConfig(eta=0.5), steps=10), "eta of 0.5"),
        (Schedule(**_STEPS, sampler=DDIMConfig(), steps=10), "use_clipped_model_output"),
        (Schedule(**_STEPS, sampler=AncestralConfig(), steps=10), "noise in the last step too"),
        (Schedule(**_DISCRETE, spacing=SectionSpacing(), sampler=AncestralConfig()), ""),
        (Schedule(**_EDM, sampler=EulerConfig()), "1.00008 times the noise"),
        (OWN["FlowMatchEulerDiscreteScheduler"], "with 8 steps alone"),
        (
            replace(read_schedule({"_class_name": "LMSDiscreteScheduler"}), sampler=LMSConfig(order=3)),
            "order=3",
        ),
    ],
)
def test_what_is_left_to_those_who_draw_is_said(schedule: Schedule, said: str) -> None:
    notes = written_schedule(schedule).notes
    assert any(said in note for note in notes) if said else not notes


def test_a_start_from_other_noise_is_refused() -> None:
    # The first level has as much signal as noise, so that noise of unit variance is far too much.
    process = DiscreteProcess(steps=20, first=0.002, last=0.05, prior="noise")
    short = replace(OWN["UniPCMultistepScheduler"], process=process)
    with pytest.raises(BadInput, match=r"^process\.prior: noise cannot be written"):
        write_schedule(short)


def test_two_spellings_of_one_walk_do_not_differ() -> None:
    euler = Schedule(**_STEPS, sampler=EulerConfig(), steps=10)
    assert differences(euler, replace(euler, sampler=DDIMConfig())) == []
    assert [d.where for d in differences(euler, replace(euler, sampler=DDIMConfig(eta=1.0)))] == ["sampler.eta"]
