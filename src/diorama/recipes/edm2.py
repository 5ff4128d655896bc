"""EDM2 on pictures: a network that keeps the magnitude of its features, and weights whose length says nothing."""

from __future__ import annotations

from typing import Any

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.edm2 import EDM2UNetConfig
from diorama.networks.denoisers.uncertainty import UncertaintyConfig
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning
from diorama.processes.spacing import KarrasSpacing
from diorama.processes.times import LogNormalTimes
from diorama.recipes.pictures import pictures_of
from diorama.samplers.heun import HeunConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.training.recipe import EvaluationConfig, OptimizerConfig, PowerAverageConfig, RateConfig, Recipe

_ATTENTION_AT = (16, 8)
"""Sides of the features that have attention in the paper's networks."""
_MILLION = 1 << 20


def edm2(info: DataInfo) -> Recipe:
    """The paper's small network (EDM2-S, 280 M parameters) and its training for ImageNet at 64 pixels, without labels.

    Command: ``diorama train edm2 --data DATA --out runs/edm2``
    Hardware and time: made for many GPUs; the paper trained it on 32 A100 for days.

    Args:
        info: pictures of any number of channels, height and width multiples of 4; where they are no multiples of 8, the
            coarsest of the paper's four levels is left out.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: T. Karras et al., arXiv:2312.02696, tables 2 and 6. Its snapshots are kept, so that averages of other
    widths can be made after training (``diorama average``).
    """
    batch = 2_048
    rate = RateConfig(peak=1e-2, warmup=10_000_000, decay="inverse_root", reference=35_000 * batch)
    snapshots = 8 * _MILLION
    levels = 3 if info.media.height % 8 or info.media.width % 8 else 4
    network = EDM2UNetConfig(**_pictures(info, levels=levels), width=192, growth=(1, 2, 3, 4)[:levels])
    return Recipe(
        name="edm2",
        method=_method(info, network),
        optimizers={"denoiser": OptimizerConfig(rate=rate, betas=(0.9, 0.99))},
        images=1_024 * _MILLION,
        batch_size=batch,
        micro_batch=128,
        flip=True,
        averages={
            "narrow": PowerAverageConfig(std=0.05, snapshot_every=snapshots),
            "wide": PowerAverageConfig(std=0.10, snapshot_every=snapshots),
        },
        exported_average="wide",
        evaluation=EvaluationConfig(every=16 * _MILLION),
        preview_every=4 * _MILLION,
        checkpoint_every=4 * _MILLION,
        log_every=100 * batch,
    )


def edm2_cpu(info: DataInfo) -> Recipe:
    """EDM2 with a network of at most 3 M parameters, for two CPU cores.

    As in :func:`~diorama.recipes.ddpm.ddpm_cpu`, places of the first level are squares of 2x2 pixels, 4x4 from 64
    pixels on.

    Args:
        info: pictures of any number of channels, height and width multiples of 4, from 64 pixels on of 8.

    Raises:
        BadConfig: the data are clips, or of another size.
    """
    patch = 4 if min(info.media.height, info.media.width) >= 64 else 2
    places = min(info.media.height, info.media.width) // patch
    levels = 3 if places % 4 == 0 and info.media.height % (4 * patch) == info.media.width % (4 * patch) == 0 else 2
    network = EDM2UNetConfig(
        **_pictures(info, levels=levels, patch=patch),
        patch=patch,
        width=16,
        growth=(4, 4, 7)[3 - levels :],
        depth=1,
        head=56,
    )
    rate = RateConfig(peak=2e-2, warmup=10_000, decay="inverse_root", reference=100_000)
    return Recipe(
        name="edm2_cpu",
        method=_method(info, network),
        optimizers={"denoiser": OptimizerConfig(rate=rate, betas=(0.9, 0.99))},
        images=400_000,
        batch_size=32,
        flip=True,
        averages={
            "narrow": PowerAverageConfig(std=0.05, snapshot_every=25_000),
            "wide": PowerAverageConfig(std=0.10, snapshot_every=25_000),
        },
        exported_average="wide",
        evaluation=EvaluationConfig(every=100_000, samples=1_000),
        preview_every=50_000,
        checkpoint_every=50_000,
        log_every=2_560,
    )


def _pictures(info: DataInfo, levels: int, patch: int = 1) -> dict[str, Any]:
    """The fields of the network that follow from the data."""
    media, multiple = pictures_of(info), patch * 2 ** (levels - 1)
    if media.height % multiple or media.width % multiple:
        raise BadConfig(
            f"data: pictures of {media.height} x {media.width} pixels; height and width must be multiples of "
            f"{multiple} for this recipe (diorama prepare --size chooses one)"
        )
    size = min(media.height, media.width)
    sides = [size // patch >> level for level in range(levels)]
    return {
        "size": size,
        "in_channels": media.channels,
        "out_channels": media.channels,
        "attention": tuple(_ATTENTION_AT[1] <= side <= _ATTENTION_AT[0] for side in sides),
    }


def _method(info: DataInfo, network: EDM2UNetConfig) -> DiffusionMethodConfig:
    model = DiffusionSynthesizerConfig(
        media=info.media,
        denoiser=network,
        process=ExplodingProcess(),
        preconditioning=EDMPreconditioning(),
        spacing=KarrasSpacing(),
        steps=32,
        sampler=HeunConfig(),
        clip=False,
    )
    # For pixels; the paper's latents have a mean of -0.4 and a deviation of 1.
    times = LogNormalTimes(mean=-0.8, deviation=1.6)
    return DiffusionMethodConfig(synthesizer=model, times=times, uncertainty=UncertaintyConfig())
