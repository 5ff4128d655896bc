"""Multistep and singlestep solvers of diffusers: trajectories against the library's, over random configs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.contracts import Condition, Level
from diorama.core.errors import BadInput
from diorama.interop.diffusers_scheduler import read_schedule
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.precondition import NetworkDenoise

SHAPE = (2, 3, 4, 4)
_CURVES = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas")


@st.composite
def discrete(draw: st.DrawFn) -> dict[str, Any]:
    """What the schedulers of discrete processes have in common."""
    steps = draw(st.sampled_from([200, 1000]))
    found: dict[str, Any] = {
        "num_train_timesteps": steps,
        "beta_start": draw(st.sampled_from([0.0001, 0.00085])),
        "beta_end": draw(st.sampled_from([0.012, 0.02])),
        "beta_schedule": draw(st.sampled_from(["linear", "scaled_linear", "squaredcos_cap_v2"])),
        "prediction_type": draw(st.sampled_from(["epsilon", "sample", "v_prediction"])),
        "thresholding": draw(st.booleans()),
        "dynamic_thresholding_ratio": 0.9,
        "sample_max_value": 1.5,
        "lower_order_final": draw(st.booleans()),
    }
    curve = draw(st.sampled_from(["", *_CURVES]))
    return found | ({curve: True} if curve else {})


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Any]:
    """What the schedulers of flows have in common."""
    return {
        "use_flow_sigmas": True,
        "num_train_timesteps": draw(st.sampled_from([200, 1000])),
        "flow_shift": draw(st.sampled_from([0.5, 1.0, 3.0, 5.0])),
        "prediction_type": draw(st.sampled_from(["flow_prediction", "flow_prediction", "epsilon", "sample"])),
        "lower_order_final": draw(st.booleans()),
    }


def spaced(draw: st.DrawFn) -> dict[str, Any]:
    """Which steps."""
    return {
        "timestep_spacing": draw(st.sampled_from(["linspace", "leading", "trailing"])),
        "steps_offset": draw(st.integers(0, 1)),
    }


@st.composite
def dpm_solvers(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of DPM-Solver's two schedulers."""
    flow = draw(st.integers(0, 3)) == 0
    found = draw(flows() if flow else discrete())
    singlestep = draw(st.booleans())
    algorithms = ["dpmsolver", "dpmsolver++", "sde-dpmsolver++"] + ([] if singlestep else ["sde-dpmsolver"])
    algorithm = draw(st.sampled_from(algorithms))
    predicts_noise = algorithm in ("dpmsolver", "sde-dpmsolver")
    found |= {
        "_class_name": f"DPMSolver{'Singlestep' if singlestep else 'Multistep'}Scheduler",
        "algorithm_type": algorithm,
        "solver_order": draw(st.integers(1, 2 if algorithm == "sde-dpmsolver" else 3)),
        "solver_type": draw(st.sampled_from(["midpoint", "heun"])),
        "final_sigmas_type": "sigma_min" if predicts_noise else draw(st.sampled_from(["zero", "sigma_min"])),
    }
    if predicts_noise and found["prediction_type"] == "flow_prediction":
        found["prediction_type"] = "epsilon"
    if singlestep and predicts_noise:
        found["thresholding"] = False
    if not flow:
        found["lambda_min_clipped"] = draw(st.sampled_from([-math.inf, -5.1, -3.0]))
        if found["prediction_type"] == "epsilon":
            found["variance_type"] = draw(st.sampled_from([None, "learned", "learned_range"]))
    if not singlestep:
        found |= spaced(draw) | {"euler_at_final": draw(st.booleans())}
        if not flow:
            found |= {"use_lu_lambdas": draw(st.booleans()), "rescale_betas_zero_snr": draw(st.booleans())}
    return found


