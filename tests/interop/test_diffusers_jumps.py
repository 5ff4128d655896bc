"""Schedulers of diffusers for models that jump to clean data, RePaint's, and unCLIP's last step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.diffusers_scheduler import read_schedule
from diorama.processes.distilled import DistilledSpacing
from diorama.processes.precondition import NetworkDenoise
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.repaint import RePaintConfig, moves, repaint
from diorama.samplers.tcd import TCDConfig
from tests.interop.published_steps import START, network, ours, theirs

_STEPS = 60


@st.composite
def distilled(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of LCM's and TCD's."""
    predicts = draw(st.sampled_from(["epsilon", "v_prediction", "sample"]))
    return {
        "num_train_timesteps": _STEPS,
        "beta_start": 0.002,
        "beta_end": draw(st.sampled_from([0.02, 0.1])),
        "beta_schedule": draw(st.sampled_from(["linear", "scaled_linear", "squaredcos_cap_v2"])),
        "prediction_type": predicts,
        "rescale_betas_zero_snr": predicts != "epsilon" and draw(st.booleans()),
        "original_inference_steps": draw(st.sampled_from([20, 25, 60])),
        "clip_sample": draw(st.booleans()),
        "clip_sample_range": 0.8,
        "thresholding": draw(st.booleans()),
        "timestep_scaling": draw(st.sampled_from([10.0, 2.0, 0.1])),
    }


