"""StyleGAN3: pictures that move as they are told, running statistics, derivatives and half precision."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diorama.networks.adversarial.stylegan3 import StyleGAN3Generator, StyleGAN3GeneratorConfig
from diorama.networks.adversarial.stylegan3_geometry import Bands
from diorama.nn.half import half_blocks

SMALL = StyleGAN3GeneratorConfig(
    size=16, latent=6, style=8, channel_base=128, channel_max=8, bands=Bands(num_layers=5, margin_size=4)
)
ROTATING = replace(SMALL, bands=replace(SMALL.bands, conv_kernel=1, use_radial_filters=True))


def generator(config: StyleGAN3GeneratorConfig = SMALL) -> StyleGAN3Generator:
    torch.manual_seed(0)
    network = config.build()
    for layer in network.layers:
        nn.init.normal_(layer.bias, 0, 0.2)  # type: ignore[arg-type]
    return network


def latents(count: int = 2) -> Tensor:
    return torch.randn(count, SMALL.latent, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("config", [SMALL, ROTATING, replace(SMALL, classes=3, channels=1)])
def test_pictures_have_their_shape(config: StyleGAN3GeneratorConfig) -> None:
    condition = {"label": torch.tensor([0, 2])} if config.classes else {}
    assert generator(config)(latents(), condition).shape == (2, config.channels, 16, 16)


@pytest.mark.parametrize("size", [16, 64, 256, 1024])
def test_sizes_lead_from_the_first_to_the_picture(size: int) -> None:
    layers = replace(SMALL, size=size, channel_base=4096, bands=Bands()).layers
    assert [layer.after.size for layer in layers[-2:]] == [size, size]
    for layer in layers:
        grown = (layer.before.size + layer.kernel - 1) * layer.up + sum(layer.padding[:2]) - layer.up_taps + 1
        assert (grown - layer.down_taps) // layer.down + 1 == layer.after.size


@pytest.mark.parametrize(("config", "turn"), [(SMALL, 0), (ROTATING, 0), (ROTATING, 1)])
def test_moved_inputs_give_moved_pictures(config: StyleGAN3GeneratorConfig, turn: int) -> None:
    """By a whole number of pixels, or by a quarter turn, which grids of pixels can show exactly."""
    network = generator(replace(config, bands=replace(config.bands, margin_size=10))).eval()
    plain = network(latents())
    if turn:
        network.input.transform.copy_(torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
        moved, expected = network(latents()), plain.rot90(-1, (2, 3))
    else:
        network.input.transform[0, 2] = -2 / config.size
        moved, expected = network(latents()), plain.roll(2, 3)
    inside = (slice(None), slice(None), slice(4, -4), slice(4, -4))
    error = (moved - expected)[inside].square().mean() / plain.var()
    assert error < 0.02


def test_running_statistics_move_when_asked() -> None:
    network = generator()
    before = {name: tensor.clone() for name, tensor in network.named_buffers()}
    network(latents())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.named_buffers())
    network(latents(), track=True)
    moved = {name for name, tensor in network.named_buffers() if not torch.equal(before[name], tensor)}
    assert moved == {"mapping.average"} | {f"layers.{i}.magnitude" for i in range(6)}


def test_inputs_of_any_magnitude_are_brought_to_one() -> None:
    network = replace(SMALL, magnitude_ema_beta=0.0).build()
    network.input.weight.data.mul_(30)
    with torch.no_grad():
        network(latents(), track=True)
        loud = network(latents())
        network.input.weight.data.div_(30)
        network(latents(), track=True)
        torch.testing.assert_close(network(latents()), loud, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("config", [SMALL, ROTATING])
def test_path_lengths_have_gradients(config: StyleGAN3GeneratorConfig) -> None:
    network = generator(config)
    styles = network.styles(latents())
    pictures = network.draw(styles)
    (slopes,) = torch.autograd.grad((pictures * torch.randn_like(pictures)).sum(), styles, create_graph=True)
    slopes.square().sum(dim=2).mean(dim=1).sqrt().var().backward()
    found = [p.grad for p in network.layers.parameters() if p.grad is not None]
    assert len(found) >= 3 * len(network.layers)
    assert all(g.isfinite().all() for g in found)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_sixteen_bits_leave_no_gaps(kind: torch.dtype) -> None:
    network = generator()
    with torch.autocast("cpu", kind):
        pictures = network(latents())
    pictures.float().square().mean().backward()
    found = [p.grad for p in network.parameters() if p.grad is not None]
    assert pictures.isfinite().all()
    assert found
    assert all(g.isfinite().all() for g in found)
    torch.testing.assert_close(pictures.float(), network(latents()), rtol=0.1, atol=0.1)


def test_layers_of_the_finest_rates_choose_half_precision_where_the_run_allows_it() -> None:
    network = generator(replace(SMALL, size=32, num_fp16_res=1)).eval()
    kinds: list[torch.dtype] = []
    for layer in network.layers:
        layer.register_forward_hook(lambda _, __, out: kinds.append(out.dtype))
    whole = network(latents())
    assert set(kinds) == {torch.float32}
    kinds.clear()
    with half_blocks(torch.float16), torch.autocast("cpu", torch.bfloat16):
        pictures = network(latents())
    fine = [layer.after.rate > 16 for layer in network.config.layers]
    assert kinds == [torch.float16 if each else torch.float32 for each in fine]
    assert any(fine)
    assert not all(fine)
    assert pictures.dtype == torch.float32
    torch.testing.assert_close(pictures, whole, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    "change",
    [{"num_layers": 2}, {"num_critical": -1}, {"filter_size": 0}, {"first_stopband": 1.0}, {"first_cutoff": math.inf}],
)
def test_impossible_bands_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(Bands(), **change)


@pytest.mark.slow
@pytest.mark.long
def test_it_exports() -> None:
    network = generator().eval()
    program = torch.export.export(network, (latents(),))
    torch.testing.assert_close(program.module()(latents()), network(latents()), rtol=1e-4, atol=1e-4)
