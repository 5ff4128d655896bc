"""Derivatives forwards of denoising networks, which mean flows and their like are trained with."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from diorama.networks.denoisers.adm import ADMUNetConfig
from diorama.networks.denoisers.base import DenoiserConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.edm import DhariwalUNetConfig, SongUNetConfig
from diorama.nn.differentiation import with_derivative

DDPM = DDPMUNetConfig(widths=(8, 16), depth=1, attention=(False, True), groups=4, dropout=0.0)
NETWORKS: dict[str, DenoiserConfig] = {
    "DDPM": DDPM,
    "DDPM with two times": replace(DDPM, embedding=replace(DDPM.embedding, two_times=True)),
    "ADM": ADMUNetConfig(channels=8, widths=(32, 64), depth=1, attention=(False, True), head_channels=16, dropout=0.0),
    "DDPM++": SongUNetConfig(size=8, width=8, growth=(1, 2), depth=1, attention=(False, True), dropout=0.0),
    "EDM's ADM": DhariwalUNetConfig(size=8, width=32, growth=(1, 2), depth=1, attention=(False, True), dropout=0.0),
}


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", NETWORKS)
def test_they_are_those_of_finite_differences(name: str, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    config = NETWORKS[name]
    network = config.build().to(memory_format=layout)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    x, x_along = (torch.randn(2, 3, 8, 8).to(memory_format=layout) for _ in range(2))
    shape = (2, 2) if config.two_times else (2,)
    t, t_along = (torch.rand(shape) + 0.5 for _ in range(2))

    def output(x: Tensor, t: Tensor) -> Tensor:
        said: Tensor = network(x, t, {})
        return said

    value, derivative = with_derivative(output, (x, t), (x_along, t_along))
    h = 5e-3  # a compromise between the step's own error and the rounding of float32
    with torch.no_grad():
        low, high = (output(x + s * x_along, t + s * t_along) for s in (-h, h))
    differences = (high - low) / (2 * h)
    assert (derivative - differences).norm() < 1e-2 * differences.norm()
    # What is trained has gradients as ever.
    (value + derivative.detach()).square().mean().backward()
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in network.parameters())
