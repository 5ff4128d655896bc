"""One-step generators from trained diffusion and flow models, by matching distributions."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.distribution_matching import (
    AdversarialConfig,
    DistributionMatchingConfig,
    KLMatching,
    ScoreIdentity,
)
from diorama.processes.times import KarrasTimes
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe


def dmd(info: DataInfo) -> Recipe:
    """A one-step generator along the gradient of a divergence, with five turns of the fake score for each of its own.

    Command: ``diorama distill MODEL --data DATA --method dmd --out runs/student``, where ``MODEL`` is any
    diffusion or flow model.
    Hardware and time: one GPU. A step takes as many passes through the network as two and a half of the teacher's
    training: 5.5 for the fake score, the discriminator among them, and a fifth of 5.5 for the generator; the teacher's
    takes 3, where a pass backwards counts as two, or as one where it leaves the weights alone.

    Args:
        info: the data of the teacher.

    Reference: T. Yin et al., arXiv:2405.14867, and its published code for ImageNet: levels, weights, turns, beta_1 of
    0. The rate is larger, as the run is short; SiD's level of 2.5 takes the place of 80.
    """
    return _recipe("dmd", _KL)


def dmd_cpu(info: DataInfo) -> Recipe:
    """:func:`dmd` of a small teacher, for minutes on two CPU cores.

    Command: ``diorama train dmd_cpu --data DATA --frozen.teacher runs/edm --out runs/student``, where ``runs/edm`` is a
    run of ``edm_cpu`` or of another small diffusion or flow model.
    Hardware and time: two CPU cores; each picture takes two and a half times as long as in the teacher's training.
    Reference: as :func:`dmd`.
    """
    return _small(dmd(info), "dmd_cpu")


def sida(info: DataInfo) -> Recipe:
    """A one-step generator by score identity distillation with an adversarial loss, turn by turn.

    Command: ``diorama distill MODEL --data DATA --method sida --out runs/student``, where ``MODEL`` is any
    diffusion or flow model. Without real pictures (SiD): ``--method.adversarial.generator 0 --method.matching.alpha
    1.2``.
    Hardware and time: one GPU. A step takes as many passes through the network as four of the teacher's training: 5.5
    for the fake score and 7 for the generator, counted as for :func:`dmd`.

    Args:
        info: the data of the teacher.

    Reference: M. Zhou et al., arXiv:2410.14919, and its published command for CIFAR-10: levels, alpha, weights, batch,
    betas. The rate is 5e-5 in place of 1e-5, as the run is short, and rises over the first hundred steps in place of
    starting after four hundred; the discriminator's loss has one weight at all levels.
    """
    return _recipe("sida", _IDENTITY)


def sida_cpu(info: DataInfo) -> Recipe:
    """:func:`sida` of a small teacher, for minutes on two CPU cores.

    Command: ``diorama train sida_cpu --data DATA --frozen.teacher runs/edm --out runs/student``, where ``runs/edm`` is
    a run of ``edm_cpu`` or of another small diffusion or flow model.
    Hardware and time: two CPU cores; each picture takes four times as long as in the teacher's training.
    Reference: as :func:`sida`.
    """
    return _small(sida(info), "sida_cpu")


# Levels are the papers' shares of those from 0.002 to 80 on Karras' scale: between 0.02 and 0.98, and all up to 0.8.
_KL = DistributionMatchingConfig(
    matching=KLMatching(),
    times=KarrasTimes(low=0.0032, high=71.8),
    fake_times=KarrasTimes(),
    interval=5,
    adversarial=AdversarialConfig(head="convolutions", generator=3e-3, discriminator=1e-2, scaled=False),
)
_IDENTITY = DistributionMatchingConfig(matching=ScoreIdentity(alpha=1.0), adversarial=AdversarialConfig(generator=1e-4))


def _recipe(name: str, method: DistributionMatchingConfig) -> Recipe:
    def adam(warmup: int) -> OptimizerConfig:
        return OptimizerConfig(rate=RateConfig(peak=5e-5, warmup=warmup), betas=(0.0, 0.999))

    return Recipe(
        name=name,
        method=method,
        # The fake score must know the generator's samples before they may move.
        optimizers={"fake": adam(0), "generator": adam(25_600)},
        images=10_000_000,
        batch_size=256,
        flip=True,
        averages={"ema": AverageConfig(half_life=500_000, ramp_up=0.05)},
        evaluation=EvaluationConfig(every=1_000_000),
        preview_every=250_000,
        checkpoint_every=500_000,
        log_every=12_800,
    )


def _small(recipe: Recipe, name: str) -> Recipe:
    optimizers = {
        player: replace(
            optimizer, rate=replace(optimizer.rate, peak=2e-4, warmup=min(optimizer.rate.warmup, 3_200)), clip=1.0
        )
        for player, optimizer in recipe.optimizers.items()
    }
    return replace(
        recipe,
        name=name,
        optimizers=optimizers,
        images=60_000,
        batch_size=32,
        averages={"ema": AverageConfig(half_life=5_000, ramp_up=0.1)},
        evaluation=EvaluationConfig(every=0, samples=1_000),
        preview_every=20_000,
        checkpoint_every=20_000,
        log_every=2_560,
    )
