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


def _cyclegan(form: str, real: bool) -> Side:
    mode, _, smooth = form.partition("_")
    low, high = (0.1, 0.9) if smooth else (0.0, 1.0)
    sides: Mapping[str, Side] = {
        "lsgan": partial(squared_error, target=high if real else low),
        "vanilla": partial(cross_entropy, target=high if real else low),
        "wgangp": partial(critic_mean, real=real),
    }
    return sides[mode]


def _gan_zoo(form: str, real: bool) -> Side:
    target = float(real)
    sides: Mapping[str, Side] = {
        "DCGAN": partial(cross_entropy, target=target),
        "Logistic": partial(cross_entropy, target=target),
        "MSE": partial(squared_error, target=target, squashed=True),
        "WGANGP": partial(critic_mean, real=real, reduction="sum"),
    }
    return sides[form]


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
    found: dict[str, Tensor] = {}
    for group in dict.fromkeys(name.partition("/")[0] for name in case.output_names):
        project, form, *ending = group.split(".")
        given, real = case.inputs, ending == ["real"]
        if project == "cyclegan":
            values = _one(_cyclegan(form, real), "patch", given["patch"])
        elif project == "ganzoo":
            values = _one(_gan_zoo(form, real), "fake", given["fake"])
        elif form in _GENERATORS:
            values = _one(_GENERATORS[form], "fake", given["fake"])
        else:
            values = _both(_DISCRIMINATORS[form], given["real"], given["fake"])
        found |= {f"{group}/{name}": value for name, value in values.items()}
    return found


ADAPTERS: dict[str, Compute] = {"loss functions on logits": logits}
