"""The variational bound on the likelihood of a discrete Gaussian process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise
from diorama.processes.gaussian import discretized_log_likelihood, like, noised, normal_kl, on, posterior
from diorama.processes.levels import DiscreteProcess

Variance = Literal["small", "large"]
"""Of a learned step backwards: right for data of one point, or for data of unit variance. Ho et al., section 3.2."""


def prior_term(images: Tensor, process: DiscreteProcess) -> Tensor:
    """L_T in nats, (b,): how far the last level of the process is from the standard normal."""
    last = process.level(process.steps - 1)
    zero, one = images.new_zeros(()), images.new_ones(())
    return _sum(normal_kl(like(last.alpha, images) * images, like(last.sigma**2, images), zero, one))


def step_term(
    denoise: Denoise, images: Tensor, process: DiscreteProcess, t: int, noise: Tensor, variance: Variance
) -> Tensor:
    """L_t in nats, (b,), for t in 1 … T - 1: the divergence between the true step backwards and the learned one."""
    level = process.level(t)
    step = posterior(level, process.level(t - 1))
    clean, log_variance = denoise(noised(images, noise, on(level, images)), level)
    fixed = step.variance if variance == "small" else step.step_variance
    learned = like(fixed, images) if log_variance is None else log_variance.exp()
    weight = like(step.of_clean, images)
    return _sum(normal_kl(weight * images, like(step.variance, images), weight * clean, learned))


def decoder_term(denoise: Denoise, images: Tensor, process: DiscreteProcess, noise: Tensor, bins: int) -> Tensor:
    """L_0 in nats, (b,): the code length of the pixels given the least noisy level."""
    level = process.level(0)
    clean = denoise(noised(images, noise, on(level, images)), level).clean
    return -_sum(discretized_log_likelihood(images, clean, like(level.sigma, images), bins))


def variational_bound(
    denoise: Denoise,
    images: Tensor,
    process: DiscreteProcess,
    noise: DrawNoise,
    *,
    times: Mapping[int, float],
    variance: Variance,
    bins: int = 256,
) -> Tensor:
    """An upper bound on the code length of pictures in nats, or its unbiased estimate.

    Args:
        denoise: the meaning of the network.
        images: (b, c, h, w) in [-1, 1].
        process: the noise process.
        noise: the draw for the term of index t.
        times: the terms among 1 … T - 1 that are evaluated, and how many terms each stands for.
        variance: of the learned steps.
        bins: values that a stored pixel can take.

    Returns:
        (b,).

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, equation 5.
    """
    nats = prior_term(images, process) + decoder_term(denoise, images, process, noise(0), bins)
    for t, weight in times.items():
        nats = nats + weight * step_term(denoise, images, process, t, noise(t), variance)
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