@settings(max_examples=25, deadline=None)
@given(
    document=distilled(),
    strength=st.sampled_from([1.0, 0.6]),
    eta=st.none() | st.sampled_from([0.0, 0.3, 1.0]),
    count=st.integers(1, 12),
)
def test_lcm_and_tcd(document: dict[str, Any], strength: float, eta: float | None, count: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    document |= {"_class_name": "LCMScheduler" if eta is None else "TCDScheduler"}
    scheduler = getattr(diffusers, document["_class_name"]).from_config(document)
    given = {"num_inference_steps": count, "strength": strength}
    ended, told = theirs(scheduler, given, {} if eta is None else {"eta": eta})
    schedule = read_schedule(document)
    assert isinstance(schedule.spacing, DistilledSpacing)
    schedule = replace(schedule, spacing=replace(schedule.spacing, strength=strength))
    found, asked = ours(schedule, count, sampler=None if eta is None else TCDConfig(eta=eta))
    if eta is not None:
        # The library keeps the scale of the first step's level.
        found = found * float(schedule.process.at(torch.tensor(1.0, dtype=torch.float64)).alpha)
    assert asked == told
    torch.testing.assert_close(found, ended, rtol=2e-3, atol=2e-3)


@settings(max_examples=15, deadline=None)
@given(
    document=st.fixed_dictionaries(
        {
            "num_train_timesteps": st.sampled_from([40, 18, 201]),
            "sigma_min": st.sampled_from([0.002, 0.01]),
            "sigma_max": st.sampled_from([80.0, 20.0]),
            "sigma_data": st.sampled_from([0.5, 1.0]),
            "s_noise": st.sampled_from([1.0, 0.9]),
            "rho": st.sampled_from([7.0, 5.0]),
            "clip_denoised": st.booleans(),
        }
    ),
    count=st.integers(1, 9),
)
def test_consistency(document: dict[str, Any], count: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    document |= {"_class_name": "CMStochasticIterativeScheduler"}
    scheduler = diffusers.CMStochasticIterativeScheduler.from_config(document)
    ended, told = theirs(scheduler, {"num_inference_steps": count})
    found, asked = ours(read_schedule(document), count)
    assert asked == pytest.approx(told, abs=2e-3)
    torch.testing.assert_close(found, ended, rtol=1e-4, atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(
    eta=st.sampled_from([0.0, 0.5, 1.0]),
    betas=st.sampled_from(["linear", "sigmoid", "squaredcos_cap_v2"]),
    clip=st.booleans(),
    jump=st.integers(1, 3),
    resamplings=st.integers(1, 3),
    count=st.integers(2, 9),
)
def test_repaint(eta: float, betas: str, clip: bool, jump: int, resamplings: int, count: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    document = {"_class_name": "RePaintScheduler", "num_train_timesteps": _STEPS, "beta_schedule": betas}
    document |= {"eta": eta, "clip_sample": clip, "beta_end": 0.1}
    scheduler = diffusers.RePaintScheduler.from_config(document)
    scheduler.set_timesteps(count, jump_length=jump, jump_n_sample=resamplings)
    known, mask = torch.zeros_like(START), (START > 0).float()
    seed = torch.Generator().manual_seed(3)
    draws: list[Tensor] = []

    def drawn(*args: object, **rest: object) -> Tensor:
        draws.append(torch.randn(START.shape, generator=seed))
        return draws[-1]

    x, last, drawn_at = START, int(scheduler.timesteps[0]) + 1, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{type(scheduler).__module__}.randn_tensor", drawn)
        for time in scheduler.timesteps.tolist():
            drawn_at.append(len(draws))
            if time < last:
                output = network(x, torch.tensor([float(time)]), {})
                x = scheduler.step(output, time, x, known, mask).prev_sample
            else:
                x = scheduler.undo_step(x, last)
            last = time
    schedule = read_schedule(document)
    assert isinstance(schedule.sampler, DDIMConfig)
    config = RePaintConfig(jump=jump, resamplings=resamplings, eta=schedule.sampler.eta, late=True)
    assert len(list(moves(count, config))) == len(drawn_at)
    *_, end = repaint(
        NetworkDenoise(network, schedule.preconditioning, {}, threshold=schedule.threshold),
        START,
        schedule.process,
        schedule.spacing.times(schedule.process, count),
        lambda i, k=0: draws[drawn_at[i] + k],
        known=known,
        mask=1 - mask,
        config=config,
    )
    torch.testing.assert_close(end.x.float(), x, rtol=2e-3, atol=2e-3)


@settings(max_examples=10, deadline=None)
@given(steps=st.sampled_from([1000, 400, 60]), clip=st.booleans(), count=st.integers(3, 9))
def test_unclips_last_step_has_the_librarys_rounding(steps: int, clip: bool, count: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    document = {"_class_name": "UnCLIPScheduler", "num_train_timesteps": steps, "clip_sample": clip}
    scheduler = diffusers.UnCLIPScheduler.from_config(document)
    scheduler.set_timesteps(count)
    clean = 0.5 + START.abs()
    before = scheduler.alphas_cumprod[0].sqrt() * clean
    ended = scheduler.step(torch.zeros_like(clean), 0, before, prev_timestep=None).prev_sample
    schedule = read_schedule(document)
    denoise = NetworkDenoise(
        lambda x, t, condition: torch.zeros_like(x), schedule.preconditioning, {}, threshold=schedule.threshold
    )
    times = torch.tensor([1.0, 0.0], dtype=torch.float64)
    (stage,) = schedule.sampler.run(denoise, before, schedule.process, times, lambda i, k=0: clean)
    torch.testing.assert_close(stage.x, ended, rtol=2e-5, atol=0)


@pytest.mark.parametrize(
    ("kind", "change", "named"),
    [
        ("LCMScheduler", {"prediction_type": "flow"}, "prediction_type"),
        ("LCMScheduler", {"original_inference_steps": 0}, "original_inference_steps"),
        ("LCMScheduler", {"timestep_scaling": 0.0}, "timestep_scaling"),
        ("TCDScheduler", {"gamma": 0.3}, "gamma"),
        ("CMStochasticIterativeScheduler", {"num_train_timesteps": 1}, "num_train_timesteps"),
        ("CMStochasticIterativeScheduler", {"sigma_min": 90.0}, "0 < sigma_min < sigma_max"),
        ("RePaintScheduler", {"prediction_type": "sample"}, "prediction_type"),
    ],
)
def test_what_is_not_followed_is_refused_by_name(kind: str, change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_schedule({"_class_name": kind} | change)
