"""Learning rates as functions of images seen, so that a resume needs none of them stored."""

from __future__ import annotations

import math

from diorama.training.recipe import RateConfig


def rate(config: RateConfig, images: int, total: int) -> float:
    """The learning rate after ``images`` of ``total``.

    Args:
        config: peak, warm-up and decay.
        images: seen so far, at least 0.
        total: length of the run; constant rates do not depend on it.

    Returns:
        Between 0 and ``config.peak``: the linear rise over the warm-up times what the decay leaves of the peak,
        which is ``config.final`` once ``total`` is reached.

    Reference: the cosine is that of I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm
    restarts", ICLR 2017, arXiv:1608.03983, equation 5, without restarts.
    """
    rise = min(1.0, images / config.warmup) if config.warmup else 1.0
    if config.decay == "constant":
        return config.peak * rise
    # The fall takes what the warm-up leaves of the run.
    way = min(1.0, max(0.0, images - config.warmup) / max(1, total - config.warmup))
    left = 1.0 - way if config.decay == "linear" else 0.5 * (1.0 + math.cos(math.pi * way))
    return config.peak * rise * (config.final + (1.0 - config.final) * left)
