"""R3GAN's networks: sizes, labels, initial weights, and half precision."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.networks.adversarial.r3gan import R3GANDiscriminatorConfig, R3GANGeneratorConfig
from diorama.nn.half import half_blocks

PLAIN: dict[str, Any] = {"widths": (8, 8, 4), "groups": (4, 2, 1), "blocks": (1, 2, 1)}
LABELLED: dict[str, Any] = {**PLAIN, "classes": 3, "embedding": 6}
GENERATOR = R3GANGeneratorConfig(**PLAIN, latent=5)
DISCRIMINATOR = R3GANDiscriminatorConfig(**PLAIN)


def trained(network: torch.nn.Module) -> Any:
    """With numbers in place of the zeros that training begins at."""
    random = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.3, generator=random)
    return network.eval()


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_every_stage_doubles_or_halves_the_side(kernel: int) -> None:
    drawn = trained(replace(GENERATOR, kernel=kernel).build())(torch.randn(2, 5), {})
    assert drawn.shape == (2, 3, GENERATOR.side, GENERATOR.side) == (2, 3, 16, 16)
    assert trained(replace(DISCRIMINATOR, kernel=kernel).build())(drawn, {}).shape == (2,)


def test_labels_and_shares_of_labels_are_read() -> None:
    generator = trained(R3GANGeneratorConfig(**LABELLED, latent=5).build())
    discriminator = trained(R3GANDiscriminatorConfig(**LABELLED).build())
    z, label = torch.randn(3, 5), torch.tensor([0, 2, 1])
    rows = torch.nn.functional.one_hot(label, 3).float()
    pictures = generator(z, {"label": label})
    assert torch.equal(pictures, generator(z, {"label": rows}))
    assert torch.equal(discriminator(pictures, {"label": label}), discriminator(pictures, {"label": rows}))
    for network, given in ((generator, z), (discriminator, pictures)):
        other = network(given, {"label": label.flip(0)})
        assert not torch.allclose(other[0], network(given, {"label": label})[0])
        # The vector of a label is linear in the shares.
    halves = discriminator(pictures, {"label": rows / 2})
    torch.testing.assert_close(halves, discriminator(pictures, {"label": rows}) / 2)


def test_blocks_begin_as_nothing_and_layers_with_the_variance_of_the_paper() -> None:
    torch.manual_seed(0)
    wide = R3GANGeneratorConfig(widths=(256, 128), groups=(4, 4), blocks=(3, 1)).build()
    z = torch.randn(2, 64)
    block: Any = wide.get_submodule("stages.0.blocks.0")
    x = torch.randn(1, 256, 4, 4)
    assert torch.equal(block(x), x)
    gain = math.sqrt(2 / 1.04) * 4**-0.25
    assert block.conv1.weight.std().item() == pytest.approx(gain / math.sqrt(256), rel=0.02)
    assert block.conv2.weight.std().item() == pytest.approx(gain / math.sqrt(512 / 4 * 9), rel=0.02)
    assert wide(z, {}).shape == (2, 3, 8, 8)


def test_half_precision_is_the_runs_choice_and_stays_near() -> None:
    generator = trained(replace(GENERATOR, half=(1, 2)).build())
    discriminator = trained(replace(DISCRIMINATOR, half=(0, 1)).build())
    z = torch.randn(2, 5)
    plain = trained(GENERATOR.build())(z, {})
    assert torch.equal(generator(z, {}), plain)
    with half_blocks(torch.float16):
        half, logits = generator(z, {}), discriminator(plain, {})
    assert half.dtype == logits.dtype == torch.float32
    assert not torch.equal(half, plain)
    torch.testing.assert_close(half, plain, rtol=0, atol=0.05 * plain.abs().max().item())
    expected = discriminator(plain, {})
    torch.testing.assert_close(logits, expected, rtol=0, atol=0.05 * expected.abs().max().item())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widths": ()}, "one number for each stage"),
        ({"groups": (3, 2, 1)}, "groups: must divide"),
        ({"kernel": 4}, "kernel: must be odd"),
        ({"taps": (1, -1)}, "taps: must not sum to 0"),
        ({"classes": 2}, "embedding: is there where there are classes"),
        ({"half": (3,)}, "half: stages are 0 to 2"),
    ],
)
def test_configs_that_no_network_has_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GENERATOR, **change)
