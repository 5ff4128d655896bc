"""Golden cases of gradient penalties, in the conventions of CycleGAN's authors and of pytorch_GAN_zoo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from diorama.interop import cyclegan_discriminators, gan_zoo
from diorama.interop.layout import Layout, shapes_of
from diorama.losses.penalties import between, gradient_penalty, input_gradients, slope_penalty, squared_slope
from tests.conformance.case import Case
from tests.conformance.runner import Compute

_NOT_ARGUMENTS = ("cls", "train")


class _Published:
    """One of a case's discriminators, and the gradients that a loss gives it under its published names."""

    def __init__(self, layout: Layout[Any, Any], case: Case, part: str) -> None:
        described = case.config[part]
        tensors = {name.removeprefix(f"{part}."): t for name, t in case.weights.items() if name.startswith(f"{part}.")}
        arguments = {name: value for name, value in described.items() if name not in _NOT_ARGUMENTS}
        self.layout, self.config = layout, layout.read_config(arguments, shapes_of(tensors))
        self.network: nn.Module = layout.load(arguments, tensors).train(described.get("train", False))
        self.fade = float(described.get("alpha", 0))

    def logits(self, x: Tensor) -> Tensor:
        """Of pictures."""
        return self.network(x, fade=self.fade) if self.fade else self.network(x)

    def gradients(self, loss: Tensor) -> dict[str, Tensor]:
        """Of a loss by the weights; 0 where it does not depend on them."""
        self.network.zero_grad()
        loss.backward()
        state = {name: torch.zeros_like(tensor) for name, tensor in self.network.state_dict().items()}
        state |= {name: p.grad for name, p in self.network.named_parameters() if p.grad is not None}
        return self.layout.export_state(self.config, state)


def penalties(case: Case) -> Mapping[str, Tensor]:
    """Penalties, the gradients that they are taken of, and their own gradients by the weights."""
    patch = _Published(cyclegan_discriminators.PATCH, case, "D")
    zoo = _Published(gan_zoo.DISCRIMINATOR, case, "Z")
    given, weight = case.inputs, case.config["weight"]
    real, fake, mix = given["real"], given["fake"], given["alpha"].flatten()
    cyclegan = partial(slope_penalty, patch.logits, target=case.config["constant"], eps=1e-16)
    places = {"real": real, "fake": fake, "mixed": between(real, fake, mix)}
    losses: dict[str, tuple[_Published, Callable[[], Tensor]]] = {
        f"cyclegan.{name}": (patch, partial(cyclegan, place)) for name, place in places.items()
    }
    z_real, z_mix = given["z_real"], given["z_alpha"].flatten()
    losses["ganzoo.wgangp"] = (
        zoo, partial(gradient_penalty, zoo.logits, z_real, given["z_fake"], z_mix, reduction="sum")
    )  # fmt: skip
    losses["ganzoo.logistic"] = zoo, partial(squared_slope, zoo.logits, z_real)
    found: dict[str, Tensor] = {}
    for name, (network, loss) in losses.items():
        value = loss() * weight
        found[f"{name}/penalty"] = value.detach()
        found |= {f"{name}/grad/{key}": gradient for key, gradient in network.gradients(value).items()}
    for name, place in places.items():
        found[f"cyclegan.{name}/gradients"] = input_gradients(patch.logits, place).detach()
    # Gradients that a norm cancels, or that nothing depends on, are not stored. The list of twins knows which; of a
    # case that has more it is the list of another one.
    told, listed = _told(found), set(case.output_names)
    return {name: found[name] for name in (listed if told <= listed else told)}


def _told(found: Mapping[str, Tensor]) -> set[str]:
    """Names of what is not rounding, beside the largest gradient of the same loss."""
    size = {name: float(value.abs().max()) for name, value in found.items()}
    most = {loss: max(s for name, s in size.items() if name.startswith(f"{loss}/grad/")) for loss in _losses(found)}
    return {name for name in found if "/grad/" not in name or size[name] > 1e-5 * most[name.partition("/")[0]]}


def _losses(found: Mapping[str, Tensor]) -> set[str]:
    return {name.partition("/")[0] for name in found}


ADAPTERS: dict[str, Compute] = {"gradient penalties": penalties}
