"""The scheduler of diffusers for score models of the variance-exploding equation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.interop.diffusers_scheduler import read_schedule
from diorama.processes.precondition import NetworkDenoise
from tests.interop.published_steps import NOISE, START


@settings(max_examples=20, deadline=None)
@given(
    document=st.fixed_dictionaries(
        {
            "snr": st.sampled_from([0.15, 0.3]),
            "sigma_min": st.sampled_from([0.01, 0.1]),
            "sigma_max": st.sampled_from([50.0, 1348.0]),
            "sampling_eps": st.sampled_from([1e-5, 1e-3]),
            "correct_steps": st.integers(0, 2),
        }
    ),
    count=st.integers(2, 9),
)
def test_trajectories_end_where_the_librarys_do(document: dict[str, Any], count: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    document |= {"_class_name": "ScoreSdeVeScheduler"}
    scheduler = diffusers.ScoreSdeVeScheduler.from_config(document)
    scheduler.set_timesteps(count)
    scheduler.set_sigmas(count)

    def score(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        sigma = sigma.reshape(-1, 1, 1, 1)
        return -x / (sigma**2 + 1) * (1 + 0.1 * (x / (sigma + 1)).cos())

    draws, x = iter(NOISE), START * scheduler.init_noise_sigma
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{type(scheduler).__module__}.randn_tensor", lambda *a, **k: next(draws))
        for sigma, t in zip(scheduler.sigmas, scheduler.timesteps, strict=True):
            for _ in range(document["correct_steps"]):
                x = scheduler.step_correct(score(x, sigma), x).prev_sample
            x = scheduler.step_pred(score(x, sigma), t, x).prev_sample
    schedule = read_schedule(document)
    times = schedule.spacing.times(schedule.process, count)
    denoise = NetworkDenoise(lambda x, sigma, condition: score(x, sigma), schedule.preconditioning, {})
    ours, again = document["sigma_max"] * START.double(), iter(NOISE)
    *_, last = schedule.sampler.run(denoise, ours, schedule.process, times, lambda i, k=0: next(again).double())
    # The library walks in float32 from level to level of a table in float32; errors grow with the largest of them.
    torch.testing.assert_close(last.x.float(), x, rtol=2e-3, atol=3e-5 * document["sigma_max"] + 2e-3)


@pytest.mark.parametrize("change", [{"snr": 0.0}, {"sigma_min": 2000.0}, {"sampling_eps": 0.0}, {"correct_steps": -1}])
def test_what_is_not_followed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        read_schedule({"_class_name": "ScoreSdeVeScheduler"} | change)
