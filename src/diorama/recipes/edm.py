"""EDM on pictures: noise without end, a preconditioned network, Heun's sampler."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning
from diorama.processes.spacing import KarrasSpacing
from diorama.processes.times import LogNormalTimes
from diorama.recipes.ddpm import ddpm, ddpm_cpu, with_labels
from diorama.samplers.heun import HeunConfig
from diorama.training.recipe import AverageConfig, OptimizerConfig, RateConfig, Recipe

_STEPS = 18
"""Of the paper's sampler for CIFAR-10: 35 evaluations of the network."""


def edm(info: DataInfo) -> Recipe:
    """The paper's training and sampling for CIFAR-10 with the U-Net of :func:`~diorama.recipes.ddpm.ddpm`.

    Command: ``diorama train edm --data DATA --out runs/edm``
    Hardware and time: one GPU; as many pictures a second as ``ddpm``, so the paper's 200 million take 10 to 14 hours.

    Args:
        info: pictures of any number of channels, height and width multiples of 4.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, tables 1 and 7. The paper's augmentation for
    CIFAR-10 is added by ``--method.augment 0.12 --no-flip``.
    """
    recipe = as_edm(ddpm(info))
    # 10 million pictures of warm-up and a half-life of half a million, as in the published training.
    adam = OptimizerConfig(rate=RateConfig(peak=1e-3, warmup=10_000_000))
    return replace(
        recipe,
        name="edm",
        optimizers={"denoiser": adam},
        images=200_000_000,
        batch_size=512,
        averages={"ema": AverageConfig(half_life=500_000, ramp_up=0.05)},
    )


def edm_cpu(info: DataInfo) -> Recipe:
    """EDM with the small U-Net of :func:`~diorama.recipes.ddpm.ddpm_cpu`: useful within minutes on two CPU cores.

    Command: ``diorama train edm_cpu --data DATA --out runs/edm``
    Hardware and time: as ``ddpm_cpu`` up to 32 x 32; at 64 x 64 half as fast, with four times as many places.

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.
    """
    recipe = replace(as_edm(ddpm_cpu(info)), name="edm_cpu")
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    # At low noise the network must tell from a picture what little noise is in it, pixel by pixel: it learns that in a
    # tenth of the time of larger patches.
    network = method.synthesizer.denoiser
    assert isinstance(network, DDPMUNetConfig)
    network = replace(network, patch=2)
    return replace(recipe, method=replace(method, synthesizer=replace(method.synthesizer, denoiser=network)))


def edm_class(info: DataInfo) -> Recipe:
    """:func:`edm` with labels and classifier-free guidance.

    Command: ``diorama train edm_class --data DATA --out runs/edm``
    Hardware and time: as :func:`edm`.

    Raises:
        BadConfig: as :func:`edm`, or the data have no labels.

    Reference: as of :func:`edm`; guidance J. Ho, T. Salimans, arXiv:2207.12598.
    """
    return with_labels(edm(info), info, "edm_class")


def edm_class_cpu(info: DataInfo) -> Recipe:
    """:func:`edm_cpu` with labels and classifier-free guidance.

    Command: ``diorama train edm_class_cpu --data DATA --out runs/edm``
    Hardware and time: as :func:`edm_cpu`.

    Raises:
        BadConfig: as :func:`edm_cpu`, or the data have no labels.
    """
    return with_labels(edm_cpu(info), info, "edm_class_cpu")


def as_edm(recipe: Recipe) -> Recipe:
    """A recipe of a diffusion model with EDM's process, preconditioning, times and sampler in place of its own.

    Args:
        recipe: whose network, optimizer, lengths and name stay.

    Reference: T. Karras et al., arXiv:2206.00364, table 1.
    """
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    model = replace(
        method.synthesizer,
        process=ExplodingProcess(),
        preconditioning=EDMPreconditioning(),
        spacing=KarrasSpacing(),
        steps=_STEPS,
        sampler=HeunConfig(),
        clip=False,
    )
    return replace(recipe, method=replace(method, synthesizer=model, times=LogNormalTimes()))
