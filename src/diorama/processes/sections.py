"""Which steps of a discrete process are visited, as the code of improved DDPM and of guided diffusion chooses them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.discrete import with_steps
from diorama.processes.spacing import check_count


@dataclass(frozen=True, kw_only=True)
class SectionSpacing:
    """Equal sections of the whole steps, in each of which some are visited, evenly from its first to its last.

    Args:
        counts: steps that are visited in each section, the least noisy first; empty for one section with as many as
            are asked for.

    Reference: A. Nichol, P. Dhariwal, arXiv:2102.09672, section 4, and published code (``timestep_respacing``).
    """

    counts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.counts and (min(self.counts) < 0 or sum(self.counts) < 1):
            raise ValueError(f"counts must be at least 0, and one of them more, got {self.counts}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`."""
        process = with_steps(process, "spacing: visits")
        if self.counts and count not in (None, sum(self.counts)):
            raise ValueError(f"steps: the sections visit {sum(self.counts)} in all, not {count}")
        counts = self.counts or (process.steps if count is None else count,)
        check_count(process.steps, sum(counts))
        return _falling(_in_sections(process.steps, counts))


@dataclass(frozen=True, kw_only=True)
class StrideSpacing:
    """Every n-th whole step from the first, for the least n that visits just as many as are asked for.

    Reference: J. Song, C. Meng, S. Ermon, arXiv:2010.02502, appendix D.2, in the published code of A. Nichol and P.
    Dhariwal, arXiv:2102.09672 (``timestep_respacing`` of "ddimN").
    """

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`."""
        process = with_steps(process, "spacing: visits")
        steps = process.steps
        wanted = steps if count is None else count
        check_count(steps, wanted)
        found = next((visited for n in range(1, steps + 1) if len(visited := range(1, steps + 1, n)) == wanted), None)
        if found is None:
            raise ValueError(f"steps: no whole stride through {steps} steps visits just {wanted} of them")
        return _falling(list(found))


def _in_sections(steps: int, counts: tuple[int, ...]) -> list[int]:
    """The times, of 1 … steps, that are visited, rising."""
    size, longer = divmod(steps, len(counts))
    visited, start = [], 1
    for i, count in enumerate(counts):
        length = size + (i < longer)
        if count > length:
            raise ValueError(f"counts: {count} steps cannot be visited in a section of {length}")
        stride, place = (length - 1) / (count - 1) if count > 1 else 1.0, 0.0
        for _ in range(count):
            # Halves go to the even neighbour, and the sum is carried on with its rounding errors, as published.
            visited.append(start + round(place))
            place += stride
        start += length
    return visited


def _falling(visited: list[int]) -> Tensor:
    return torch.tensor([*reversed(visited), 0], dtype=torch.float64, device="cpu")
