"""Schedulers of diffusers in settings that no golden file has: cases made live, and computed without their outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.conformance.__main__ import main
from tests.conformance.case import read_case
from tests.conformance.runner import relative_error

SHAPE = (2, 3, 4, 4)
NOISE = "x + e*(-0.7*x + 0.2*sin(2x) + 0.3*sin(t/100)), e = exp(-t/200)"
OTHER = "0.3*x + 0.2*sin(2x) + 0.1*sin(t/100)"
CHURN = {"s_churn": 3.0, "s_tmin": 0.2, "s_tmax": 5.0, "s_noise": 1.02}
SCALED = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
CLEAN = {"prediction_type": "sample", "_num_inference_steps": 7}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "log-linear-churn": (
        "EulerDiscreteScheduler",
        SCALED | {"interpolation_type": "log_linear", "_step_kwargs": CHURN, "_num_inference_steps": 20},
    ),
    "log-linear-leading-churn": (
        "EulerDiscreteScheduler",
        SCALED
        | {"interpolation_type": "log_linear", "timestep_spacing": "leading", "steps_offset": 1}
        | {"_step_kwargs": CHURN, "_num_inference_steps": 9},
    ),
    "log-linear-trailing-velocity-churn": (
        "EulerDiscreteScheduler",
        SCALED
        | {"interpolation_type": "log_linear", "timestep_spacing": "trailing", "prediction_type": "v_prediction"}
        | {"_step_kwargs": CHURN, "_num_inference_steps": 11},
    ),
    "log-linear-karras-churn": (
        "EulerDiscreteScheduler",
        SCALED
        | {"interpolation_type": "log_linear", "use_karras_sigmas": True}
        | {"_step_kwargs": CHURN, "_num_inference_steps": 8},
    ),
    "inverse-of-clean": ("DDIMInverseScheduler", SCALED | CLEAN | {"set_alpha_to_one": False}),
    "inverse-of-clean-trailing": ("DDIMInverseScheduler", SCALED | CLEAN | {"timestep_spacing": "trailing"}),
    "given-times-that-end-late": (
        "DDPMScheduler",
        {"variance_type": "fixed_large", "_set_timesteps_kwargs": {"timesteps": [900, 410, 60, 1]}},
    ),
    "given-times-that-end-first": (
        "DDPMScheduler",
        {"timestep_spacing": "trailing", "_set_timesteps_kwargs": {"timesteps": [900, 410, 60, 0]}},
    ),
}
"""Each by its scheduler and its config, in which an underscore begins what calls are given."""


def _network(formula: str, x: Tensor, t: Tensor) -> Tensor:
    t = t.float()
    if formula is NOISE:
        return x + (-t / 200).exp() * (-0.7 * x + 0.2 * (2 * x).sin() + 0.3 * (t / 100).sin())
    return 0.3 * x + 0.2 * (2 * x).sin() + 0.1 * (t / 100).sin()


def _write_case(path: Path, name: str, config: dict[str, Any]) -> None:
    """Walk with the library's scheduler, and write what it was given and what it made."""
    diffusers = pytest.importorskip("diffusers")
    scheduler = getattr(diffusers, name)(**{key: value for key, value in config.items() if key[0] != "_"})
    scheduler.set_timesteps(config.get("_num_inference_steps"), **config.get("_set_timesteps_kwargs", {}))
    formula = NOISE if scheduler.config.prediction_type == "epsilon" else OTHER
    generator = torch.Generator().manual_seed(0)
    inputs = {"x_T": torch.randn(SHAPE, generator=generator)}
    drawn: list[Tensor] = []
    at_step: list[int] = []
    x = inputs["x_T"] * scheduler.init_noise_sigma
    states, cleans = [x], []
    for i, t in enumerate(scheduler.timesteps):

        def draw(*_: object, step: int = i, **__: object) -> Tensor:
            drawn.append(torch.randn(SHAPE, generator=generator))
            at_step.append(step)
            return drawn[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"{type(scheduler).__module__}.randn_tensor", draw, raising=False)
            answer = _network(formula, scheduler.scale_model_input(x, t), t)
            stepped = scheduler.step(answer, t, x, **config.get("_step_kwargs", {}))
        x = stepped.prev_sample
        states.append(x)
        cleans.append(stepped.pred_original_sample)
    outputs = {"trajectory": torch.stack(states), "pred_original_sample": torch.stack(cleans)}
    outputs |= {"timesteps": scheduler.timesteps, "init_noise_sigma": torch.tensor([float(scheduler.init_noise_sigma)])}
    outputs |= {"betas": scheduler.betas, "alphas_cumprod": scheduler.alphas_cumprod}
    if hasattr(scheduler, "sigmas"):
        outputs["sigmas"] = scheduler.sigmas
    if name != "DDIMInverseScheduler":
        added = {
            "add_x0": torch.randn(SHAPE, generator=generator),
            "add_noise": torch.randn(SHAPE, generator=generator),
        }
        added["add_t"] = scheduler.timesteps[[1, -1]]
        outputs["added"] = scheduler.add_noise(added["add_x0"], added["add_noise"], added["add_t"])
        outputs["velocity"] = scheduler.get_velocity(added["add_x0"], added["add_noise"], added["add_t"])
        inputs |= added
    if drawn:
        inputs |= {"noise": torch.stack(drawn), "noise_step": torch.tensor(at_step)}
    tensors = {f"input/{key}": value for key, value in inputs.items()}
    tensors |= {f"output/{key}": value for key, value in outputs.items()}
    metadata = {"class": f"diffusers.{name}", "config": json.dumps(config), "call": f"m(x,t) = {formula}"}
    save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata=metadata)


def _without_outputs(path: Path, to: Path) -> None:
    case = read_case(path)
    metadata = {"class": case.kind, "config": json.dumps(case.config), "call": case.call}
    save_file({f"input/{key}": value for key, value in case.inputs.items()}, to, metadata=metadata)


@pytest.mark.parametrize("name", CASES)
# The library's own, of NumPy.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_cases_that_no_golden_file_has_are_computed_as_the_library_does(name: str, tmp_path: Path) -> None:
    known, bare, computed = (tmp_path / folder for folder in ("known", "bare", "computed"))
    for folder in (known, bare):
        folder.mkdir()
    _write_case(known / "case.safetensors", *CASES[name])
    _without_outputs(known / "case.safetensors", bare / "case.safetensors")
    assert main([str(bare), "--out", str(computed)]) == 0
    found = load_file(computed / "case.safetensors")
    relative_error(
        read_case(known / "case.safetensors"),
        {key.removeprefix("output/"): value for key, value in found.items()},
    )
