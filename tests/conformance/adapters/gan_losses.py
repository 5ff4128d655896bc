"""Golden cases of adversarial losses on logits, in the conventions of three projects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from diorama.losses.adversarial import (
    critic_mean,
    cross_entropy,
    hinge,
    negative_mean_generator,
    non_saturating_generator,
    squared_error,
)
from tests.conformance.case import Case
from tests.conformance.runner import Compute

Side = Callable[[Tensor], Tensor]

_DISCRIMINATORS: Mapping[str, tuple[Side, Side]] = {
    "dcgan_dis": (partial(cross_entropy, target=1.0), partial(cross_entropy, target=0.0)),
    "hinge_dis": (partial(hinge, real=True), partial(hinge, real=False)),
}
"""BigGAN-PyTorch: the parts of real and of generated data."""
_GENERATORS: Mapping[str, Side] = {"dcgan_gen": non_saturating_generator, "hinge_gen": negative_mean_generator}


def _sides(real: bool) -> Mapping[str, Side]:
    """CycleGAN's and GAN-zoo's losses of one side, by project and name."""
    target, low, high = float(real), 0.1, 0.9
    return {
        "cyclegan.lsgan": partial(squared_error, target=target),
        "cyclegan.lsgan_smooth": partial(squared_error, target=high if real else low),
        "cyclegan.vanilla": partial(cross_entropy, target=target),
        "cyclegan.wgangp": partial(critic_mean, real=real),
        "ganzoo.DCGAN": partial(cross_entropy, target=target),
        "ganzoo.Logistic": partial(cross_entropy, target=target),
        "ganzoo.MSE": partial(squared_error, target=target, squashed=True),
        "ganzoo.WGANGP": partial(critic_mean, real=real, reduction="sum"),
    }


def _one(side: Side, name: str, logits: Tensor) -> dict[str, Tensor]:
    """The loss of one side and its gradient."""
    logits = logits.requires_grad_()
    loss = side(logits)
    return {"loss": loss.detach(), f"grad_{name}": torch.autograd.grad(loss, logits)[0]}


def _both(sides: tuple[Side, Side], real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """The losses of both sides, and the gradients of their sum."""
    real, fake = real.requires_grad_(), fake.requires_grad_()
    first, second = sides[0](real), sides[1](fake)
    by_real, by_fake = torch.autograd.grad(first + second, (real, fake))
    return {"loss0": first.detach(), "loss1": second.detach(), "grad_real": by_real, "grad_fake": by_fake}


def logits(case: Case) -> Mapping[str, Tensor]:
    """Losses and gradients of the inputs ``real``, ``fake`` and ``patch``, under the project's names."""
    given = case.inputs
    groups = {f"biggan.{form}": _both(sides, given["real"], given["fake"]) for form, sides in _DISCRIMINATORS.items()}
    groups |= {f"biggan.{form}": _one(side, "fake", given["fake"]) for form, side in _GENERATORS.items()}
    for ending, real in (("real", True), ("fake", False)):
        for form, side in _sides(real).items():
            name = "patch" if form.startswith("cyclegan") else "fake"
            groups[f"{form}.{ending}"] = _one(side, name, given[name])
    return {f"{group}/{name}": value for group, values in groups.items() for name, value in values.items()}


ADAPTERS: dict[str, Compute] = {"loss functions on logits": logits}
