"""Inductive moment matching: one step from noise to a picture, or a few, learned from data alone."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.methods.diffusion.moment_matching import MomentMatchingConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.processes.jump_spacing import JumpSpacing
from diorama.processes.scaled_noise import ScaledNoiseProcess
from diorama.processes.two_times import TwoTimePreconditioning
from diorama.recipes.ddpm import with_labels
from diorama.recipes.fast_cifar import fast_cifar
from diorama.recipes.flow import flow_cpu
from diorama.samplers.jumps import JumpsConfig
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe


def imm(info: DataInfo) -> Recipe:
    """Inductive moment matching with the U-Net of :func:`~diorama.recipes.fast_cifar.fast_cifar`.

    Command: ``diorama train imm --data DATA --out runs/imm``
    Hardware and time: one GPU; a second pass through the network without gradients beside those of ``fast_cifar``, in
    full precision, since 16 bits do not tell the two levels of a pair apart. Not timed yet. The paper saw 50 times as
    many pictures, in batches of 4,096.

    Args:
        info: pictures of any number of channels, height and width multiples of 4. Made for 32 x 32.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: L. Zhou, S. Ermon, J. Song, arXiv:2503.07565, table 5 (CIFAR-10), with pairs of levels 8 times as far
    apart, as the run is shorter; batches of 1,024; Adam with a warm-up and clipped gradients in place of RAdam;
    pictures that are mirrored and not augmented otherwise; and no dropout.
    """
    return _long(fast_cifar(info), "imm")


def imm_class(info: DataInfo) -> Recipe:
    """:func:`imm` with labels and classifier-free guidance.

    Command: ``diorama train imm_class --data DATA --out runs/imm``

    Raises:
        BadConfig: as :func:`imm`, or the data have no labels.

    Reference: L. Zhou, S. Ermon, J. Song, arXiv:2503.07565, equations 14 and 86: outputs of the network are combined.
    """
    return _long(with_labels(fast_cifar(info), info, "imm_class"), "imm_class")


def imm_cpu(info: DataInfo) -> Recipe:
    """Inductive moment matching with the small U-Net of :func:`~diorama.recipes.ddpm.ddpm_cpu`.

    Command: ``diorama train imm_cpu --data DATA --out runs/imm``
    Hardware and time: two CPU cores; a second pass through the network without gradients beside those of ``flow_cpu``,
    in full precision.

    How far apart pairs of levels are was chosen on bars of 8 x 8 pixels, after 30 thousand pictures of a small U-Net
    (seed 0): the energy distance of 400 samples of one, two and four steps was 0.17, 0.06 and 0.07 with 8 halvings,
    0.15, 0.05 and 0.05 with 10, 0.25, 0.06 and 0.06 with 12. With 10 and groups of 16 it was 0.36, 0.15 and 0.14.

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.

    It is trained by Adam: Muon, which trains ``flow_cpu``, does not suit this loss. After 12,800 pictures of CIFAR-10
    (seed 0) fd@lite of 500 samples in one step was 121 by Adam and 2,427 by Muon at 5e-3.

    Reference: L. Zhou, S. Ermon, J. Song, arXiv:2503.07565, table 5 (CIFAR-10), with pairs of levels further apart, as
    the run is short, and the network of ``flow_cpu`` in batches of 64.
    """
    adam = OptimizerConfig(rate=RateConfig(peak=2e-3, warmup=10_000), clip=1.0)
    return replace(_jumping(flow_cpu(info), "imm_cpu", halvings=10.0), optimizers={"denoiser": adam}, batch_size=64)


def _long(recipe: Recipe, name: str) -> Recipe:
    rate = RateConfig(peak=1e-4, warmup=600_000)
    return replace(
        _jumping(recipe, name, halvings=12.0),
        optimizers={"denoiser": OptimizerConfig(rate=rate, clip=1.0)},
        images=30_000_000,
        batch_size=1_024,
        # 0.9999 after each of the paper's steps of 4,096 pictures is an average over a tenth of this run.
        averages={"ema": AverageConfig(half_life=1_000_000, ramp_up=0.035)},
        # Those of fast_cifar are for a run of ten minutes.
        evaluation=EvaluationConfig(every=1_000_000),
        preview_every=500_000,
        checkpoint_every=1_000_000,
    )


def _jumping(recipe: Recipe, name: str, halvings: float) -> Recipe:
    """A flow's recipe whose network learns to jump.

    Args:
        recipe: with the U-Net of DDPM.
        name: of the new recipe.
        halvings: see :class:`~diorama.methods.diffusion.moment_matching.MomentMatchingConfig`.
    """
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    network = method.synthesizer.denoiser
    assert isinstance(network, DDPMUNetConfig)
    model = replace(
        method.synthesizer,
        denoiser=replace(network, embedding=replace(network.embedding, two_times=True)),
        process=ScaledNoiseProcess(),
        preconditioning=TwoTimePreconditioning(form="simple_edm"),
        spacing=JumpSpacing(),
        steps=1,
        sampler=JumpsConfig(),
    )
    jumps = MomentMatchingConfig(synthesizer=model, halvings=halvings, least_gap=1e-4)
    # The levels of a pair are close, and rounding to 16 bits hides what lies between their answers.
    return replace(recipe, name=name, method=jumps, precision="fp32")
