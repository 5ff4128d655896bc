"""The exact likelihood of a diffusion model's probability-flow path."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, Process
from diorama.processes.sde import flow_slope, prior_log_density
from diorama.samplers.runge_kutta import rk45

Probe = Literal["signs", "normal"]
"""Random values of mean 0 and variance 1 that a trace is estimated with: -1 or 1, or normal ones."""


class FlowLikelihood(NamedTuple):
    """What the path says of samples.

    Attributes:
        log_density: (b,) in nats.
        latent: (b, ...) the noise that the path leads to.
        calls: of the denoiser.
    """

    log_density: Tensor
    latent: Tensor
    calls: int


def flow_likelihood(
    denoise: Denoise,
    x: Tensor,
    process: Process,
    probe: Tensor,
    *,
    start: float,
    relative: float = 1e-5,
    absolute: float = 1e-5,
) -> FlowLikelihood:
    """Log-density of samples, by the change of variables along the probability-flow path from them to noise.

    The divergence of the path's slope is estimated with one probe for each sample (M. F. Hutchinson, 1990; J. Skilling,
    1989), so that the answer is unbiased and the better the more values a sample has.

    Args:
        denoise: the meaning of the network, of which derivatives by its input are taken.
        x: (b, ...) samples, which count as noisy ones of time ``start``.
        process: of the network.
        probe: like ``x``, see :func:`draw_probe`.
        start: a time just above clean data, where the slope may be infinite.
        relative: tolerated error of the solver as a share of the state, over all samples together.
        absolute: tolerated error added to it.

    Raises:
        ArithmeticError: the solver finds no step that is short enough.

    Reference: Y. Song et al., arXiv:2011.13456, section 4.3 and appendix D.2; R. T. Q. Chen et al., arXiv:1806.07366;
    W. Grathwohl et al., arXiv:1810.01367.
    """
    count = len(x)

    def slope(t: float, state: Tensor) -> Tensor:
        time = torch.tensor(t, dtype=torch.float64, device="cpu")
        sample = state[:-count].to(x.dtype).reshape(x.shape)
        with torch.enable_grad():
            sample = sample.detach().requires_grad_(True)
            moving = flow_slope(sample, denoise(sample, process.at(time)).clean, process, time)
            (bent,) = torch.autograd.grad((moving * probe).sum(), sample)
        divergence = (bent * probe).flatten(1).sum(1)
        return torch.cat([moving.detach().flatten(), divergence]).to(state.dtype)

    state, calls = torch.cat([x.flatten(), x.new_zeros(count)]).double(), 0
    for reached in rk45(slope, state, start, process.end, relative=relative, absolute=absolute):
        state, calls = reached.y, reached.calls
    latent = state[:-count].reshape(x.shape)
    return FlowLikelihood(prior_log_density(process, latent) + state[-count:], latent.to(x.dtype), calls)


def draw_probe(kind: Probe, normal: Tensor) -> Tensor:
    """A probe made of normal draws, of their shape."""
    return normal if kind == "normal" else torch.where(normal < 0, -1.0, 1.0).to(normal.dtype)
