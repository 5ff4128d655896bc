"""The plain networks that speed is compared with draw and judge as ours do, with the same gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from benchmarks.plain_stylegans import plain
from torch import Tensor

from diorama.networks.adversarial.stylegan2 import StyleGAN2GeneratorConfig
from diorama.networks.adversarial.stylegan2_discriminator import StyleGAN2DiscriminatorConfig
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.networks.adversarial.stylegan3_geometry import Bands

NARROW: dict[str, Any] = {"size": 16, "channel_base": 128, "channel_max": 8}
DRAWN: dict[str, Any] = {**NARROW, "latent": 6, "style": 8}
TURNED = Bands(num_layers=4, conv_kernel=1, use_radial_filters=True)
GENERATORS = {
    "stylegan2": StyleGAN2GeneratorConfig(**DRAWN),
    "stylegan3-t": StyleGAN3GeneratorConfig(**DRAWN, bands=Bands(num_layers=4)),
    "stylegan3-r": StyleGAN3GeneratorConfig(**DRAWN, bands=TURNED),
}


def _stirred(network: torch.nn.Module) -> Any:
    """All that is saved, away from where they begin."""
    for tensor in network.state_dict().values():
        tensor.data.add_(torch.rand_like(tensor), alpha=0.1)
    return network.eval()


def _same(ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], x: Tensor) -> None:
    found = []
    for call in (ours, theirs):
        given = x.clone().requires_grad_(True)
        value = call(given)
        (gradient,) = torch.autograd.grad(value.square().sum(), given)
        found.append((value.detach(), gradient))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * float(one.abs().max()))
        assert one.std() > 0


@pytest.mark.parametrize("name", GENERATORS)
def test_plain_generators_draw_the_same_pictures(name: str) -> None:
    torch.manual_seed(0)
    network = _stirred(GENERATORS[name].build())
    _same(network, plain(network), torch.randn(3, 6))


def test_the_plain_discriminator_judges_alike() -> None:
    torch.manual_seed(0)
    network = _stirred(StyleGAN2DiscriminatorConfig(**NARROW).build())
    _same(network, plain(network), torch.randn(4, 3, 16, 16))


def test_plain_generators_move_the_running_numbers_alike() -> None:
    torch.manual_seed(0)
    network = _stirred(GENERATORS["stylegan3-t"].build())
    other, z = plain(network), torch.randn(3, 6)
    for one in (network, other):
        one(z, track=True)
    for ours, theirs in zip(network.running(), other.running(), strict=True):
        torch.testing.assert_close(ours, theirs)
