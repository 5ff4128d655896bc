"""The variational bound on the likelihood of a discrete Gaussian process."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Prediction, Process
from diorama.processes.gaussian import (
    LEAST_VARIANCE,
    approximate_log_likelihood,
    discretized_log_likelihood,
    like,
    noised,
    normal_kl,
    on,
    posterior,
)
from diorama.processes.reverse import Variance, reverse_step


def prior_term(images: Tensor, process: Process, end: Tensor) -> Tensor:
    """L_T in nats, (b,): how far pictures at the last time ``end`` are from the noise that sampling starts with."""
    last, prior = process.at(end), process.prior_scale(end)
    mean = like(last.alpha, images) * images
    log_variance, prior_log_variance = (like((scale**2).log(), images) for scale in (last.sigma, prior))
    return _sum(normal_kl(mean, log_variance, images.new_zeros(()), prior_log_variance))


def step_term(
    denoise: Denoise, images: Tensor, process: Process, step: tuple[Tensor, Tensor], noise: Tensor, variance: Variance
) -> Tensor:
    """A term L_t in nats, (b,): the divergence between the true step backwards and the learned one.

    Args:
        denoise: the meaning of the network.
        images: (b, c, h, w).
        process: the noise process.
        step: the time that is left and the one that is reached, each of shape ().
        noise: like ``images``.
        variance: of the learned step, where the network predicts none.
    """
    level, below = process.at(step[0]), process.at(step[1])
    true, x = posterior(level, below), noised(images, noise, on(level, images))
    learned = reverse_step(denoise(x, level), x, true, variance)
    mean = like(true.of_x, x) * x + like(true.of_clean, x) * images
    return _sum(normal_kl(mean, like(true.variance.log(), images), learned.mean, learned.log_variance))


def decoder_term(denoise: Denoise, images: Tensor, process: Process, times: Tensor, noise: Tensor, bins: int) -> Tensor:
    """L_0 in nats, (b,): the code length of the pixels given the least noisy level.

    Args:
        denoise: the meaning of the network.
        images: (b, c, h, w).
        process: the noise process.
        times: of the two least noisy levels, rising, (2,); or of one, (1,).
        noise: like ``images``.
        bins: values that a stored pixel can take.
    """
    level = process.at(times[0])
    x = noised(images, noise, on(level, images))
    prediction = denoise(x, level)
    # Any deviation gives a bound. This one is the paper's: the first step's variance is that of its noise.
    deviation = like(level.sigma, images)
    if prediction.log_variance is not None or prediction.variance_share is not None:
        below = process.at(torch.zeros_like(times[0]))
        first = posterior(process.at(times[1]), level).variance.item() if len(times) > 1 else None
        step = reverse_step(prediction, x, posterior(level, below), "small", first=first)
        deviation = (0.5 * step.log_variance).exp()
    return -_sum(discretized_log_likelihood(images, prediction.clean, deviation, bins))


def training_term(
    prediction: Prediction,
    images: Tensor,
    x: Tensor,
    step: tuple[Level, Level],
    variance: Variance,
    *,
    first: float | None,
    clipped: bool = True,
) -> Tensor:
    """A term of the bound in bits per dimension, as published models were trained on it: (b,).

    Args:
        prediction: what the denoiser said of ``x``.
        images: (b, ...) in [-1, 1]; where the step leads to clean data, multiples of 1 / 127.5.
        x: their noisy samples.
        step: the levels that are left, and those that are reached; they may differ from sample to sample.
        variance: of the steps, where the network predicts none.
        first: see :func:`~diorama.processes.reverse.reverse_step`.
        clipped: likewise.

    Reference: A. Nichol, P. Dhariwal, arXiv:2102.09672, equations 4 to 7 and published code.
    """
    true = posterior(*step)
    learned = reverse_step(prediction, x, true, variance, first=first, clipped=clipped)
    mean = like(true.of_x, x) * x + like(true.of_clean, x) * images
    true_log = like(true.variance.clamp(min=LEAST_VARIANCE).log(), x)
    divergence = normal_kl(mean, true_log, learned.mean, learned.log_variance)
    code = -approximate_log_likelihood(images, learned.mean, 0.5 * learned.log_variance)
    return torch.where(true.variance > 0, divergence, code).flatten(1).mean(1) / math.log(2)


def variational_bound(
    denoise: Denoise,
    images: Tensor,
    process: Process,
    times: Tensor,
    noise: DrawNoise,
    *,
    terms: Mapping[int, float],
    variance: Variance,
    bins: int = 256,
) -> Tensor:
    """An upper bound on the code length of pictures in nats, or its unbiased estimate.

    Args:
        denoise: the meaning of the network.
        images: (b, c, h, w) in [-1, 1].
        process: the noise process.
        times: the T times at which it stops, rising, (T,) float64 on the CPU; for a discrete process 1 … T.
        noise: the draw for the term of index i.
        terms: which of the indices 1 … T - 1 of ``times`` are evaluated, and how many terms each stands for.
        variance: of the learned steps.
        bins: values that a stored pixel can take.

    Returns:
        (b,).

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, equation 5.
    """
    nats = prior_term(images, process, times[-1])
    nats = nats + decoder_term(denoise, images, process, times[:2], noise(0), bins)
    for i, weight in terms.items():
        step = (times[i], times[i - 1])
        nats = nats + weight * step_term(denoise, images, process, step, noise(i), variance)
    return nats


def bound_times(steps: int, count: int | None, seed: int) -> dict[int, float]:
    """Which terms 1 … T - 1 of the bound to evaluate, and how many terms each stands for.

    Args:
        steps: T.
        count: terms at most, ``None`` for all. One is drawn from each of as many strata, narrow where t is small:
            there the terms are largest and differ most.
        seed: of the draw.
    """
    if count is None or count >= steps - 1:
        return dict.fromkeys(range(1, steps), 1.0)
    generator = torch.Generator().manual_seed(seed)
    edges = sorted({round(steps ** (i / count)) for i in range(count + 1)})
    drawn = torch.rand(len(edges) - 1, generator=generator, dtype=torch.float64).tolist()
    strata = zip(edges, edges[1:], drawn, strict=False)
    return {low + int(u * (high - low)): float(high - low) for low, high, u in strata}


def _sum(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)
