"""The noise levels of ``iDDPM`` in EDM's code, which works their cosine out in float32.

Near clean data that costs the levels three of their digits, which moves what is drawn by more than the rest of a
sampler's rounding.
"""

from __future__ import annotations

import math

import torch

from diorama.processes.discrete import DiscreteProcess


def published_steps(steps: int = 1_000, *, offset: float = 0.008, least: float = 0.001) -> DiscreteProcess:
    """The cosine process of so many steps, its variances rounded as they were published.

    Args:
        steps: M.
        offset: C_2, of the cosine.
        least: C_1, the least share of the signal that a step leaves.

    Raises:
        ValueError: there is no such process.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, appendix C.3.2.
    """
    # Refuses what cannot be.
    DiscreteProcess(steps=steps, betas="cosine", offset=offset, largest=1 - least)
    clean_to_noise = torch.arange(steps, -1, -1, device="cpu")
    signal = (0.5 * math.pi * clean_to_noise / steps / (offset + 1)).sin() ** 2
    kept = (signal[1:] / signal[:-1]).clip(min=least)
    return DiscreteProcess(steps=steps, betas="trained", trained=tuple((1 - kept.double()).tolist()))
