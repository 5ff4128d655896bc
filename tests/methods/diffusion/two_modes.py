"""Points of two modes and a network for them: whether a method learns a distribution from data alone, in seconds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diorama.core.contracts import Condition, Moment
from diorama.core.rng import StepNoise
from diorama.methods.diffusion.denoiser import DenoiserMethod
from diorama.processes.gaussian import like
from diorama.processes.precondition import NetworkDenoise
from diorama.samplers.catalog import AnySampler


class PointNetwork(nn.Module):
    """Points (b, 2) and what is told of their level, (b,) or (b, 2) up to 1,000, to points."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(4, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, 2))

    def forward(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        told = t.reshape(len(x), -1).expand(-1, 2) / 1_000
        found: Tensor = self.layers(torch.cat([x, told], 1))
        return found


def two_modes(count: int) -> Tensor:
    """Points (count, 2) at (-0.5, 0.2) and (0.5, -0.2), half of them at each, with a deviation of 0.05."""
    signs = torch.where(torch.arange(count) % 2 == 0, 1.0, -1.0)[:, None]
    return signs * torch.tensor([0.5, -0.2]) + 0.05 * torch.randn(count, 2)


def learn(method: DenoiserMethod, steps: int, rate: float = 3e-3, batch: int = 128) -> None:
    """Train on the two modes."""
    optimizer = torch.optim.Adam(method.denoiser.parameters(), lr=rate)
    (phase,) = method.phases()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        loss = phase.loss({"image": two_modes(batch)}, Moment(step, 0)).value
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def drawn(method: DenoiserMethod, steps: int = 1, sampler: AnySampler | None = None, count: int = 500) -> Tensor:
    """Points (count, 2) that a method's network draws as its model would."""
    model = method.model
    times = model.spacing.times(model.process, steps)
    noise = torch.randn(count, 2, generator=torch.Generator().manual_seed(1))
    draws = StepNoise((2,), seed=0, first=0, count=count, device=noise.device)
    denoise = NetworkDenoise(method.denoiser, model.preconditioning, {})
    start = like(model.process.prior_scale(times[0]), noise) * noise
    *_, last = (sampler or model.sampler).run(denoise, start, model.process, times, draws)
    return last.x


def distance_from_modes(points: Tensor) -> float:
    """Energy distance from the two modes; G. J. Székely, M. L. Rizzo 2013, equation 6.1."""
    torch.manual_seed(2)
    data = two_modes(len(points))
    within = torch.cdist(points, points).mean() + torch.cdist(data, data).mean()
    return float(2 * torch.cdist(points, data).mean() - within)
