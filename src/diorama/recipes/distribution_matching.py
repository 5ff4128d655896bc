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
    0. The rate is larger, as the run is short; SiD's level of 2.5 takes the place of 80; a flow's levels are its own.
    """
    return _recipe("dmd", _KL, images=2_000_000, fake=5e-5, generator=5e-5)


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

    The generator must not outrun the fake score: of samples that have moved on, the fake score says what was true
    before, and the generator is driven round and round. With both at a rate of 5e-5 the pictures of a run of 850
    thousand ended in one layout. A flow of bars of 8 x 8 pixels, both at 2e-4, was at an energy distance of 1.01, 1.15,
    0.26, 0.26 after 50, 100, 150 and 200 steps; with the generator at 5e-5, at 0.17, 0.17, 0.17, 0.25 (0.69 before).
    So its rate is a quarter of the fake score's.

    Reference: M. Zhou et al., arXiv:2410.14919, and its published command for CIFAR-10: levels (a flow's are its own),
    alpha, weights, batch, betas, no adversarial loss for the first 200 thousand pictures. Both rates are 1e-5 there, in
    runs of a hundred million pictures; the discriminator's loss has one weight at all levels here.
    """
    return _recipe("sida", _IDENTITY, images=1_200_000, fake=1e-4, generator=2.5e-5)


def sida_cpu(info: DataInfo) -> Recipe:
    """:func:`sida` of a small teacher, for minutes on two CPU cores.

    Command: ``diorama train sida_cpu --data DATA --frozen.teacher runs/edm --out runs/student``, where ``runs/edm`` is
    a run of ``edm_cpu`` or of another small diffusion or flow model.
    Hardware and time: two CPU cores; each picture takes four times as long as in the teacher's training.
    Reference: as :func:`sida`.
    """
    return _small(sida(info), "sida_cpu")


_KL = DistributionMatchingConfig(
    matching=KLMatching(),
    interval=5,
    adversarial=AdversarialConfig(head="convolutions", generator=3e-3, discriminator=1e-2, scaled=False),
)
_IDENTITY = DistributionMatchingConfig(
    matching=ScoreIdentity(alpha=1.0), adversarial=AdversarialConfig(generator=1e-4, after=200_000)
)


def _recipe(name: str, method: DistributionMatchingConfig, *, images: int, fake: float, generator: float) -> Recipe:
    """A recipe for about ten minutes.

    Args:
        name: of the recipe.
        method: what is trained.
        images: length of the run.
        fake: rate of the fake score.
        generator: rate of the generator.
    """

    def adam(peak: float, warmup: int) -> OptimizerConfig:
        return OptimizerConfig(rate=RateConfig(peak=peak, warmup=warmup), betas=(0.0, 0.999))

    return Recipe(
        name=name,
        method=method,
        # The fake score must know the generator's samples before they may move.
        optimizers={"fake": adam(fake, 0), "generator": adam(generator, 25_600)},
        images=images,
        batch_size=256,
        flip=True,
        averages={"ema": AverageConfig(half_life=50_000, ramp_up=0.05)},
        evaluation=EvaluationConfig(every=0),
        preview_every=250_000,
        checkpoint_every=500_000,
        log_every=12_800,
    )


def _small(recipe: Recipe, name: str) -> Recipe:
    method, fastest = recipe.method, recipe.optimizers["fake"].rate.peak
    assert isinstance(method, DistributionMatchingConfig)
    judge = method.adversarial
    rates = {
        player: replace(own.rate, peak=2e-4 * own.rate.peak / fastest, warmup=min(own.rate.warmup, 3_200))
        for player, own in recipe.optimizers.items()
    }
    optimizers = {player: replace(own, rate=rates[player], clip=1.0) for player, own in recipe.optimizers.items()}
    return replace(
        recipe,
        name=name,
        method=replace(method, adversarial=replace(judge, after=min(judge.after, 10_000))),
        optimizers=optimizers,
        images=60_000,
        batch_size=32,
        averages={"ema": AverageConfig(half_life=5_000, ramp_up=0.1)},
        evaluation=EvaluationConfig(every=0, samples=1_000),
        preview_every=20_000,
        checkpoint_every=20_000,
        log_every=2_560,
    )
