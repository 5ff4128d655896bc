"""Schedulers of diffusers: their noise levels against the library's, and refusals by name."""

from __future__ import annotations

from dataclasses import replace
from inspect import signature
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.interop.diffusers_scheduler import DDIMArguments, DDPMArguments, Schedule, read_schedule, write_schedule
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.spacing import StepSpacing

SCHEDULES = st.builds(
    Schedule,
    steps=st.integers(1, 2000),
    betas=st.sampled_from(["linear", "scaled_linear", "cosine"]),
    first=st.sampled_from([1e-4, 0.00085]),
    last=st.sampled_from([0.02, 0.012]),
    target=st.sampled_from(["noise", "clean", "velocity"]),
    clip=st.booleans(),
    sampler=st.sampled_from(["ancestral", "ddim"]),
    variance=st.sampled_from(["small", "large"]),
    spacing=st.sampled_from(["leading", "trailing", "linspace"]),
)


@given(schedule=SCHEDULES)
def test_schedules_come_back_as_they_were(schedule: Schedule) -> None:
    found = read_schedule(write_schedule(schedule))
    # DDIM's own noise has no choice of variance.
    assert found == (schedule if schedule.sampler == "ancestral" else replace(schedule, variance="small"))


@pytest.mark.parametrize(("name", "arguments"), [("DDPMScheduler", DDPMArguments), ("DDIMScheduler", DDIMArguments)])
def test_the_librarys_defaults_are_ours(name: str, arguments: type) -> None:
    diffusers = pytest.importorskip("diffusers")
    theirs = signature(getattr(diffusers, name).__init__).parameters
    ours = vars(arguments())
    assert {key: p.default for key, p in theirs.items() if key != "self"} == {
        key: value for key, value in ours.items() if key != "tensor_format"
    }


@pytest.mark.parametrize("betas", ["linear", "scaled_linear", "cosine"])
@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_levels_and_steps_are_the_librarys(betas: Any, sampler: Any, spacing: Any) -> None:
    diffusers = pytest.importorskip("diffusers")
    document = write_schedule(Schedule(steps=200, betas=betas, sampler=sampler, spacing=spacing))
    theirs = getattr(diffusers, document["_class_name"]).from_config(document)
    schedule = read_schedule(document)
    process = DiscreteProcess(steps=schedule.steps, betas=schedule.betas, first=schedule.first, last=schedule.last)
    # The library counts its steps from 0, where we have clean data.
    levels = process.at(torch.arange(1, schedule.steps + 1, dtype=torch.float64))
    torch.testing.assert_close(levels.alpha**2, theirs.alphas_cumprod.double(), rtol=2e-4, atol=1e-6)
    theirs.set_timesteps(7)
    steps = StepSpacing(leap=schedule.spacing).times(process, 7)
    assert theirs.timesteps.tolist() == (steps[:-1] - 1).tolist()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"_class_name": "PNDMScheduler"}, "'PNDMScheduler' is not followed"),
        ({"_class_name": None}, "_class_name"),
        ({"beta_schedule": "sigmoid"}, "beta_schedule: 'sigmoid' is not followed, only linear"),
        ({"prediction_type": "flow"}, "prediction_type"),
        ({"trained_betas": [0.1, 0.2]}, "trained_betas"),
        ({"thresholding": True}, "thresholding"),
        ({"clip_sample_range": 2.0}, "clip_sample_range"),
        ({"rescale_betas_zero_snr": True}, "rescale_betas_zero_snr"),
        ({"steps_offset": 1}, "steps_offset"),
        ({"set_alpha_to_one": False}, "set_alpha_to_one"),
        ({"skip_prk_steps": True}, "DDIMScheduler.skip_prk_steps"),
        ({"beta_end": "much"}, "beta_end"),
        ({"beta_start": 2.0}, "beta_start, beta_end: .* got 2.0 and 0.02"),
        ({"num_train_timesteps": 0}, "num_train_timesteps"),
        ({"num_train_timesteps": 10**12}, "num_train_timesteps"),
        ({"_class_name": "DDPMScheduler", "variance_type": "learned_range"}, "variance_type"),
    ],
)
def test_what_is_not_followed_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_schedule({"_class_name": "DDIMScheduler"} | change)


def test_settings_that_change_nothing_are_no_reason_to_refuse() -> None:
    old = {"_class_name": "DDIMScheduler", "_diffusers_version": "0.1.1", "tensor_format": "pt", "trained_betas": None}
    assert read_schedule(old | {"clip_sample": False, "clip_sample_range": 2.0}) == Schedule(sampler="ddim", clip=False)
