"""The path of a process through a sample, for networks that predict how the sample moves along it.

With ``x = alpha clean + sigma noise`` the path of a clean sample and a noise has the slope
``dx/dt = alpha' clean + sigma' noise``: two equations, from which any two of the four follow.

Reference: Y. Lipman et al., "Flow Matching Guide and Code", arXiv:2412.06264, table 1, with time reversed.
"""

from __future__ import annotations

from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.gaussian import like


def clean_of_slope(slope: Tensor, x: Tensor, process: Process, t: Tensor) -> Tensor:
    """The clean sample on the path that passes ``x`` at time t with this slope; both (b, ...), t broadcasts to them."""
    level, (of_clean, of_noise) = process.at(t), process.slopes(t)
    turn = level.alpha * of_noise - of_clean * level.sigma
    return like(of_noise / turn, x) * x - like(level.sigma / turn, x) * slope


def noise_of_slope(slope: Tensor, x: Tensor, process: Process, t: Tensor) -> Tensor:
    """The noise on that path, also where the sample has none."""
    level, (of_clean, of_noise) = process.at(t), process.slopes(t)
    turn = level.alpha * of_noise - of_clean * level.sigma
    return like(level.alpha / turn, x) * slope - like(of_clean / turn, x) * x
