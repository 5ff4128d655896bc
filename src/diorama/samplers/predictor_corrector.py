"""Predictor-corrector sampling: a step of the reverse equation, and Langevin dynamics at every level it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from diorama.core.config import WORDS
from diorama.core.contracts import Denoise, DrawNoise, Level, Process, Stage
from diorama.processes.gaussian import like
from diorama.processes.reverse import Variance
from diorama.processes.sde import Step, chain_step, equation_of, euler_step, score_of, step_between
from diorama.samplers.ddim import DDIMConfig, ddim_step
from diorama.samplers.langevin import LangevinConfig, Sizes, langevin

Predictor = Literal["reverse_diffusion", "ancestral", "euler_maruyama", "ddim", "none"]
"""The step down: the process's step with its signs turned and the score added; the posterior of the step; Euler's step
of the reverse equation; DDIM's step along the noise that is found, which draws none; or none, where the corrector alone
follows the levels."""
_WITHOUT_FLOW: tuple[Predictor, ...] = ("ancestral", "ddim", "none")
"""Those that have no probability-flow form, or are one."""
_CORRECTORS = {"langevin": LangevinConfig()}
"""By the words of a command line, which has no other way to name a corrector or none."""


@dataclass(frozen=True, kw_only=True)
class PredictorCorrectorConfig:
    """The sampler's settings.

    Args:
        predictor: of the next level.
        corrector: Langevin dynamics before each step of the predictor; ``None`` for the predictor alone.
        variance: of the ancestral predictor.
        flow: the predictor follows the probability-flow path, and draws no noise.
        chain: the predictor's steps, and the corrector's, are those of the chain that the paper derives from its
            equation (:func:`~diorama.processes.sde.chain_step`), of one length wherever the next level lies; else they
            lead exactly from level to level, of any process. DDIM's always do.
        last_noise: noise is drawn in the last step as well, by a predictor that draws any.

    Reference: Y. Song et al., arXiv:2011.13456, algorithms 1 to 3.
    """

    predictor: Predictor = "reverse_diffusion"
    corrector: LangevinConfig | None = field(default_factory=LangevinConfig, metadata={WORDS: _CORRECTORS})
    variance: Variance = "small"
    flow: bool = False
    chain: bool = False
    last_noise: bool = False

    def __post_init__(self) -> None:
        if self.predictor == "none" and self.corrector is None:
            raise ValueError("predictor, corrector: one of them must be there")
        if self.flow and self.predictor in _WITHOUT_FLOW:
            raise ValueError(f"flow: the predictor {self.predictor!r} has no probability-flow form")

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`predictor_corrector` with these settings."""
        return predictor_corrector(denoise, x, process, times, noise, config=self)


def predictor_corrector(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, config: PredictorCorrectorConfig
) -> Iterator[Stage]:
    """Correct the samples at each level, then step down to the next.

    Args:
        denoise: the meaning of the network, called once for each step of the corrector and of the predictor.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draws of step *i*: first the corrector's, then the predictor's.
        config: predictor, corrector, and their steps.

    Yields:
        One stage after each step of the predictor.

    Raises:
        ValueError: the steps of a chain are asked for that the process does not have.
    """
    count, corrector = len(times) - 1, config.corrector
    corrections = 0 if corrector is None else corrector.steps
    for i, (t, end) in enumerate(pairwise(times)):
        level, below = process.at(t), process.at(end)
        step = chain_step(process, t, count) if config.chain else step_between(process, t, end)
        if corrector is not None:
            sizes = Sizes(step.keep, _deviation(process, level, config))
            x = langevin(denoise, x, level, partial(noise, i), sizes, corrector)
        if config.predictor == "none":
            yield Stage(x, None, below)
            continue
        prediction = denoise(x, level)
        clean = prediction.clean
        if config.predictor == "ddim":
            x = ddim_step(prediction, x, (level, below), DDIMConfig(), None)
            yield Stage(x, clean, below)
            continue
        if config.predictor == "euler_maruyama":
            step = _euler_step(process, t, end, count, chain=config.chain)
        x, deviation = _predicted(x, score_of(x, clean, level), step, config)
        if (i + 1 < count or config.last_noise) and not config.flow:
            x = x + like(deviation, x) * noise(i, corrections)
        yield Stage(x, clean, below)


def _predicted(x: Tensor, score: Tensor, step: Step, config: PredictorCorrectorConfig) -> tuple[Tensor, Tensor]:
    """The mean of the sample below, and its standard deviation.

    Raises:
        ValueError: the posterior's variance is asked for, and the step is Euler's, which leads from no known level.
    """
    keep, variance = like(step.keep, x), like(step.variance, x)
    if config.predictor == "ancestral":
        if step.share is None:
            raise ValueError("predictor: no posterior is known of this process's chain; take 'reverse_diffusion'")
        share = step.share if config.variance == "small" else torch.ones_like(step.share)
        return (x + variance * score) / keep, (step.variance * share).sqrt()
    moved = variance * (0.5 if config.flow else 1.0) * score
    return (2 - keep) * x + moved, step.variance.sqrt()


def _euler_step(process: Process, t: Tensor, end: Tensor, count: int, *, chain: bool) -> Step:
    if not chain:
        return euler_step(process, t, t - end)
    equation, time = equation_of(process, t)
    return euler_step(equation, time, equation.end / count)


def _deviation(process: Process, level: Level, config: PredictorCorrectorConfig) -> Tensor:
    """Sigma of the level; where a chain is walked, of the equation that it stands for."""
    assert config.corrector is not None
    if not config.chain or config.corrector.size == "norms":
        return level.sigma
    equation, time = equation_of(process, level.t)
    return equation.at(time).sigma
