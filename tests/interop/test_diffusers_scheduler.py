"""Schedulers of diffusers: their levels and steps against the library's, and refusals by name."""

from __future__ import annotations

import math
from dataclasses import fields
from inspect import signature
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.contracts import Condition
from diorama.core.errors import BadInput
from diorama.interop.diffusers_scheduler import SCHEDULERS, Schedule, read_schedule
from diorama.interop.diffusers_write import write_schedule
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.precondition import NetworkDenoise, TargetPreconditioning
from diorama.processes.spacing import StepSpacing, UniformSpacing
from diorama.processes.threshold import DynamicThreshold, StaticThreshold
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig, ddim_inverse
from diorama.samplers.dpm_solver import DPMSolverConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.jumps import JumpsConfig
from diorama.samplers.lms import LMSConfig
from diorama.samplers.pndm import PNDMConfig

_STEPS = 60
BETAS = ("linear", "scaled_linear", "squaredcos_cap_v2")


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of the two schedulers that agree with themselves."""
    zero = draw(st.booleans())
    # Where nothing is left of the data, the noise says nothing of them.
    prediction = draw(st.sampled_from(["sample", "v_prediction"] if zero else ["epsilon", "sample", "v_prediction"]))
    document: dict[str, Any] = {
        "num_train_timesteps": _STEPS,
        "beta_start": 0.002,
        "beta_end": draw(st.sampled_from([0.02, 0.1])),
        "beta_schedule": draw(st.sampled_from(BETAS)),
        "_class_name": draw(st.sampled_from(["DDPMScheduler", "DDIMScheduler"])),
        "prediction_type": prediction,
        "rescale_betas_zero_snr": zero,
        "timestep_spacing": draw(st.sampled_from(["leading", "trailing", "linspace"])),
        "steps_offset": draw(st.integers(0, 1)),
        "clip_sample": draw(st.booleans()),
        "clip_sample_range": draw(st.sampled_from([1.0, 0.7])),
        "thresholding": draw(st.booleans()),
        "dynamic_thresholding_ratio": 0.9,
        "sample_max_value": draw(st.sampled_from([1.0, 1.5])),
    }
    if document["_class_name"] == "DDPMScheduler":
        variance = draw(st.sampled_from(["fixed_small", "fixed_large", "learned", "learned_range"]))
        return document | {"variance_type": variance, "beta_schedule": draw(st.sampled_from((*BETAS, "sigmoid")))}
    return document | {"set_alpha_to_one": draw(st.booleans())}


def network(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
    """A function of sample and time, of twice as many channels; of the variance it says little, and more than 0."""
    t = t.reshape(-1, 1, 1, 1) / _STEPS
    return torch.cat([0.6 * x + 0.2 * (2 * x + t).sin(), 0.03 + 0.02 * (x + t).sin()], dim=1)


def plain(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
    """The first half of it."""
    return network(x, t, condition)[:, : x.shape[1]]


@settings(max_examples=30, deadline=None)
@given(document=documents(), count=st.integers(2, 12))
def test_trajectories_are_the_librarys(document: dict[str, Any], count: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    theirs = getattr(diffusers, document["_class_name"]).from_config(document)
    schedule = read_schedule(document)
    theirs.set_timesteps(count)
    times = schedule.spacing.times(schedule.process, count)
    assert theirs.timesteps.tolist() == (times[:-1] - 1).tolist()
    learned = schedule.preconditioning.variance != "none"
    said = network if learned else plain
    x = start = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = []
    noise = torch.randn(count, 2, 3, 4, 4, generator=torch.Generator().manual_seed(1)).double()
    for i, t in enumerate(theirs.timesteps):
        given = {"eta": 0.4, "variance_noise": noise[i].float()} if "DDIM" in document["_class_name"] else {}
        output = said(x, t.reshape(1).float(), {})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                f"{type(theirs).__module__}.randn_tensor", lambda *a, drawn=noise[i], **k: drawn.float(), raising=True
            )
            x = theirs.step(output, t, x, **given).prev_sample
        expected.append(x)
    sampler = schedule.sampler
    if isinstance(sampler, DDIMConfig):
        sampler = DDIMConfig(eta=0.4, clipped_noise=sampler.clipped_noise, even=sampler.even)
    denoise = NetworkDenoise(said, schedule.preconditioning, {}, threshold=schedule.threshold)
    ours = sampler.run(denoise, start.double(), schedule.process, times, lambda i, k=0: noise[i])
    for i, stage in enumerate(ours):
        # The library works in float32 and takes small differences of numbers near 1.
        torch.testing.assert_close(stage.x.float(), expected[i], rtol=2e-3, atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(
    document=st.fixed_dictionaries(
        {
            "num_train_timesteps": st.sampled_from([_STEPS, 100]),
            "beta_start": st.just(0.002),
            "beta_schedule": st.sampled_from(BETAS),
            "prediction_type": st.sampled_from(["epsilon", "v_prediction"]),
            "timestep_spacing": st.sampled_from(["leading", "trailing"]),
            "clip_sample": st.booleans(),
            "clip_sample_range": st.sampled_from([1.0, 0.5]),
            "set_alpha_to_one": st.booleans(),
        }
    ),
    count=st.integers(2, 12),
)
def test_the_way_up_is_the_librarys(document: dict[str, Any], count: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    theirs = diffusers.DDIMInverseScheduler.from_config(document)
    theirs.set_timesteps(count)
    schedule = read_schedule(document | {"_class_name": "DDIMScheduler"})
    times = schedule.spacing.times(schedule.process, count).flip(0)
    assert theirs.timesteps.tolist() == (times[1:] - 1).tolist()
    x = start = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = []
    for t in theirs.timesteps:
        x = theirs.step(plain(x, t.reshape(1).float(), {}), t, x).prev_sample
        expected.append(x)
    assert isinstance(schedule.sampler, DDIMConfig)
    denoise = NetworkDenoise(plain, schedule.preconditioning, {}, threshold=schedule.threshold)
    ours = ddim_inverse(denoise, start.double(), schedule.process, times, config=schedule.sampler)
    found = [stage.x.float() for stage in ours]
    # Without signal the library divides by next to nothing.
    reached = [i for i, x in enumerate(expected) if x.isfinite().all() and x.abs().max() < 20]
    assert reached
    for i in reached:
        torch.testing.assert_close(found[i], expected[i], rtol=2e-3, atol=2e-3)


@given(document=documents())
def test_schedules_come_back_as_they_were(document: dict[str, Any]) -> None:
    schedule = read_schedule(document)
    assert read_schedule(write_schedule(schedule)) == schedule


def test_trained_variances_and_the_ends_come_back() -> None:
    trained = Schedule(process=DiscreteProcess(steps=2, betas="trained", trained=(0.1, 0.2)))
    assert read_schedule(write_schedule(trained)) == trained
    spacing = StepSpacing(leap="leading", offset=1, until="first")
    ends = Schedule(spacing=spacing, sampler=DDIMConfig(clipped_noise=False), threshold=DynamicThreshold(largest=3))
    assert read_schedule(write_schedule(ends)) == ends


@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_librarys_defaults_are_ours(name: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    theirs = signature(getattr(diffusers, name).__init__).parameters
    # What only files of other versions or schedulers say is read to be refused where it would change what is drawn.
    ours = {key: value for key, value in vars(SCHEDULERS[name]()).items() if key in theirs}
    defaults = {key: tuple(p.default) if isinstance(p.default, list) else p.default for key, p in theirs.items()}
    del defaults["self"]
    assert ours == defaults


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"_class_name": "VQDiffusionScheduler"}, "'VQDiffusionScheduler' is not followed"),
        ({"_class_name": None}, "_class_name"),
        ({"beta_schedule": "laplace"}, "beta_schedule: 'laplace' is not followed, only linear"),
        ({"beta_schedule": "sigmoid"}, "beta_schedule: the library's DDIM knows no 'sigmoid'"),
        ({"prediction_type": "flow"}, "prediction_type"),
        ({"trained_betas": [0.1, 0.2]}, "trained_betas: 2 of them for 1000"),
        ({"trained_betas": [0.1, 2.0], "num_train_timesteps": 2}, "trained: variances must lie between"),
        (
            {"thresholding": True, "dynamic_thresholding_ratio": 0},
            "dynamic_thresholding_ratio: must be above 0 and at most 1, got 0",
        ),
        ({"clip_sample_range": -1.0}, "clip_sample_range: must be positive"),
        ({"steps_offset": -1}, "steps_offset: must be at least 0"),
        ({"skip_prk_steps": True}, "DDIMScheduler.skip_prk_steps"),
        ({"beta_end": "much"}, "beta_end"),
        ({"beta_start": 2.0}, "beta_start, beta_end: .* got 2.0 and 0.02"),
        ({"num_train_timesteps": 0}, "num_train_timesteps"),
        ({"num_train_timesteps": 10**12}, "num_train_timesteps"),
        ({"_class_name": "DDPMScheduler", "variance_type": "fixed_large_log"}, "variance_type"),
        ({"_class_name": "UnCLIPScheduler", "beta_schedule": "linear"}, "beta_schedule: 'linear'"),
    ],
)
def test_what_is_not_followed_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_schedule({"_class_name": "DDIMScheduler"} | change)


@pytest.mark.parametrize(
    ("schedule", "named"),
    [
        (Schedule(process=DiscreteProcess(betas="cosine", offset=0.01)), r"^process\.offset: 0\.01 cannot be written"),
        (Schedule(preconditioning=TargetPreconditioning(predicts="score")), r"^preconditioning\.predicts: score"),
        (Schedule(preconditioning=TargetPreconditioning(variance="log")), r"^preconditioning\.variance: log"),
        (
            Schedule(preconditioning=TargetPreconditioning(variance="share"), sampler=DDIMConfig()),
            r"^preconditioning\.variance: share .* DDIMScheduler, has none$",
        ),
        (
            Schedule(process=DiscreteProcess(betas="sigmoid"), sampler=PNDMConfig(), spacing=UniformSpacing()),
            r"^spacing: uniform cannot be written",
        ),
        (
            Schedule(sampler=DPMSolverConfig(predicts="noise"), spacing=StepSpacing()),
            r"DPMSolverMultistepScheduler: final_sigmas_type: with algorithm_type 'dpmsolver' only",
        ),
        (Schedule(sampler=JumpsConfig()), r"^sampler: .* no scheduler that walks as jumps does"),
        (Schedule(sampler=HeunConfig(), threshold=None), r"^sampler\.along: time .* HeunDiscreteScheduler, has ratio$"),
        (Schedule(sampler=LMSConfig()), r"^threshold: static cannot"),
        (Schedule(sampler=EulerConfig(churn=3.0), threshold=None), r"^sampler: euler \(churn=3\.0\) cannot"),
        (
            Schedule(
                process=FlowProcess(),
                preconditioning=TargetPreconditioning(predicts="flow", time_input="time", time_scale=1000.0),
                spacing=UniformSpacing(),
                sampler=HeunConfig(),
                steps=8,
                threshold=None,
            ),
            r"^spacing: uniform cannot .* FlowMatchHeunDiscreteScheduler, has flow$",
        ),
    ],
)
def test_what_the_library_cannot_say_is_named(schedule: Schedule, named: str) -> None:
    with pytest.raises(BadInput, match=named) as refused:
        write_schedule(schedule)
    assert "\n" not in str(refused.value)


def test_settings_that_change_nothing_are_no_reason_to_refuse() -> None:
    old = {"_class_name": "DDIMScheduler", "_diffusers_version": "0.1.1", "tensor_format": "pt", "trained_betas": None}
    found = read_schedule(old | {"clip_sample": False, "clip_sample_range": 2.0})
    assert found == Schedule(sampler=DDIMConfig(clipped_noise=False), threshold=None)


def _sampler(schedule: Schedule) -> AncestralConfig:
    assert isinstance(schedule.sampler, AncestralConfig)
    return schedule.sampler


def test_unclip_is_ddpm_on_the_cosine() -> None:
    found = read_schedule({"_class_name": "UnCLIPScheduler", "variance_type": "learned_range"})
    assert found == Schedule(
        process=DiscreteProcess(betas="cosine"),
        preconditioning=TargetPreconditioning(variance="share"),
        spacing=StepSpacing(leap="linspace"),
        sampler=AncestralConfig(variance="small", last_scale=_sampler(found).last_scale),
        threshold=StaticThreshold(),
    )
    # The rounding of the library's float32, and no more.
    assert 0 < abs(_sampler(found).last_scale - 1) < 1e-3


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_numbers_that_cannot_be_are_refused_by_the_configs_own_names(kind: str) -> None:
    for field in fields(SCHEDULERS[kind]):
        for wrong in (0, -1, math.nan):
            assert field.name in _told({"_class_name": kind, field.name: wrong}), (kind, field.name, wrong)


def _told(config: dict[str, Any]) -> str:
    """The message of a refusal; of a config that is taken, all that it says."""
    try:
        return str(read_schedule(config)) and " ".join(config)
    except BadInput as problem:
        return str(problem)


def test_unknown_fields_and_a_missing_class_are_named() -> None:
    with pytest.raises(BadInput, match=r"^DDIMScheduler\.beta_stat: is no field .*mean 'beta_start'"):
        read_schedule({"_class_name": "DDIMScheduler", "beta_stat": 0.1})
    with pytest.raises(BadInput, match="_class_name: is missing"):
        read_schedule({"beta_start": 0.1})
