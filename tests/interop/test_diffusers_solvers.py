"""Schedulers of diffusers for PNDM, LMS, KDPM2 and Euler, also EDM's: where they end and what they tell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.interop.diffusers_scheduler import read_schedule
from diorama.samplers.catalog import AnySampler
from diorama.samplers.euler import EulerConfig
from diorama.samplers.lms import LMSConfig
from tests.interop.published_steps import ours, theirs

# The library's own, of NumPy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

_STEPS = 60
_CURVES = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas")


@st.composite
def discrete(draw: st.DrawFn, *, betas: tuple[str, ...] = ("linear", "scaled_linear", "squaredcos_cap_v2")) -> Any:
    """What all these schedulers have."""
    return {
        "num_train_timesteps": _STEPS,
        "beta_start": 0.002,
        "beta_end": draw(st.sampled_from([0.02, 0.1])),
        "beta_schedule": draw(st.sampled_from(betas)),
        "prediction_type": draw(st.sampled_from(["epsilon", "v_prediction"])),
        "timestep_spacing": draw(st.sampled_from(["leading", "trailing", "linspace"])),
        "steps_offset": draw(st.integers(0, 1)),
    }


def curves() -> st.SearchStrategy[dict[str, bool]]:
    """No curve, or one."""
    return st.sampled_from([{}, *({name: True} for name in _CURVES)])


def assert_alike(document: dict[str, Any], count: int, *, step: Any = None, sampler: AnySampler | None = None) -> None:
    """Both end at the same samples, and told the network the same times."""
    diffusers = pytest.importorskip("diffusers")
    scheduler = getattr(diffusers, document["_class_name"]).from_config(document)
    ended, told = theirs(scheduler, {"num_inference_steps": count}, step)
    found, asked = ours(read_schedule(document), count, sampler=sampler)
    assert asked == pytest.approx(told, abs=2e-3)
    # The library works in float32, from ratios of up to 4,096.
    torch.testing.assert_close(found, ended, rtol=4e-3, atol=2e-3 * float(ended.abs().max()))


@settings(max_examples=20, deadline=None)
@given(document=discrete(), runge_kutta=st.booleans(), to_clean=st.booleans(), count=st.integers(2, 12))
def test_pndm(document: dict[str, Any], runge_kutta: bool, to_clean: bool, count: int) -> None:
    document |= {"skip_prk_steps": not runge_kutta, "set_alpha_to_one": to_clean}
    assert_alike({"_class_name": "PNDMScheduler"} | document, max(count, 4) if runge_kutta else count)


@settings(max_examples=15, deadline=None)
@given(document=discrete(), curve=curves(), order=st.integers(1, 5), count=st.integers(2, 12), sample=st.booleans())
def test_lms(document: dict[str, Any], curve: dict[str, bool], order: int, count: int, sample: bool) -> None:
    document |= {"prediction_type": "sample"} if sample else {}
    document = {"_class_name": "LMSDiscreteScheduler"} | document | curve
    assert_alike(document, count, step={"order": order}, sampler=LMSConfig(order=order))


# Of the cosine's last steps the library's float32 loses what is left below fresh noise.
@settings(max_examples=20, deadline=None)
@given(
    kind=st.sampled_from(["KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler"]),
    document=discrete(betas=("linear", "scaled_linear")),
    curve=curves(),
    count=st.integers(2, 12),
)
def test_kdpm2(kind: str, document: dict[str, Any], curve: dict[str, bool], count: int) -> None:
    assert_alike({"_class_name": kind} | document | curve, count)


@st.composite
def eulers(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of Euler's scheduler with what only it has."""
    document = draw(discrete()) | draw(curves())
    ends = [{}, {"sigma_min": 0.1, "sigma_max": 0.7}, {"sigma_max": 0.7}, {"sigma_min": 0.002}]
    document |= draw(st.sampled_from(ends)) | {
        "prediction_type": draw(st.sampled_from(["epsilon", "v_prediction", "sample"])),
        "interpolation_type": draw(st.sampled_from(["linear", "log_linear"])),
        "final_sigmas_type": draw(st.sampled_from(["zero", "sigma_min"])),
        "rescale_betas_zero_snr": draw(st.booleans()),
    }
    return document


@settings(max_examples=30, deadline=None)
@given(document=eulers(), count=st.integers(2, 12))
def test_euler_with_ends_of_its_own(document: dict[str, Any], count: int) -> None:
    document = {"_class_name": "EulerDiscreteScheduler"} | document
    # A curve must fall, which one whose highest ratio is given and whose lowest is the table's may not.
    curved = any(document.get(f"use_{curve}_sigmas") for curve in ("karras", "exponential", "beta"))
    assume(not curved or ("sigma_max" in document) == ("sigma_min" in document))
    assert_alike(document, count)


@settings(max_examples=15, deadline=None)
@given(
    document=discrete(),
    curve=curves(),
    ends=st.sampled_from([(0.002, 700.0), (0.1, 0.7), (None, None)]),
    count=st.integers(2, 12),
)
def test_euler_of_models_that_are_told_sigma(
    document: dict[str, Any], curve: dict[str, bool], ends: tuple[float, float], count: int
) -> None:
    if "use_beta_sigmas" in curve and ends[1] == 700:
        ends = (0.1, 0.7)
    document |= {"prediction_type": "v_prediction", "timestep_type": "continuous"}
    document |= dict(zip(("sigma_min", "sigma_max"), ends, strict=True)) | curve
    assert_alike({"_class_name": "EulerDiscreteScheduler"} | document, count)


@settings(max_examples=20, deadline=None)
@given(
    document=st.fixed_dictionaries(
        {
            "sigma_min": st.sampled_from([0.002, 0.01]),
            "sigma_max": st.sampled_from([80.0, 20.0]),
            "sigma_data": st.sampled_from([0.5, 1.0]),
            "sigma_schedule": st.sampled_from(["karras", "exponential"]),
            "prediction_type": st.sampled_from(["epsilon", "v_prediction"]),
            "rho": st.sampled_from([7.0, 5.0]),
            "final_sigmas_type": st.sampled_from(["zero", "sigma_min"]),
        }
    ),
    churn=st.sampled_from([0.0, 1.0, 8.0]),
    count=st.integers(2, 12),
)
def test_edm_euler(document: dict[str, Any], churn: float, count: int) -> None:
    step = {"s_churn": churn, "s_tmin": 0.05, "s_tmax": 30.0, "s_noise": 1.01}
    kept = EulerConfig(
        churn=churn, churn_low=0.05, churn_high=30, churn_scale=1.01, kept="output", sigma_data=document["sigma_data"]
    )
    assert_alike({"_class_name": "EDMEulerScheduler"} | document, count, step=step, sampler=kept)


@pytest.mark.parametrize(
    ("kind", "change", "named"),
    [
        ("PNDMScheduler", {"prediction_type": "sample"}, "prediction_type"),
        ("KDPM2DiscreteScheduler", {"prediction_type": "sample"}, "prediction_type"),
        ("LMSDiscreteScheduler", {"use_karras_sigmas": True, "use_beta_sigmas": True}, "only one of them"),
        ("LMSDiscreteScheduler", {"order": 3}, "order"),
        ("EDMEulerScheduler", {"sigma_schedule": "lu"}, "sigma_schedule"),
        ("EDMEulerScheduler", {"sigma_min": 90.0}, "0 < sigma_min < sigma_max"),
    ],
)
def test_what_is_not_followed_is_refused_by_name(kind: str, change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_schedule({"_class_name": kind} | change)
