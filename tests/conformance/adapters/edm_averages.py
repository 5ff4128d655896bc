"""EDM's and EDM2's averages of weights, and those that are made after training."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from diorama.synthesis.averaging import Profile, coefficients, gamma_of
from diorama.training.averages import Average, decay
from diorama.training.recipe import AverageConfig, PowerAverageConfig
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def averages(case: Case) -> Mapping[str, Tensor]:
    """``power_ema``, ``traditional_ema``, ``betas``, ``exponents`` and ``posthoc``."""
    config, weights = case.config, case.inputs["weights_seq"]
    batch, stds = config.get("batch_size", 1024), config.get("stds", [0.05, 0.1])
    powers = [PowerAverageConfig(std=std) for std in stds]
    usual = AverageConfig(
        half_life=round(1e6 * config.get("halflife_Mimg", 0.5)), ramp_up=config.get("rampup_ratio", 0.09)
    )
    steps = range(1, len(weights))
    snapshots = zip(case.inputs["in_ofs"].tolist(), case.inputs["in_std"].tolist(), strict=True)
    posthoc = coefficients(
        [Profile(images=images, std=std) for images, std in snapshots],
        [Profile(images=images, std=std) for images, std in config["out"]],
    )
    return {
        "power_ema": torch.stack([_followed(weights, power, batch) for power in powers], dim=1),
        # It walks back, and begins with the last for its first two.
        "traditional_ema": _followed(torch.cat([weights[-1:], weights[1:].flip(0)]), usual, batch),
        "betas": torch.tensor([[decay(power, i * batch, batch) for power in powers] for i in steps]),
        "exponents": torch.tensor([gamma_of(std) for std in stds]),
        "posthoc": torch.from_numpy(posthoc).float(),
    }


def _followed(weights: Tensor, config: AverageConfig | PowerAverageConfig, batch: int) -> Tensor:
    """The average after each of the weights but the first, with which it starts."""
    module = nn.Module()
    module.weight = nn.Parameter(weights[0].clone())
    average, seen = Average({"net": module}, config), []
    for i, weight in enumerate(weights[1:], start=1):
        module.weight.data.copy_(weight)
        average.update(i * batch, batch)
        seen.append(average.tensors()["net.weight"].clone())
    return torch.stack(seen)


ADAPTERS: dict[str, Compute] = {"training.phema": averages}
