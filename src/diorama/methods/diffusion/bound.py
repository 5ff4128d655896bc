"""The variational bound as a loss, which trains variances as well as means.

Reference: A. Nichol, P. Dhariwal, arXiv:2102.09672, sections 2 and 3.1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from diorama.methods.diffusion.denoiser import broadcast
from diorama.processes.bound import training_term
from diorama.processes.catalog import AnyTimes
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import on
from diorama.processes.precondition import predicted
from diorama.processes.reverse import second_variance
from diorama.processes.times import StepTimes
from diorama.samplers.ancestral import AncestralConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig


def check_bound(model: DiffusionSynthesizerConfig, times: AnyTimes) -> None:
    """Refuse a model whose bound is none of pixels, or has no whole steps.

    Raises:
        ValueError: the message names the field.
    """
    if not isinstance(model.process, DiscreteProcess) or not isinstance(times, StepTimes):
        raise ValueError("objective: the bound is a sum over the steps of a DiscreteProcess, drawn by StepTimes")
    if model.process.steps < 2 or model.process.zero_terminal_snr:
        raise ValueError("objective: the bound needs a process of two steps at least whose last leaves some signal")
    if model.codec is not None or model.media.dtype != "uint8":
        raise ValueError("objective: the bound is one of pixels of 8 bits; let it be 'error'")


def without_gradient_of_mean(output: Tensor) -> Tensor:
    """The same output (b, 2 c, …), whose first half is a constant."""
    mean, said = output.chunk(2, dim=1)
    return torch.cat([mean.detach(), said], dim=1)


def bound_of(output: Tensor, clean: Tensor, x: Tensor, t: Tensor, model: DiffusionSynthesizerConfig) -> Tensor:
    """An unbiased estimate of the bound but for its constant term, in bits per dimension; shape ().

    Args:
        output: (b, c, …) of the network, or (b, 2 c, …) where it learns a variance.
        clean: (b, c, …) in [-1, 1].
        x: their noisy samples.
        t: (b,) the steps, 1 … T, equally likely.
        model: whose process and preconditioning are meant.
    """
    process, preconditioning = model.process, model.preconditioning
    assert isinstance(process, DiscreteProcess)
    # Variances of steps are small differences of levels: these are taken in float64.
    wide = torch.float32 if x.device.type == "mps" else torch.float64
    level, below = (broadcast(process.at(time.to(wide)), x.dim()) for time in (t, t - 1))
    prediction = predicted(output, x, on(level, x), preconditioning)
    steps = torch.arange(2, -1, -1, dtype=torch.float64, device="cpu")
    sampler = model.sampler
    term = training_term(
        prediction,
        clean,
        x,
        (level, below),
        sampler.variance if isinstance(sampler, AncestralConfig) else "small",
        first=second_variance(process, steps),
    )
    return process.steps * term.mean()
