"""Euler's and Heun's schedulers of diffusers: trajectories against the library's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.contracts import Condition
from diorama.core.errors import BadInput
from diorama.interop.diffusers_scheduler import read_schedule
from diorama.processes.precondition import NetworkDenoise

_STEPS = 60
_KINDS = ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler")


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of the three schedulers."""
    kind = draw(st.sampled_from(_KINDS))
    document: dict[str, Any] = {
        "_class_name": kind,
        "num_train_timesteps": _STEPS,
        "beta_start": 0.002,
        "beta_end": draw(st.sampled_from([0.02, 0.1])),
        "beta_schedule": draw(st.sampled_from(["linear", "scaled_linear", "squaredcos_cap_v2"])),
        "prediction_type": draw(st.sampled_from(["epsilon", "v_prediction"])),
        "timestep_spacing": draw(st.sampled_from(["leading", "trailing", "linspace"])),
        "steps_offset": draw(st.integers(0, 1)),
    }
    if kind != "HeunDiscreteScheduler":
        document["rescale_betas_zero_snr"] = draw(st.booleans())
    if kind != "EulerAncestralDiscreteScheduler":
        curve = draw(st.sampled_from(["", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"]))
        document |= {curve: True} if curve else {}
    return document


def network(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
    """A function of sample and time."""
    t = t.reshape(-1, 1, 1, 1) / _STEPS
    return 0.6 * x + 0.2 * (2 * x + t).sin()


# The library's own, of NumPy.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(max_examples=30, deadline=None)
@given(document=documents(), count=st.integers(2, 12))
def test_trajectories_end_where_the_librarys_do(document: dict[str, Any], count: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    theirs = getattr(diffusers, document["_class_name"]).from_config(document)
    theirs.set_timesteps(count)
    start = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(count, 2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    x = start * theirs.init_noise_sigma
    with pytest.MonkeyPatch.context() as patch:
        for t, drawn in zip(theirs.timesteps, torch.cat([noise, noise]), strict=False):
            patch.setattr(f"{type(theirs).__module__}.randn_tensor", lambda *a, drawn=drawn, **k: drawn, raising=False)
            output = network(theirs.scale_model_input(x, t), t.reshape(1).float(), {})
            x = theirs.step(output, t, x).prev_sample
    schedule = read_schedule(document)
    times = schedule.spacing.times(schedule.process, count)
    visited = theirs.timesteps if "Heun" not in document["_class_name"] else theirs.timesteps[::2]
    torch.testing.assert_close(times[:-1] - 1, visited.double(), rtol=1e-3, atol=0.02)
    denoise = NetworkDenoise(network, schedule.preconditioning, {})
    first = schedule.process.prior_scale(times[0]) * start.double()
    *_, last = schedule.sampler.run(denoise, first, schedule.process, times, lambda i, k=0: noise[i].double())
    # The library works in float32, from ratios of up to 4,096.
    torch.testing.assert_close(last.x.float(), x, rtol=5e-3, atol=5e-3)


_SVD = {
    "timestep_type": "continuous",
    "prediction_type": "v_prediction",
    "use_karras_sigmas": True,
    "sigma_min": 0.002,
    "sigma_max": 700.0,
}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_SVD | {"final_sigmas_type": "sigma_min"}, "final_sigmas_type"),
        (
            {"interpolation_type": "log_linear", "timestep_type": "continuous", "prediction_type": "v_prediction"},
            "interpolation_type",
        ),
        ({"use_karras_sigmas": True, "sigma_max": 200.0}, "sigma_max"),
        ({"use_karras_sigmas": True, "use_beta_sigmas": True}, "only one of them"),
        ({"sigma_min": 2.0, "sigma_max": 1.0}, "0 < sigma_min < sigma_max"),
        ({"prediction_type": "flow"}, "prediction_type"),
        ({"steps_offset": -1, "timestep_spacing": "leading"}, "offset"),
    ],
)
def test_what_is_not_followed_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_schedule({"_class_name": "EulerDiscreteScheduler"} | change)
