"""Losses of score SDEs, in continuous time and on the chains of SMLD and DDPM, with their draws injected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from diorama.core.contracts import Level
from diorama.methods.diffusion.denoiser import broadcast, reduced
from diorama.processes.catalog import AnyWeighting
from diorama.processes.gaussian import Target, noise_of, noised, target_of
from diorama.processes.kinds import AnyProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.times import UniformTimes
from diorama.processes.weighting import LikelihoodWeighting, UniformWeighting
from tests.conformance.adapters.score_sde_sampling import equation_of_case
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@dataclass(frozen=True)
class _Model:
    """One of the cases' networks: what it predicts, and of which process."""

    kind: str
    process: AnyProcess
    predicts: Target

    def __call__(self, x: Tensor, level: Level) -> Tensor:
        if self.kind == "VE":
            return -x / (level.sigma**2 + 1) * (1 + 0.1 * torch.sin(x / (level.sigma + 1)))
        if self.kind == "smld":
            return -0.1 * x
        label = level.t - 1 if self.kind == "ddpm" else 999 * level.t
        return 0.6 * x + 0.2 * torch.sin(2 * x) + 0.1 * torch.sin(label / 300)

    def errors(self, given: Mapping[str, Tensor], t: Tensor, space: Target | None, weighting: AnyWeighting) -> Tensor:
        """Weighted squares, of the network's output where no other space is named."""
        level, preconditioning = broadcast(self.process.at(t), 4), TargetPreconditioning(predicts=self.predicts)
        clean, noise = given["x"], given["noise"]
        x = noised(clean, noise, level)
        output = self(x, level)
        wanted = preconditioning.target(clean, noise, level)
        if space is not None:
            predicted = preconditioning.clean(output, x, level)
            output = target_of(space, predicted, noise_of(x, predicted, level), level)
            wanted = target_of(space, clean, noise, level)
        return weighting.weight(level, preconditioning) * (output - wanted).square()


def losses(case: Case) -> Mapping[str, Tensor]:
    """``{SDE}_lw{0 or 1}_mean{0 or 1}``, ``smld`` and ``ddpm`` of ``x``, ``noise``, ``u`` and ``labels``."""
    numbers = {name: value for name, value in case.config.items() if name != "eps"}
    given = {name: tensor.double() for name, tensor in case.inputs.items()}
    outputs = {}
    for kind, likely, mean in product(("VP", "subVP", "VE"), (False, True), (False, True)):
        process = equation_of_case(kind, numbers).process()
        t = UniformTimes(low=case.config["eps"]).at(process, 1 - given["u"])
        model = _Model(kind, process, "score" if kind == "VE" else "noise")
        weighting = LikelihoodWeighting(process=process) if likely else UniformWeighting()
        errors = model.errors(given, t, None if likely else "noise", weighting)
        outputs[f"{kind}_lw{likely:d}_mean{mean:d}"] = reduced(errors, "mean" if mean else "half_sum")
    steps = {kind: equation_of_case(kind, numbers, continuous=False).process() for kind in ("VP", "VE")}
    smld, ddpm = _Model("smld", steps["VE"], "score"), _Model("ddpm", steps["VP"], "noise")
    outputs["smld"] = reduced(
        smld.errors(given, smld.process.end - given["labels"], "noise", UniformWeighting()), "half_sum"
    )
    outputs["ddpm"] = reduced(ddpm.errors(given, given["labels"] + 1, None, UniformWeighting()), "mean")
    return {name: value.float() for name, value in outputs.items()}


ADAPTERS: dict[str, Compute] = {"losses.get_sde_loss_fn / get_smld_loss_fn / get_ddpm_loss_fn": losses}
