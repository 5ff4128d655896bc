"""The best pictures of CIFAR-10 that ten minutes on one GPU give, from nothing but its training set."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.recipes.ddpm import ddpm, with_labels
from diorama.recipes.flow import as_flow
from diorama.training.recipe import AverageConfig, OptimizerConfig, RateConfig, Recipe

_IMAGES = 3_400_000
_WARMUP = 72_000


def fast_cifar(info: DataInfo) -> Recipe:
    """A flow with the U-Net of :func:`~diorama.recipes.ddpm.ddpm`, trained by Muon, whose rate falls to zero within ten
    minutes.

    Command: ``diorama train fast_cifar --data cifar10 --out runs/fast``
    Hardware and time: one H200; 479 s from the command to 5,000 drawn pictures, 443 s of them training at 7,860
        pictures a second, on a machine that had built the kernels before. fd@lite 1.55 [0.40, 0.76] of 3,000 pictures
        against 10,000 (seed 0); EDM's own code 5.01 after 440 s on an H100, held-out pictures 0.97.

    What a picture teaches: fd@lite of 2,000 samples after 262,144 pictures, with the seed behind it (one H200;
    benchmarks/results/fast_cifar.md has recall and the other distance)::

        Muon, 1e-3: this recipe                       2.88 (0)
        Muon, 2e-3                                    3.06 (0)
        Adam, 6e-4                                    8.50 (0), 7.55 (1), 7.88 (2)
        Adam, 3e-4                                    6.80 (0)
        Adam, 1e-3                                   10.56 (0)
        Adam, 6e-4, and times towards the data        6.98 (0)
            pictures not mirrored                     7.75 (0)
            EDM in place of a flow                    8.26 (0)
            noises matched in a batch                 8.31 (0)
            time added to features                    8.52 (0)
            dropout of 0.1                            8.74 (0)
            times towards the noise                   9.73 (0)
            features dispersed (InfoNCE)              9.84 (0)
            EDM's augmentation                        9.88 (0)

    Args:
        info: pictures of any number of channels, height and width multiples of 4. Made for 32 x 32.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: Y. Lipman et al., arXiv:2210.02747; times as P. Esser et al., arXiv:2403.03206, section 3.1; a rate that
    falls along a line to zero as A. Defazio et al., arXiv:2310.07831; Muon as J. Liu et al., arXiv:2502.16982.
    """
    recipe = as_flow(ddpm(info), "fast_cifar")
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    network = method.synthesizer.denoiser
    assert isinstance(network, DDPMUNetConfig)
    # In so short a run nothing is learned by heart, and dropout only slows it.
    network = replace(network, dropout=0.0, scale_shift=True)
    model = replace(method.synthesizer, denoiser=network, steps=18)
    rate = RateConfig(peak=1e-3, warmup=_WARMUP, decay="linear", final=0.02)
    return replace(
        recipe,
        method=replace(method, synthesizer=model),
        optimizers={"denoiser": OptimizerConfig(algorithm="muon", rate=rate, betas=(0.9, 0.99), clip=1.0)},
        images=_IMAGES,
        batch_size=256,
        averages={"ema": AverageConfig(half_life=120_000, ramp_up=0.035)},
        evaluation=replace(recipe.evaluation, every=0),
        preview_every=0,
        checkpoint_every=900_000,
        log_every=25_600,
    )


def fast_cifar_class(info: DataInfo) -> Recipe:
    """:func:`fast_cifar` with labels; ``--guidance`` draws what shows its label more plainly.

    Command: ``diorama train fast_cifar_class --data cifar10 --out runs/fast``

    It is drawn unguided, since guidance did not help after 3.6 million pictures by Adam: fd@lite 1.97 [0.71, 1.22]
    without, 2.45 [1.09, 1.75] at a scale of 1.5 (one H200, 3,000 pictures against 10,000, seed 0;
    benchmarks/results/fast_cifar.md).

    Raises:
        BadConfig: as :func:`fast_cifar`, or the data have no labels.
    """
    return with_labels(fast_cifar(info), info, "fast_cifar_class", guidance=1.0)
