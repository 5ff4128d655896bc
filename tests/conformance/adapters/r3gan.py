"""Golden cases of R3GAN: both networks, and the gradients of every turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from diorama.core.config import decode
from diorama.core.contracts import Condition
from diorama.interop import r3gan as published
from diorama.interop.layout import Layout
from diorama.losses.adversarial import relativistic_discriminator, relativistic_generator
from diorama.methods.adversarial.augment import AugmentConfig, augmented
from diorama.methods.adversarial.augment_draws import PercentileDraws
from diorama.methods.adversarial.joint import JointPenalties, judged
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def _condition(case: Case, name: str) -> Condition:
    """The labels, as rows of shares, where there are any."""
    return {"label": case.inputs[name]} if name in case.inputs else {}


@torch.no_grad()
def generator(case: Case) -> Mapping[str, Tensor]:
    """``img`` of ``z`` and ``c``."""
    return {"img": published.GENERATOR.load(case.config, case.weights)(case.inputs["z"], _condition(case, "c"))}


@torch.no_grad()
def discriminator(case: Case) -> Mapping[str, Tensor]:
    """``logits`` of ``img`` and ``c``."""
    network = published.DISCRIMINATOR.load(case.config, case.weights)
    return {"logits": network(case.inputs["img"], _condition(case, "c"))}


def turns(case: Case) -> Mapping[str, Tensor]:
    """For every phase of the config what it reports, and its gradients, each from fresh networks."""
    found: dict[str, Tensor] = {}
    for name, phase in case.config["phases"].items():
        network = {part: _network(case, part) for part in _LAYOUTS}
        side = phase["phase"]
        loss, told = (_generator_turn if side == "G" else _discriminator_turn)(case, phase, network)
        (phase["gain"] * loss).backward()
        found |= {f"{name}/report/Loss/{key}": value.detach() for key, value in told.items()}
        gradients = {
            key: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            for key, parameter in network[side].named_parameters()
        }
        layout: Layout[Any, Any] = _LAYOUTS[side]
        exported = layout.export_state(network[side].config, gradients)
        # Of a tensor that has no gradient, or one of zeros, the published program tells nothing.
        constant = layout.constants(network[side].config)
        moved = {key: value for key, value in exported.items() if key not in constant and value.any()}
        found |= {f"{name}/grad/{side}.{key}": value for key, value in moved.items()}
    return found


_LAYOUTS: Mapping[str, Layout[Any, Any]] = {"G": published.GENERATOR, "D": published.DISCRIMINATOR}


def _network(case: Case, part: str) -> nn.Module:
    start = f"{part}."
    weights = {name.removeprefix(start): t for name, t in case.weights.items() if name.startswith(start)}
    return _LAYOUTS[part].load(case.config[part], weights)


def _generator_turn(
    case: Case, phase: Mapping[str, Any], network: Mapping[str, nn.Module]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss, and what is reported of each pair under the published names."""
    judge, fake = _judge(case, phase, network), network["G"](case.inputs["gen_z"], _condition(case, "real_c"))
    of_fake, of_real = judge(fake), judge(case.inputs["real_img"])
    each, margins = relativistic_generator(of_fake, of_real, reduction="none"), of_fake - of_real
    return each.mean(), {"G/loss": each, "scores/fake": margins, "signs/fake": margins.sign()}


def _discriminator_turn(
    case: Case, phase: Mapping[str, Any], network: Mapping[str, nn.Module]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Likewise."""
    judge, fake = _judge(case, phase, network), network["G"](case.inputs["gen_z"], _condition(case, "real_c"))
    found = judged(judge, judge, case.inputs["real_img"], fake, JointPenalties(r1=1.0, r2=1.0), phase["gamma"])
    assert found.r1 is not None
    assert found.r2 is not None
    each, margins = relativistic_discriminator(found.real, found.fake, reduction="none"), found.real - found.fake
    told = {"D/loss": each, "scores/real": margins, "signs/real": margins.sign()}
    return each.mean() + found.added, told | {"r1_penalty": found.r1, "r2_penalty": found.r2}


def _judge(case: Case, phase: Mapping[str, Any], network: Mapping[str, nn.Module]) -> Callable[[Tensor], Tensor]:
    condition, seen = _condition(case, "real_c"), _augmentation(phase["augment"])
    return lambda pictures: network["D"](seen(pictures), condition)


def _augmentation(given: Mapping[str, Any] | None) -> Callable[[Tensor], Tensor]:
    if given is None:
        return lambda pictures: pictures
    config: AugmentConfig = decode(AugmentConfig, given["kwargs"])

    def seen(pictures: Tensor) -> Tensor:
        draws = PercentileDraws(given["debug_percentile"], torch.zeros, pictures.device)
        return augmented(pictures, config, 1.0, draws)

    return seen


ADAPTERS: dict[str, Compute] = {
    "training.networks.Generator (R3GAN)": generator,
    "training.networks.Discriminator (R3GAN)": discriminator,
    "training.loss.R3GANLoss.accumulate_gradients": turns,
}
