"""BigGAN: one recipe for a GPU, whose settings follow the size of the pictures, and one for a CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.networks.adversarial.biggan import GENERATOR_WIDTHS, BigGANDiscriminatorConfig, BigGANGeneratorConfig
from diorama.nn.pyramid import pyramid
from diorama.recipes.pictures import pictures_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_NARROW = 32
"""Stacks of blocks up to this resolution are as wide at every side."""


def biggan(info: DataInfo) -> Recipe:
    """BigGAN for square pictures of 16 to 512 pixels, with the labels that the data have, or without any.

    Up to 63 pixels it has the settings of the authors' PyTorch code for CIFAR-10: a table of labels in each norm, no
    attention, four steps of the discriminator for one of the generator. From 64 pixels on it has those of the paper: a
    shared embedding, parts of the latent vector for each block, attention (at maps of 64, or half the side where that
    is less), orthogonal regularisation, two steps.

    Command: ``diorama train biggan --data DATA --out runs/biggan``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Brock, Donahue, Simonyan 2019, arXiv 1809.11096, section 3 and appendix C (hinge loss, Adam with beta1 0,
        rates of 5e-5 and 2e-4, an average of the generator with a decay of 0.9999).

    Raises:
        BadConfig: the data are clips, or pictures of a size that the generator does not draw.
    """
    resolution, _ = _stack(info)
    small = resolution <= _NARROW
    batch, critic_steps = (50, 4) if small else (256, 2)
    return Recipe(
        name="biggan",
        method=replace(
            _method(info, width=64 if small else 96),
            critic_steps=critic_steps,
            orthogonal=0.0 if small else 1e-4,
        ),
        optimizers=_optimizers(generator=2e-4 if small else 5e-5, discriminator=2e-4),
        images=20_000_000,
        batch_size=batch,
        flip=True,
        averages={"ema": AverageConfig(half_life=6_931 * batch * critic_steps)},
        evaluation=EvaluationConfig(every=500_000, samples=5_000, beside=("recall@lite",)),
        preview_every=250_000,
        checkpoint_every=500_000,
    )


def biggan_cpu(info: DataInfo) -> Recipe:
    """A narrow BigGAN, which takes labels where the data have them, for two CPU cores.

    Command: ``diorama train biggan_cpu --data DATA --out runs/biggan``
    Hardware and time: two CPU cores; 200,000 pictures of 32 x 32 take about half an hour (70 a second on one core).
    Reference: as :func:`biggan`, at an eighth of the width, with one step of the discriminator for one of the generator
        and the rates of the authors' PyTorch code for that, 1e-4 and 4e-4.

    Raises:
        BadConfig: as :func:`biggan`.
    """
    return Recipe(
        name="biggan_cpu",
        method=_method(info, width=8, latent=60),
        optimizers=_optimizers(generator=1e-4, discriminator=4e-4),
        images=200_000,
        batch_size=32,
        averages={"ema": AverageConfig(half_life=10_000)},
        evaluation=EvaluationConfig(every=100_000, samples=2_000, beside=("recall@lite",)),
        preview_every=50_000,
        checkpoint_every=50_000,
    )


def _stack(info: DataInfo) -> tuple[int, int]:
    """Resolution of the stack of blocks that draws the data's size, and the side of its coarsest map."""
    media = pictures_of(info, "BigGAN")
    size = f"data: pictures of {media.height} x {media.width} pixels"
    if media.height != media.width:
        raise BadConfig(f"{size}; BigGAN draws squares (diorama prepare --size cuts them)")
    steps, (bottom, _) = pyramid((media.height, media.width))
    if 4 << steps not in GENERATOR_WIDTHS:
        raise BadConfig(f"{size}; BigGAN's blocks double a side of 4 to 15 pixels two to seven times")
    return 4 << steps, bottom


def _method(info: DataInfo, *, width: int, latent: int = 128) -> GANConfig:
    resolution, bottom = _stack(info)
    small, label = resolution <= _NARROW, info.condition("label")
    common: dict[str, Any] = {
        "channels": info.media.channels,
        "width": width,
        # A single class is told to nobody.
        "classes": len(info.classes) if len(info.classes) > 1 else 1,
        "attention": () if small else (min(resolution // 2, 64),),
        "initial": "normal" if small else "orthogonal",
    }
    parts = len(GENERATOR_WIDTHS[resolution])
    generator = BigGANGeneratorConfig(
        **common,
        resolution=resolution,  # type: ignore[arg-type]
        bottom=bottom,
        latent=latent if small else 20 * parts,
        shared=None if small else 128,
        hierarchical=not small,
    )
    return GANConfig(
        media=info.media,
        generator=generator,
        discriminator=BigGANDiscriminatorConfig(**common, resolution=max(resolution, _NARROW)),  # type: ignore[arg-type]
        loss="hinge",
        conditions=(label,) if label is not None and generator.reads else (),
    )


def _optimizers(*, generator: float, discriminator: float) -> dict[str, OptimizerConfig]:
    rates = {"discriminator": discriminator, "generator": generator}
    return {name: OptimizerConfig(rate=RateConfig(peak=peak), betas=(0.0, 0.999)) for name, peak in rates.items()}