@st.composite
def deis(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of DEIS's scheduler."""
    return (
        draw(st.one_of(discrete(), flows()))
        | spaced(draw)
        | {"_class_name": "DEISMultistepScheduler", "solver_order": draw(st.integers(1, 3))}
    )


@st.composite
def unipc(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of UniPC's scheduler."""
    flow = draw(st.integers(0, 2)) == 0
    found = draw(flows() if flow else discrete()) | spaced(draw)
    final = draw(st.sampled_from(["zero", "sigma_min"]))
    found |= {
        "_class_name": "UniPCMultistepScheduler",
        "solver_order": draw(st.integers(1, 3)),
        # The library divides 0 by 0 here.
        "solver_type": "bh2" if final == "zero" else draw(st.sampled_from(["bh1", "bh2"])),
        "final_sigmas_type": final,
        "disable_corrector": draw(st.sampled_from([[], [0], [0, 1, 3]])),
    }
    if final == "zero" or flow or any(found.get(curve) for curve in _CURVES):
        found["lower_order_final"] = True
    if flow:
        found["use_karras_sigmas"] = draw(st.booleans())
        found["shift_terminal"] = draw(st.sampled_from([None, 0.1]))
    else:
        found |= {"predict_x0": draw(st.booleans()), "rescale_betas_zero_snr": draw(st.booleans())}
        if draw(st.booleans()):
            found |= {"sigma_min": 0.05, "sigma_max": 1.1}
    return found


@st.composite
def sa_solvers(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of SA-Solver's scheduler."""
    flow = draw(st.integers(0, 3)) == 0
    found = draw(flows() if flow else discrete()) | spaced(draw)
    algorithm = draw(st.sampled_from(["data_prediction", "noise_prediction"]))
    found |= {
        "_class_name": "SASolverScheduler",
        "algorithm_type": algorithm,
        "predictor_order": draw(st.integers(1, 4)),
        "corrector_order": draw(st.integers(1, 4)),
    }
    if algorithm == "noise_prediction":
        found["thresholding"] = False
        if found["prediction_type"] == "flow_prediction":
            found["prediction_type"] = "epsilon"
    if not flow:
        found["lambda_min_clipped"] = draw(st.sampled_from([-math.inf, -5.1]))
    return found


@st.composite
def edm(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of DPM-Solver's scheduler for EDM's networks."""
    algorithm = draw(st.sampled_from(["dpmsolver++", "sde-dpmsolver++"]))
    return {
        "_class_name": "EDMDPMSolverMultistepScheduler",
        "sigma_min": draw(st.sampled_from([0.002, 0.1])),
        "sigma_max": draw(st.sampled_from([5.0, 80.0])),
        "sigma_data": draw(st.sampled_from([0.5, 1.0])),
        "sigma_schedule": draw(st.sampled_from(["karras", "exponential"])),
        "prediction_type": draw(st.sampled_from(["epsilon", "v_prediction"])),
        "rho": draw(st.sampled_from([5.0, 7.0])),
        "solver_order": draw(st.integers(1, 3 if algorithm == "dpmsolver++" else 2)),
        "solver_type": draw(st.sampled_from(["midpoint", "heun"])),
        "thresholding": draw(st.booleans()),
        "dynamic_thresholding_ratio": 0.9,
        "algorithm_type": algorithm,
        "lower_order_final": draw(st.booleans()),
        "euler_at_final": draw(st.booleans()),
        "final_sigmas_type": draw(st.sampled_from(["zero", "sigma_min"])),
    }


def network_of(document: dict[str, Any]) -> Any:
    """A function of sample and time, of twice the channels where a variance is learned."""
    scale = document.get("num_train_timesteps", 1)

    def network(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        x, t = x.float(), t.float().reshape(-1, 1, 1, 1) / scale
        mean = 0.6 * x + 0.2 * (2 * x + t).sin()
        return mean if document.get("variance_type") is None else torch.cat([mean, mean.cos()], 1)

    return network


def published(document: dict[str, Any], count: int, start: Tensor, noise: Tensor) -> tuple[Any, list[Tensor]]:
    """The library's scheduler and its samples."""
    diffusers = pytest.importorskip("diffusers")
    theirs = getattr(diffusers, document["_class_name"]).from_config(document)
    theirs.set_timesteps(count)
    theirs.set_begin_index(0)
    network, x, walked = network_of(document), start * theirs.init_noise_sigma, []
    with pytest.MonkeyPatch.context() as patch:
        for i, t in enumerate(theirs.timesteps):
            patch.setattr(f"{type(theirs).__module__}.randn_tensor", lambda *a, i=i, **k: noise[i], raising=False)
            x = theirs.step(network(theirs.scale_model_input(x, t), t.reshape(1), {}), t, x).prev_sample
            walked.append(x)
    return theirs, walked


def _far_from_another(asks: Any, level: Level, margin: float) -> bool:
    """Whether times that move by so little become the same whole numbers."""
    if asks.whole == "no":
        return True
    told = replace(asks, whole="no").time(level) + (0.5 if asks.whole == "nearest" else 0.0)
    return bool(((told - told.round()).abs()[told > 0.1] > margin).all())


# The library's own warnings, of NumPy and of settings it would rather not have.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@settings(max_examples=60, deadline=None)
@given(document=st.one_of(dpm_solvers(), deis(), unipc(), sa_solvers(), edm()), count=st.integers(3, 18))
def test_trajectories_are_the_librarys(document: dict[str, Any], count: int) -> None:
    start = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(1))
    theirs, walked = published(document, count, start, noise)
    # Where samples grow without bound, as from almost no signal along noise, so do errors of float32.
    assume(all(x.isfinite().all() and x.abs().max() < 20 for x in walked))
    try:
        schedule = read_schedule(document)
    except BadInput as refused:
        assume("rescale_betas_zero_snr" not in str(refused))
        raise
    process, asks = schedule.process, schedule.preconditioning
    times = schedule.spacing.times(process, count)
    levels = process.at(times)
    # Along a curve the library finds times in a float32 table, and makes whole ones of them. That of the cosine kind is
    # the least exact.
    margin = 0.03 if document.get("beta_schedule") == "squaredcos_cap_v2" else 2e-3
    assume(not isinstance(process, DiscreteProcess) or _far_from_another(asks, process.at(times[1:-1]), margin))
    told = asks.time(process.at(times[:-1]))
    torch.testing.assert_close(told, theirs.timesteps.double(), rtol=1e-5, atol=1e-5)
    sigmas = levels.sigma if isinstance(process, FlowProcess) else levels.sigma / levels.alpha
    torch.testing.assert_close(sigmas.float(), theirs.sigmas, rtol=3e-3, atol=1e-5)
    # Noises of float32 that are found in samples of almost no signal differ by much in what they say of it.
    assume(getattr(schedule.sampler, "predicts", "noise") == "clean" or levels.sigma[0] / levels.alpha[0] < 300)
    denoise = NetworkDenoise(network_of(document), asks, {}, threshold=schedule.threshold)
    first = process.prior_scale(times[0]) * start.double()
    stages = schedule.sampler.run(denoise, first, process, times, lambda i, k=0: noise[i].double())
    ours = torch.stack([stage.x for stage in stages]).float()
    expected = torch.stack(walked)
    # The library works in float32, from ratios of up to 4,096.
    torch.testing.assert_close(ours, expected, rtol=5e-3, atol=5e-3 * expected.abs().max().item())


DPM = {"_class_name": "DPMSolverMultistepScheduler"}
SINGLE = {"_class_name": "DPMSolverSinglestepScheduler"}
UNIPC = {"_class_name": "UniPCMultistepScheduler"}
SA = {"_class_name": "SASolverScheduler"}
FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
NOISE = {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}
EDM = {"_class_name": "EDMDPMSolverMultistepScheduler"}


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (DPM | {"algorithm_type": "dpmsolver"}, "final_sigmas_type"),
        (
            DPM | NOISE | {"algorithm_type": "sde-dpmsolver", "solver_order": 3},
            "solver_order",
        ),
        (DPM | {"solver_order": 4}, "order must be 1, 2 or 3"),
        (DPM | {"use_karras_sigmas": True, "use_beta_sigmas": True}, "only one of them"),
        (
            DPM | FLOW | {"use_karras_sigmas": True},
            "use_karras",
        ),
        (
            DPM | FLOW | {"use_lu_lambdas": True},
            "use_lu_lambdas",
        ),
        (DPM | {"prediction_type": "flow_prediction"}, "prediction_type"),
        (DPM | {"prediction_type": "v_prediction", "use_flow_sigmas": True}, "prediction_type"),
        (DPM | {"prediction_type": "v_prediction", "variance_type": "learned"}, "variance_type"),
        (DPM | {"lambda_min_clipped": 99.0}, "lambda_min_clipped"),
        (DPM | {"use_dynamic_shifting": True}, "use_dynamic_shifting"),
        (DPM | {"beta_schedule": "sigmoid"}, "beta_schedule"),
        (DPM | {"rescale_betas_zero_snr": True, "use_karras_sigmas": True}, "rescale_betas_zero_snr"),
        (DPM | {"surprise": 1}, "surprise"),
        (SINGLE | {"timestep_spacing": "trailing"}, "timestep_spacing"),
        (SINGLE | {"algorithm_type": "sde-dpmsolver", "final_sigmas_type": "sigma_min"}, "algorithm_type"),
        (
            SINGLE | {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "thresholding": True},
            "thresholding",
        ),
        (UNIPC | {"solver_p": {}}, "solver_p"),
        (UNIPC | {"shift_terminal": 0.1}, "shift_terminal"),
        (UNIPC | {"use_karras_sigmas": True, "sigma_max": 1000.0}, "sigma_max"),
        (UNIPC | FLOW | {"use_beta_sigmas": True}, "use_beta"),
        (
            UNIPC | FLOW | {"predict_x0": False},
            "prediction_type",
        ),
        (SA | {"tau_func": "lambda t: 1"}, "tau_func"),
        (SA | {"corrector_order": 0}, "corrector_order"),
        (SA | {"predictor_order": 5}, "predictor_order"),
        (SA | {"algorithm_type": "noise_prediction", "thresholding": True}, "thresholding"),
        (SA | {"variance_type": "learned", "prediction_type": "sample"}, "variance_type"),
        (EDM | {"prediction_type": "sample"}, "prediction_type"),
        (EDM | {"solver_order": 3, "algorithm_type": "sde-dpmsolver++"}, "solver_order"),
        ({"_class_name": "DEISMultistepScheduler", "solver_order": 5}, "order must be 1, 2 or 3"),
    ],
)
def test_what_is_not_followed_is_refused_by_name(document: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_schedule(document)


@pytest.mark.parametrize("name", ["DPMSolverMultistepScheduler", "UniPCMultistepScheduler", "DEISMultistepScheduler"])
@pytest.mark.parametrize("solver", ["midpoint", "bh2", "logrho"])
def test_the_names_of_another_schedulers_solvers_mean_its_own_default(name: str, solver: str) -> None:
    assert read_schedule({"_class_name": name, "solver_type": solver}) == read_schedule({"_class_name": name})
