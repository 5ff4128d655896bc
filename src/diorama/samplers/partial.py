"""Drawing from the middle of the way: a given picture is noised to a level, and the sampler walks down from there.

Reference: C. Meng et al., "SDEdit", arXiv:2108.01073, algorithm 1.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from diorama.core.numbers import counted
from diorama.samplers.catalog import AnySampler
from diorama.samplers.churn import ChurnConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.pndm import PNDMConfig


def steps_left_out(count: int, strength: float) -> int:
    """How many of a sampler's first steps are not taken.

    Args:
        count: steps of the whole way.
        strength: share of the way that is walked, in [0, 1]; of a part of a step nothing is walked, as in published
            pipelines.

    Raises:
        ValueError: there is no such share.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be in [0, 1], got {strength}")
    return count - int(count * strength)


def last_part(times: Tensor, strength: float) -> Tensor:
    """The times of the end of a sampler's way.

    Args:
        times: of the whole way, falling, (n + 1,).
        strength: see :func:`steps_left_out`.

    Returns:
        (m + 1,) the last of them, of which the first is the level that a picture is noised to.

    Raises:
        ValueError: not even one step is left.
    """
    count = len(times) - 1
    skipped = steps_left_out(count, strength)
    if skipped == count:
        raise ValueError(
            f"strength: {strength:g} of {counted(count, 'step')} is less than one; take at least {1 / count:.3g}"
        )
    return times[skipped:]


def for_part(sampler: AnySampler, steps: int, whole: int) -> AnySampler:
    """A sampler whose steps over a part of the way are those that it takes there on the whole way.

    Args:
        sampler: of the whole way.
        steps: of the part.
        whole: steps of the whole way, over which churn and the even steps of DDIM and PNDM are counted.

    Raises:
        ValueError: the sampler tells the network times that belong to the whole way.
    """
    if isinstance(sampler, EulerConfig) and sampler.told is not None and steps != whole:
        raise ValueError(
            "sampler: this model's euler tells the network times of the whole way, and walks no part of it"
        )
    if isinstance(sampler, ChurnConfig):
        return replace(sampler, churn=sampler.churn * steps / whole)
    return replace(sampler, even=False) if isinstance(sampler, DDIMConfig | PNDMConfig) else sampler
