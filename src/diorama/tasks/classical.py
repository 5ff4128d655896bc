"""What measurements are made pictures of without a trained model: the baselines that a generator has to beat."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diorama.samplers.inverse.blur import BlurOperator
from diorama.samplers.inverse.fourier import FourierOperator
from diorama.samplers.inverse.operator import Operator, largest_singular_value
from diorama.samplers.inverse.radon import RadonOperator

TV_WEIGHTS = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""That are tried for total variation, in units of the operator's squared norm."""


def plain_name(operator: Operator) -> str:
    """What the usual direct reconstruction of an operator's measurements is called."""
    if isinstance(operator, FourierOperator):
        return "zero_filling"
    if isinstance(operator, RadonOperator):
        return "filtered_back_projection"
    return "measurement" if isinstance(operator, BlurOperator) else "pseudo_inverse"


def plain(operator: Operator, y: Tensor) -> Tensor:
    """The usual direct reconstruction.

    Args:
        operator: of the measurement.
        y: (b, ...) the measurement.

    Returns:
        (b, c, h, w): zero filling, filtered back-projection, the blurred picture itself, or the pseudo-inverse.
    """
    if isinstance(operator, FourierOperator):
        return operator.adjoint(y)
    if isinstance(operator, RadonOperator):
        return filtered_back_projection(operator, y)
    return y if isinstance(operator, BlurOperator) else operator.pseudo_inverse(y)


def filtered_back_projection(operator: RadonOperator, y: Tensor) -> Tensor:
    """Each view is filtered by a ramp under a Hann window and laid back over the picture.

    The window costs some sharpness; of few views the ramp alone gives streaks, and a far worse PSNR.
    What is laid back is how much brighter than -1 the picture is, since outside of it there is nothing to see.

    Args:
        operator: of the measurement.
        y: (b, c, angles, bins) in which a picture of -1 is black.

    Returns:
        (b, c, h, w).

    Reference: A. C. Kak, M. Slaney, "Principles of computerized tomographic imaging", 1988, equations 3.61 and 3.31.
    """
    brighter = y + operator.forward(y.new_ones(1, *operator.shape))
    size = 1 << math.ceil(math.log2(2 * operator.bins))
    place = torch.arange(size, dtype=torch.float64)
    place = torch.minimum(place, size - place)
    kernel = torch.where(place % 2 == 1, -1 / (math.pi * place.clamp(min=1)) ** 2, 0.0)
    kernel[0] = 0.25
    window = 0.5 + 0.5 * torch.cos(torch.linspace(0, math.pi, size // 2 + 1, dtype=torch.float64))
    response = (torch.fft.rfft(kernel).real * window).to(y)
    filtered = torch.fft.irfft(torch.fft.rfft(brighter, n=size) * response, n=size)[..., : operator.bins]
    # Both the measurement and its adjoint are divided by the picture's side.
    return operator.adjoint(filtered.contiguous()) * (math.pi / operator.angles * operator.side**2) - 1


def total_variation(operator: Operator, y: Tensor, shape: tuple[int, int, int], weights: Tensor) -> Tensor:
    """The pictures in [-1, 1] that balance the squared measurement error against their total variation.

    Args:
        operator: of the measurement.
        y: (1, ...) one measurement for all weights, or (k, ...) one for each.
        shape: (c, h, w) of the picture.
        weights: (k,) of the total variation, in units of the operator's squared norm.

    Returns:
        (k, c, h, w), one for each weight.

    Reference: L. I. Rudin, S. Osher, E. Fatemi 1992; solved as by A. Chambolle, T. Pock 2011, algorithm 1.
    """
    norm = largest_singular_value(operator, shape, y)
    # Brought to norm 1, so that one step length suits every operator.
    target = (y / norm).expand(len(weights), *y.shape[1:])
    limit = weights.to(y).reshape(-1, 1, 1, 1, 1)
    # Slopes are held below the weight, so that of a small one they would move the picture next to nothing: its steps
    # are as much longer as those of the slopes and of the measurement are shorter.
    longer = (_UNIT_STEP_WEIGHT / limit).clamp(1, _LONGEST_STEP)
    step, slope_step = longer[:, 0] / math.sqrt(1 + 8), 1 / (longer * math.sqrt(1 + 8))
    dual_step = slope_step.reshape(-1, *[1] * (target.dim() - 1))
    x = plain(operator, y).clamp(-1, 1).expand(len(weights), *shape).clone()
    ahead, dual = x, torch.zeros_like(target)
    slopes = y.new_zeros(len(weights), 2, *shape)
    for _ in range(_TV_ROUNDS):
        dual = (dual + dual_step * (operator.forward(ahead) / norm - target)) / (1 + dual_step)
        slopes = slopes + slope_step * _slopes(ahead)
        slopes = slopes / (slopes.norm(dim=1, keepdim=True) / limit).clamp(min=1)
        moved = (x - step * (operator.adjoint(dual) / norm + _slopes_adjoint(slopes))).clamp(-1, 1)
        ahead, x = 2 * moved - x, moved
    return x


_TV_ROUNDS = 400
_UNIT_STEP_WEIGHT = 3e-3
"""Weight of total variation from which on the picture and what is dual to it take steps of one length."""
_LONGEST_STEP = 30.0
"""By how much the picture's may be longer. Of an X-ray by 30 views, 400 rounds reached at most 22.7 dB with it and 22.3
without; of a flat disc by 16 views, 56 dB at a weight of 1e-4 in place of 27."""


def _slopes(x: Tensor) -> Tensor:
    """(b, 2, c, h, w) differences to the pixels below and to the right, 0 at the edge."""
    down = torch.cat([x[..., 1:, :] - x[..., :-1, :], torch.zeros_like(x[..., :1, :])], -2)
    right = torch.cat([x[..., 1:] - x[..., :-1], torch.zeros_like(x[..., :1])], -1)
    return torch.stack([down, right], 1)


def _slopes_adjoint(slopes: Tensor) -> Tensor:
    down, right = slopes[:, 0, ..., :-1, :], slopes[:, 1, ..., :-1]
    x = torch.zeros_like(slopes[:, 0])
    x[..., :-1, :] -= down
    x[..., 1:, :] += down
    x[..., :-1] -= right
    x[..., 1:] += right
    return x
