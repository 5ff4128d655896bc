"""Code lengths of pictures by the probability-flow path of a diffusion model."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch
from torch import Tensor

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.core.errors import BadInput
from diorama.core.rng import StepNoise
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.geometric import GeometricStepsProcess
from diorama.processes.kinds import AnyProcess
from diorama.processes.rescaled import RescaledProcess
from diorama.samplers.likelihood import Probe, draw_probe, flow_likelihood
from diorama.synthesis.conditions import completed
from diorama.synthesis.diffusion import DiffusionSynthesizer

_START = 1e-5
"""Of the process's end: the time that pictures count as noisy ones of. Where time is the noise's variance, its root is
meant."""


@torch.no_grad()
def flow_bits_per_dim(
    model: DiffusionSynthesizer,
    images: Tensor,
    *,
    condition: Condition | None = None,
    seed: int = 0,
    first: int = 0,
    probe: Probe = "signs",
) -> Tensor:
    """The code length of pictures by the exact density that the model's probability-flow path gives them.

    Stored values are spread evenly over the width of their steps (uniform dequantisation), so that the density bounds
    their probability. Without guidance and limits on the way.

    Args:
        model: draws pixels; in evaluation mode.
        images: (b, c, h, w) in [-1, 1], on the model's device.
        condition: what the pictures were given.
        seed: with ``first``, names the draws of spreading and of the trace's estimate.
        first: index of the first picture.
        probe: of that estimate.

    Returns:
        (b,) float32, bits per dimension: unbiased but for the solver's error of 1e-5, of which all pictures of a call
        share the steps.

    Raises:
        BadInput: the pictures are not stored as integers, are drawn through a codec, or the path cannot be followed.

    Reference: Y. Song et al., arXiv:2011.13456, section 4.3; L. Theis, A. van den Oord, M. Bethge, arXiv:1511.01844,
    section 3.1 (uniform dequantisation).
    """
    config = model.config
    if config.codec is not None:
        raise BadInput("bits per dimension: this model draws latents, whose density is none of pictures")
    if config.media.dtype not in ("uint8", "uint16"):
        raise BadInput(f"bits per dimension need integer pixels, these are {config.media.dtype}")
    given = completed(config.conditions, condition or NOTHING_GIVEN, len(images))
    plain = copy.copy(model)
    plain.config = replace(config, guidance=1.0, clip=False)
    draws = StepNoise(config.media.shape, seed=seed, first=first, count=len(images), device=images.device)
    width = 2 / (config.media.high - config.media.low)
    spread = images + width * (torch.special.ndtr(draws(0, 0)) - 0.5)
    try:
        found = flow_likelihood(
            plain.denoise({key: value.to(images.device) for key, value in given.items()}),
            spread,
            config.process,
            draw_probe(probe, draws(0, 1)),
            start=_start(config.process),
        )
    except (ValueError, ArithmeticError) as problem:
        raise BadInput(f"bits per dimension: the probability-flow path cannot be followed ({problem})") from problem
    bits = -found.log_density / (math.log(2) * images[0].numel())
    return (bits - math.log2(width)).float()


def _start(process: AnyProcess) -> float:
    """Just above clean data; of a process of steps the first, below which its network has seen nothing."""
    if isinstance(process, DiscreteProcess | GeometricStepsProcess):
        return 1.0
    timed = process.of if isinstance(process, RescaledProcess) else process
    squared = isinstance(timed, ExplodingProcess) and timed.time == "variance"
    return (_START**2 if squared else _START) * process.end
