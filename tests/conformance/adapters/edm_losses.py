"""The losses of EDM and EDM2, element by element, on an analytic denoiser with their draws injected."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from diorama.core.contracts import Process
from diorama.losses.uncertainty import uncertain
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning, Preconditioning, TargetPreconditioning
from diorama.processes.preserving import PreservingProcess
from diorama.processes.times import LogNormalTimes, LogUniformTimes, UniformTimes
from diorama.processes.weighting import PreconditionedWeighting
from tests.conformance.adapters.edm_sampler import analytic_denoiser
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def losses(case: Case) -> Mapping[str, Tensor]:
    """``VP``, ``VE`` and ``EDM`` of ``images``, ``noise``, ``rnd_uniform`` and ``rnd_normal``."""
    vp, ve, edm = (case.config.get(name, {}) for name in ("VP", "VE", "EDM"))
    given = {name: tensor.double() for name, tensor in case.inputs.items()}
    preserving = PreservingProcess(beta_min=vp.get("beta_min", 0.1), beta_growth=vp.get("beta_d", 19.9))
    exploding = ExplodingProcess()
    times = {
        "VP": UniformTimes(low=vp.get("epsilon_t", 1e-5)).at(preserving, given["rnd_uniform"]),
        "VE": LogUniformTimes(low=ve.get("sigma_min", 0.02), high=ve.get("sigma_max", 100.0)).at(
            exploding, given["rnd_uniform"]
        ),
        "EDM": LogNormalTimes(mean=edm.get("P_mean", -1.2), deviation=edm.get("P_std", 1.2)).at(
            exploding, given["rnd_normal"]
        ),
    }
    kinds: dict[str, tuple[Process, Preconditioning]] = {
        "VP": (preserving, TargetPreconditioning(predicts="noise")),
        "VE": (exploding, TargetPreconditioning(predicts="scaled_score")),
        "EDM": (exploding, EDMPreconditioning(sigma_data=edm.get("sigma_data", 0.5))),
    }
    return {name: _loss(given, times[name], *kinds[name]).float() for name in kinds}


def uncertain_loss(case: Case) -> Mapping[str, Tensor]:
    """``loss`` of ``images``, ``noise`` and ``rnd_normal``."""
    config, process = case.config, ExplodingProcess()
    given = {name: tensor.double() for name, tensor in case.inputs.items()}
    times = LogNormalTimes(mean=config.get("P_mean", -0.4), deviation=config.get("P_std", 1.0))
    t = times.at(process, given["rnd_normal"])
    error = _loss(given, t, process, EDMPreconditioning(sigma_data=config.get("sigma_data", 0.5)))
    return {"loss": uncertain(error, 0.3 * t.log().sin()).float()}


def _loss(given: Mapping[str, Tensor], t: Tensor, process: Process, preconditioning: Preconditioning) -> Tensor:
    level = process.at(t)
    ratio = level.sigma / level.alpha
    clean = analytic_denoiser(given["images"] + ratio * given["noise"], ratio)
    weight = PreconditionedWeighting().weight(level, preconditioning)
    return weight * (clean - given["images"]).square()


ADAPTERS: dict[str, Compute] = {
    "training.loss.VPLoss/VELoss/EDMLoss": losses,
    "training.training_loop.EDM2Loss": uncertain_loss,
}
