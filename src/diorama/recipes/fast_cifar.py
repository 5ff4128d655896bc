"""The best pictures of CIFAR-10 that ten minutes on one GPU give, from nothing but its training set."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.recipes.ddpm import ddpm, with_labels
from diorama.recipes.flow import as_flow
from diorama.training.recipe import AverageConfig, OptimizerConfig, RateConfig, Recipe

_IMAGES = 3_600_000


def fast_cifar(info: DataInfo) -> Recipe:
    """A flow with the U-Net of :func:`~diorama.recipes.ddpm.ddpm`, whose rate falls to zero within ten minutes.

    Command: ``diorama train fast_cifar --data cifar10 --out runs/fast``
    Hardware and time: one H200; 541 s from the command to 5,000 drawn pictures, 420 s of them at 8,660 pictures a
        second. fd@lite 2.00 [0.76, 1.29] of 3,000 pictures against 10,000 (seed 0); EDM's own code 5.01 after 440 s on
        an H100, held-out pictures 0.97.

    What counts, after 450 thousand pictures (seed 0, fd@lite): DDPM with a noise target, a rate that falls like a
    cosine and time added to features 13.6; this recipe 3.76 (benchmarks/results/fast_cifar.md).

    Args:
        info: pictures of any number of channels, height and width multiples of 4. Made for 32 x 32.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: Y. Lipman et al., arXiv:2210.02747; times as P. Esser et al., arXiv:2403.03206, section 3.1; a rate that
    falls along a line to zero as A. Defazio et al., arXiv:2310.07831.
    """
    recipe = as_flow(ddpm(info), "fast_cifar")
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    network = method.synthesizer.denoiser
    assert isinstance(network, DDPMUNetConfig)
    # In so short a run nothing is learned by heart, and dropout only slows it.
    network = replace(network, dropout=0.0, scale_shift=True)
    model = replace(method.synthesizer, denoiser=network, steps=18)
    rate = RateConfig(peak=6e-4, warmup=_IMAGES // 50, decay="linear", final=0.02)
    return replace(
        recipe,
        method=replace(method, synthesizer=model),
        optimizers={"denoiser": OptimizerConfig(rate=rate, betas=(0.9, 0.99), clip=1.0)},
        images=_IMAGES,
        batch_size=256,
        averages={"ema": AverageConfig(half_life=120_000, ramp_up=0.035)},
        evaluation=replace(recipe.evaluation, every=0),
        preview_every=0,
        checkpoint_every=900_000,
        log_every=25_600,
    )


def fast_cifar_class(info: DataInfo) -> Recipe:
    """:func:`fast_cifar` with labels and classifier-free guidance.

    Command: ``diorama train fast_cifar_class --data cifar10 --out runs/fast``

    After the whole run guidance does not help: fd@lite 1.97 [0.71, 1.22] at a scale of 1, 2.45 [1.09, 1.75] at the
    default of 1.5 (one H200, 3,000 pictures against 10,000, seed 0; benchmarks/results/fast_cifar.md).

    Raises:
        BadConfig: as :func:`fast_cifar`, or the data have no labels.
    """
    return with_labels(fast_cifar(info), info, "fast_cifar_class")
