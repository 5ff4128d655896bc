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
from diorama.losses.paired import DiscriminatorTurn, GeneratorTurn, discriminator_turn, generator_turn
from diorama.methods.adversarial.augment import AugmentConfig, augmented
from diorama.methods.adversarial.augment_draws import PercentileDraws
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
        turn, side = _turn(case, phase, network)
        turn.loss.backward()
        found |= {f"{name}/report/Loss/{key}": value.detach() for key, value in _reported(turn).items()}
        gradients = {
            key: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            for key, parameter in network[side].named_parameters()
        }
        layout: Layout[Any, Any] = _LAYOUTS[side]
        exported = layout.export_state(network[side].config, gradients)
        # Of a tensor that has no gradient, or one of zeros, the published program tells nothing.
        constant = layout.constants(network[side].config)
        told = {key: value for key, value in exported.items() if key not in constant and value.any()}
        found |= {f"{name}/grad/{side}.{key}": value for key, value in told.items()}
    return found


_LAYOUTS: Mapping[str, Layout[Any, Any]] = {"G": published.GENERATOR, "D": published.DISCRIMINATOR}


def _network(case: Case, part: str) -> nn.Module:
    start = f"{part}."
    weights = {name.removeprefix(start): t for name, t in case.weights.items() if name.startswith(start)}
    return _LAYOUTS[part].load(case.config[part], weights)


def _turn(
    case: Case, phase: Mapping[str, Any], network: Mapping[str, nn.Module]
) -> tuple[GeneratorTurn | DiscriminatorTurn, str]:
    condition, real = _condition(case, "real_c"), case.inputs["real_img"]
    seen = _augmentation(phase["augment"])

    def judge(pictures: Tensor) -> Tensor:
        logits: Tensor = network["D"](seen(pictures), condition)
        return logits

    fake = network["G"](case.inputs["gen_z"], condition)
    if phase["phase"] == "G":
        return generator_turn(judge, real, fake, gain=phase["gain"]), "G"
    return discriminator_turn(judge, real, fake, phase["gamma"], gain=phase["gain"]), "D"


def _augmentation(given: Mapping[str, Any] | None) -> Callable[[Tensor], Tensor]:
    if given is None:
        return lambda pictures: pictures
    config: AugmentConfig = decode(AugmentConfig, given["kwargs"])

    def seen(pictures: Tensor) -> Tensor:
        draws = PercentileDraws(given["debug_percentile"], torch.zeros, pictures.device)
        return augmented(pictures, config, 1.0, draws)

    return seen


def _reported(turn: GeneratorTurn | DiscriminatorTurn) -> dict[str, Tensor]:
    """Under the published names."""
    if isinstance(turn, GeneratorTurn):
        return {"G/loss": turn.each, "scores/fake": turn.margins, "signs/fake": turn.signs}
    told = {"D/loss": turn.each, "scores/real": turn.margins, "signs/real": turn.signs}
    return told | {"r1_penalty": turn.r1, "r2_penalty": turn.r2}


ADAPTERS: dict[str, Compute] = {
    "training.networks.Generator (R3GAN)": generator,
    "training.networks.Discriminator (R3GAN)": discriminator,
    "training.loss.R3GANLoss.accumulate_gradients": turns,
}
