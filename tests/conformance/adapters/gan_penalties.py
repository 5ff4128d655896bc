"""Golden cases of gradient penalties, in the conventions of CycleGAN's authors and of pytorch_GAN_zoo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor

from diorama.interop import cyclegan_discriminators, gan_zoo
from diorama.interop.layout import Layout
from diorama.losses.penalties import between, gradient_penalty, input_gradients, slope_penalty, squared_slope
from tests.conformance.adapters.published_part import PublishedPart, rounding, stored
from tests.conformance.case import Case
from tests.conformance.runner import Compute

_BESIDE = ("cls", "train", "alpha")


class _Judge(PublishedPart):
    """One of a case's discriminators, in the mode and inside the fade that the case names."""

    def __init__(self, layout: Layout[Any, Any], case: Case, part: str) -> None:
        super().__init__(layout, case, part, _BESIDE)
        described = case.config[part]
        self.network.train(described.get("train", False))
        self.fade = float(described.get("alpha", 0))

    def logits(self, x: Tensor) -> Tensor:
        """Of pictures."""
        return self.network(x, fade=self.fade) if self.fade else self.network(x)


def penalties(case: Case) -> Mapping[str, Tensor]:
    """Penalties, the gradients that they are taken of, and their own gradients by the weights."""
    patch = _Judge(cyclegan_discriminators.PATCH, case, "D")
    zoo = _Judge(gan_zoo.DISCRIMINATOR, case, "Z")
    given, weight = case.inputs, case.config["weight"]
    real, fake, mix = given["real"], given["fake"], given["alpha"].flatten()
    cyclegan = partial(slope_penalty, patch.logits, target=case.config["constant"], eps=1e-16)
    places = {"real": real, "fake": fake, "mixed": between(real, fake, mix)}
    losses: dict[str, tuple[_Judge, Callable[[], Tensor]]] = {
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
    cancelled: set[str] = set()
    for name in losses:
        cancelled |= rounding({key: value for key, value in found.items() if key.startswith(f"{name}/grad/")})
    return stored(case, found, cancelled)


ADAPTERS: dict[str, Compute] = {"gradient penalties": penalties}
