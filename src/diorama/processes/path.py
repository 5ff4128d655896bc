"""The path of a process through a sample, for networks that predict how the sample moves along it.

With ``x = alpha clean + sigma noise`` the path of a clean sample and a noise has the slope
``dx/dt = alpha' clean + sigma' noise``: two equations, from which any two of the four follow.

Reference: Y. Lipman et al., "Flow Matching Guide and Code", arXiv:2412.06264, table 1, with time reversed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.gaussian import like


def clean_of_slope(slope: Tensor, x: Tensor, process: Process, t: Tensor) -> Tensor:
    """The clean sample on the path that passes ``x`` at time t with this slope; both (b, ...), t broadcasts to them."""
    level, (of_clean, of_noise) = process.at(t), process.slopes(t)
    turn = level.alpha * of_noise - of_clean * level.sigma
    return like(of_noise / turn, x) * x - like(level.sigma / turn, x) * slope


def noise_of_slope(slope: Tensor, x: Tensor, process: Process, t: Tensor) -> Tensor:
    """The noise on that path, also where the sample has none; of a sample that is noise alone it is the sample."""
    level, (of_clean, of_noise) = process.at(t), process.slopes(t)
    turn = level.alpha * of_noise - of_clean * level.sigma
    # There some paths stand still, and their slope says nothing.
    alone = level.alpha == 0
    of_slope = torch.where(alone, torch.zeros_like(turn), level.alpha / turn)
    of_x = torch.where(alone, 1 / level.sigma, -of_clean / turn)
    return like(of_slope, x) * slope + like(of_x, x) * x
