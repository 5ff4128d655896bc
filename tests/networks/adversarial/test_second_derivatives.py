"""Networks that penalties on gradients reach: all of their convolutions take the functions whose gradients are fast."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diorama.networks.adversarial.base import DiscriminatorConfig, GeneratorConfig, StyleGenerator
from diorama.networks.adversarial.biggan import BigGANDiscriminatorConfig
from diorama.networks.adversarial.biggan_deep import BigGANDeepDiscriminatorConfig
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig
from diorama.networks.adversarial.esrgan_discriminators import UNetDiscriminatorConfig, VGGDiscriminatorConfig
from diorama.networks.adversarial.fastgan import FastGANDiscriminatorConfig
from diorama.networks.adversarial.freeform import SNPatchDiscriminatorConfig
from diorama.networks.adversarial.patchgan import PatchDiscriminatorConfig, PixelDiscriminatorConfig
from diorama.networks.adversarial.pix2pixhd import MultiScaleDiscriminatorConfig
from diorama.networks.adversarial.progressive import ProgressiveDiscriminatorConfig
from diorama.networks.adversarial.r3gan import R3GANDiscriminatorConfig
from diorama.networks.adversarial.style_mapping import StyleMappingConfig
from diorama.networks.adversarial.stylegan1 import StyleGAN1DiscriminatorConfig, StyleGAN1GeneratorConfig
from diorama.networks.adversarial.stylegan2 import StyleGAN2GeneratorConfig
from diorama.networks.adversarial.stylegan2_discriminator import StyleGAN2DiscriminatorConfig
from diorama.networks.motion.mocogan import MoCoGANImageDiscriminatorConfig
from diorama.nn import convolution
from diorama.nn.differentiation import gradient_by, twice_differentiable

MAPPING = StyleMappingConfig(layers=2)
STYLED: dict[str, Any] = {"size": 16, "channel_base": 64, "channel_max": 8, "mapping": MAPPING}
BIG: dict[str, Any] = {"resolution": 32, "width": 2, "classes": 3, "attention": ()}
FINE = (4, 4, 4, 4, 4, 4)

JUDGES: dict[str, DiscriminatorConfig | MoCoGANImageDiscriminatorConfig] = {
    "dcgan": DCGANDiscriminatorConfig(size=(16, 16), features=4),
    "progressive": ProgressiveDiscriminatorConfig(widths=(4, 4, 4)),
    "r3gan": R3GANDiscriminatorConfig(widths=(8, 4), groups=(4, 2), blocks=(1, 1)),
    "stylegan1": StyleGAN1DiscriminatorConfig(widths=FINE),
    "stylegan2": StyleGAN2DiscriminatorConfig(**STYLED),
    "stylegan2 without residuals": StyleGAN2DiscriminatorConfig(**STYLED, architecture="skip"),
    "fastgan": FastGANDiscriminatorConfig(side=256, width=2),
    "biggan": BigGANDiscriminatorConfig(**BIG),
    "biggan-deep": BigGANDeepDiscriminatorConfig(**BIG),
    "patches": PatchDiscriminatorConfig(width=4, layers=2),
    "pixels": PixelDiscriminatorConfig(width=4),
    "several scales": MultiScaleDiscriminatorConfig(channels=3, width=4, layers=2, scales=2),
    "spectral patches": SNPatchDiscriminatorConfig(channels=3, width=4, layers=2),
    "vgg": VGGDiscriminatorConfig(features=4, side=128),
    "unet": UNetDiscriminatorConfig(features=4),
    "mocogan": MoCoGANImageDiscriminatorConfig(size=(16, 16), features=4),
}
SIDES = {"r3gan": 8, "stylegan1": 128, "vgg": 128, "fastgan": 256, "biggan-deep": 32, "several scales": 32}
MAKERS: dict[str, GeneratorConfig] = {
    "stylegan1": StyleGAN1GeneratorConfig(latent=6, layers=2, widths=FINE),
    "stylegan2": StyleGAN2GeneratorConfig(**STYLED, latent=6, style=8),
}

OURS = f"{convolution._Convolution.__name__}Backward"
"""What autograd calls them."""


@pytest.fixture
def like_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPUs choose as GPUs do."""
    chosen: Callable[..., bool] = convolution.is_chosen
    monkeypatch.setattr(convolution, "is_chosen", lambda device, dtype, **how: chosen("cuda", dtype, **how))


def convolutions(of: Tensor) -> Counter[str]:
    """How many convolutions with weights that are learned led to a result: PyTorch's, and our own."""
    found: Counter[str] = Counter()
    seen, waiting = set(), [of.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        before = [function for function, _ in node.next_functions]
        if "Convolution" in node.name() and before[1] is not None:
            found["ours" if node.name() == OURS else "pytorch"] += 1
        waiting += before
    return found


def by_weights(network: nn.Module, slope: Tensor) -> list[Tensor | None]:
    """Gradients of a penalty on a slope by the weights of convolutions; ``None`` for what it does not depend on."""
    weights = [w for w in network.parameters() if w.dim() == 4]
    return list(torch.autograd.grad(slope.square().sum(), weights, allow_unused=True))


def check_same(found: list[Tensor | None], expected: list[Tensor | None]) -> None:
    """Of each the same weights have gradients; all together are the same up to float32's rounding."""
    assert [a is None for a in found] == [b is None for b in expected]
    ours, theirs = (torch.cat([one.flatten() for one in many if one is not None]) for many in (found, expected))
    assert (ours - theirs).norm() < 1e-4 * theirs.norm()


@pytest.mark.usefixtures("like_a_gpu")
@pytest.mark.parametrize("name", JUDGES)
def test_discriminators_convolve_by_our_own_where_their_slope_is_differentiated(name: str) -> None:
    torch.manual_seed(0)
    network, side = JUDGES[name].build(), SIDES.get(name, 16)
    # Both passes begin with the same singular vectors and running means.
    other = copy.deepcopy(network)
    x = torch.randn(2, 3, side, side).requires_grad_()
    given = [x, {"label": torch.tensor([0, 1])}] if name.startswith("biggan") else [x]
    torch.manual_seed(1)
    plain = other(*given)
    assert not convolutions(plain)["ours"]
    torch.manual_seed(1)
    with twice_differentiable():
        judged = network(*given)
        found = by_weights(network, gradient_by(x, judged))
    assert convolutions(judged) == {"ours": convolutions(plain)["pytorch"]}
    check_same(found, by_weights(other, gradient_by(x, plain)))


@pytest.mark.usefixtures("like_a_gpu")
@pytest.mark.parametrize("name", MAKERS)
def test_generators_with_styles_convolve_by_our_own_where_path_lengths_are_differentiated(name: str) -> None:
    torch.manual_seed(0)
    network = MAKERS[name].build()
    assert isinstance(network, StyleGenerator)
    styles = network.styles(torch.randn(2, 6)).detach().requires_grad_()
    torch.manual_seed(1)
    plain = network.draw(styles)
    assert not convolutions(plain)["ours"]
    torch.manual_seed(1)
    with twice_differentiable():
        pictures = network.draw(styles)
        found = by_weights(network, gradient_by(styles, pictures))
    assert convolutions(pictures) == {"ours": convolutions(plain)["pytorch"]}
    check_same(found, by_weights(network, gradient_by(styles, plain)))
