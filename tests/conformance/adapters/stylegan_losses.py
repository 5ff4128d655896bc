"""Golden cases of StyleGAN2's turns: what each reports, and the gradients that it gives."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from diorama.core.contracts import Batch, Condition, ConditionSpec, MediaSpec, Moment
from diorama.interop import stylegan2 as published
from diorama.losses.adversarial import non_saturating_discriminator, non_saturating_generator
from diorama.losses.penalties import r1
from diorama.methods.adversarial.fading_blur import FadingBlurConfig
from diorama.methods.adversarial.gan import GAN, GANConfig
from diorama.methods.adversarial.path_length import PathLengthConfig
from diorama.networks.adversarial.style_generator import StyleGenerator
from tests.conformance.adapters.published_part import PublishedPart, stored
from tests.conformance.case import Case
from tests.conformance.runner import Compute

_START = Moment(0, 0)
_ADVERSARIAL_TURNS = ("Gmain", "Dmain", "Dreg")


class _Given(GAN):
    """The method with a case's weights, whose latent vectors and labels of generated pictures are the case's."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.parts = {name: PublishedPart(layout, case, name, ()) for name, layout in _LAYOUTS.items()}
        super().__init__(_config(case, self.parts))
        self.generator, self.discriminator = self.parts["G"].network, self.parts["D"].network
        if self.blur is not None:
            self.blur.fade(case.config["cur_nimg"])
        assert self.path_length is not None
        self.path_length.mean.fill_(case.config["pl_mean0"])

    def latents(self, batch: Batch) -> Tensor:
        return self.case.inputs["gen_z"][: len(batch["image"])]

    def asked(self, batch: Batch) -> Condition:
        labels = self.case.inputs.get("gen_c")
        return {} if labels is None else {"label": labels[: len(batch["image"])]}


_LAYOUTS = {"G": published.GENERATOR, "D": published.DISCRIMINATOR}


def _config(case: Case, parts: Mapping[str, PublishedPart]) -> GANConfig:
    loss, generator = case.config["loss"], parts["G"].config
    size = generator.size
    names = tuple(map(str, range(generator.classes)))
    blur = FadingBlurConfig(
        sigma=loss.get("blur_init_sigma", 0), images=max(1, round(1000 * loss.get("blur_fade_kimg", 0)))
    )
    path = PathLengthConfig(
        weight=loss["pl_weight"], decay=loss.get("pl_decay", 0.01), shrink=loss.get("pl_batch_shrink", 2)
    )
    return GANConfig(
        media=MediaSpec(kind="image", channels=generator.channels, height=size, width=size),
        generator=generator,
        discriminator=parts["D"].config,
        r1=loss.get("r1_gamma", 10),
        conditions=(ConditionSpec(key="label", names=names),) if names else (),
        blur=blur,
        path_length=path,
    )


def turns(case: Case) -> Mapping[str, Tensor]:
    """For every turn what it reports and its gradients, each from fresh networks."""
    found: dict[str, Tensor] = {}
    gains = case.config["gain"]
    for name in _ADVERSARIAL_TURNS:
        method = _Given(case)
        turn = {"Gmain": method.generator_loss, "Dmain": method.discriminator_loss, "Dreg": method.penalty}[name]
        found |= _told(name, _reported(method, name))
        found |= _gradients(method, name, gains[name] * turn(_batch(case), _START).value)
        if name == "Dmain":
            found["Dmain/w_avg_after"] = method.parts["G"].network.mapping.average  # type: ignore[union-attr]
    found |= _path_length(case)
    both = _Given(case)
    found |= _told("Dboth", _reported(both, "Dmain") | _reported(both, "Dreg"))
    value = both.discriminator_loss(_batch(case), _START).value + both.penalty(_batch(case), _START).value
    (gains["Dboth"] * value).backward()
    gradients = [p.grad for p in both.discriminator.parameters() if p.grad is not None]
    found["Dboth/grad_norm"] = torch.nn.utils.get_total_norm(gradients)
    # Of a tensor that has no gradient, or one of zeros, the published program tells nothing.
    nothing = {key for key, value in found.items() if "/grad/" in key and not value.any()}
    return stored(case, found, nothing)


def _path_length(case: Case) -> dict[str, Tensor]:
    method, noise = _Given(case), case.inputs["pl_noise"]
    assert isinstance(method.generator, StyleGenerator)
    assert method.path_length is not None
    styles = method.styles(method.generator, {"image": noise})
    found = method.path_length(method.generator.draw(styles), styles, noise)
    told = _told("Greg", {"pl_penalty": found.penalty, "G/reg": found.weighted})
    told |= _gradients(method, "Greg", case.config["gain"]["Greg"] * found.weighted.mean())
    return told | {"Greg/pl_mean_after": method.path_length.mean}


def _batch(case: Case) -> Batch:
    labels = case.inputs.get("real_c")
    return {"image": case.inputs["real_img"]} | ({} if labels is None else {"label": labels})


def _reported(method: _Given, turn: str) -> dict[str, Tensor]:
    """Logits and losses of each picture, under the published names."""
    batch = _batch(method.case)
    asked, given, drawn = method.asked(batch), method.condition(batch), method.draw(batch)
    fake, real = (_column(method.logits(x, c)) for x, c in ((drawn, asked), (batch["image"], given)))
    of_fake = {"scores/fake": fake, "signs/fake": fake.sign()}
    of_real = {"scores/real": real, "signs/real": real.sign()}
    if turn == "Gmain":
        return of_fake | {"G/loss": non_saturating_generator(fake, reduction="none")}
    if turn == "Dmain":
        return of_fake | of_real | {"D/loss": non_saturating_discriminator(real, fake, reduction="none")}
    slope = r1(lambda x: method.logits(x, given), batch["image"], reduction="none")
    return of_real | {"r1_penalty": slope, "D/reg": 0.5 * method.config.r1 * slope}


def _column(logits: Tensor) -> Tensor:
    return logits[:, None]


def _told(turn: str, reported: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{turn}/report/Loss/{name}": value.detach() for name, value in reported.items()}


def _gradients(method: _Given, turn: str, loss: Tensor) -> dict[str, Tensor]:
    side = turn[0]
    part = method.parts[side]
    constant = part.layout.constants(part.config)
    named = part.gradients(loss)
    return {f"{turn}/grad/{side}.{key}": value for key, value in named.items() if key not in constant}


ADAPTERS: dict[str, Compute] = {"training.loss.StyleGAN2Loss.accumulate_gradients": turns}
