"""The variational bound on the likelihood of a discrete Gaussian process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process
from diorama.processes.gaussian import (
    discretized_log_likelihood,
    learned_log_variance,
    like,
    noised,
    normal_kl,
    on,
    posterior,
)

Variance = Literal["small", "large"]
"""Of a step backwards: ``small`` is the posterior's, the best if all data are one point; ``large`` that of the step,
the best if data are N(0, I). Ho et al. 2020, section 3.2."""


def prior_term(images: Tensor, process: Process, end: Tensor) -> Tensor:
    """L_T in nats, (b,): how far pictures at the last time ``end`` are from the noise that sampling starts with."""
    last, prior = process.at(end), process.prior_scale(end)
    mean = like(last.alpha, images) * images
    return _sum(normal_kl(mean, like(last.sigma**2, images), images.new_zeros(()), like(prior**2, images)))


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
    true = posterior(level, below)
    prediction = denoise(noised(images, noise, on(level, images)), level)
    clean, log_variance = prediction.clean, learned_log_variance(prediction, true, images)
    fixed = true.variance if variance == "small" else true.step_variance
    learned = like(fixed, images) if log_variance is None else log_variance.exp()
    weight = like(true.of_clean, images)
    return _sum(normal_kl(weight * images, like(true.variance, images), weight * clean, learned))


def decoder_term(denoise: Denoise, images: Tensor, process: Process, time: Tensor, noise: Tensor, bins: int) -> Tensor:
    """L_0 in nats, (b,): the code length of the pixels given the least noisy level."""
    level = process.at(time)
    clean = denoise(noised(images, noise, on(level, images)), level).clean
    # Any deviation gives a bound. This one is the paper's: the first step's variance is that of its noise.
    return -_sum(discretized_log_likelihood(images, clean, like(level.sigma, images), bins))


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
    nats = nats + decoder_term(denoise, images, process, times[0], noise(0), bins)
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
