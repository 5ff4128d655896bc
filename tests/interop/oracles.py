"""DCGAN and MoCoGAN written anew from the description of their layouts, as plain sequences of layers.

Nothing of Diorama is used, so that what the adapters compute is held against something that does not share their
mistakes. Weights and running statistics are random, since fresh ones would hide a norm in the wrong place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network with random weights and statistics, in evaluation mode."""
    draw = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if tensor.dim() > 1:
            fan_in = tensor[0].numel()
            tensor.copy_(torch.randn(tensor.shape, generator=draw) * (2 / fan_in) ** 0.5)
        elif name.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=draw))
        elif tensor.is_floating_point():
            tensor.copy_(0.3 * torch.randn(tensor.shape, generator=draw) + name.endswith("weight"))
    return network.eval()


def _named(layers: list[nn.Module]) -> nn.Module:
    network = nn.Module()
    network.main = nn.Sequential(*layers)
    return network


def image_generator(channels: int, features: int, latent: int) -> nn.Sequential:
    """(b, latent, 1, 1) to (b, channels, 64, 64)."""
    layers: list[nn.Module] = []
    widths = [features * 8, features * 4, features * 2, features]
    for i, (inputs, outputs) in enumerate(zip([latent, *widths], widths, strict=False)):
        stride, padding = (2, 1) if i else (1, 0)
        layers.append(nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False))
        layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(features, channels, 4, 2, 1, bias=False), nn.Tanh())


def dcgan_generator(nc: int, ngf: int, nz: int) -> nn.Module:
    """``Generator`` of the PyTorch examples; called through ``main``."""
    return _named(list(image_generator(nc, ngf, nz)))


def dcgan_discriminator(nc: int, ndf: int) -> nn.Module:
    """``Discriminator`` of the PyTorch examples, without its last sigmoid; called through ``main``."""
    layers: list[nn.Module] = [nn.Conv2d(nc, ndf, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for factor in (1, 2, 4):
        layers.append(nn.Conv2d(ndf * factor, ndf * factor * 2, 4, 2, 1, bias=False))
        layers += [nn.BatchNorm2d(ndf * factor * 2), nn.LeakyReLU(0.2)]
    return _named([*layers, nn.Conv2d(ndf * 8, 1, 4, 1, 0, bias=False)])


class VideoGenerator(nn.Module):
    """MoCoGAN's generator of clips."""

    def __init__(self, channels: int, features: int, content: int, category: int, motion: int) -> None:
        super().__init__()
        self.recurrent = nn.GRUCell(motion, motion)
        self.main = image_generator(channels, features, content + category + motion)

    def forward(self, content: Tensor, category: Tensor | None, first: Tensor, noise: Tensor) -> Tensor:
        """Clips (b, c, t, 64, 64) of codes (b, n), one-hot kinds (b, k), a state (b, m) and noise (b, t, m)."""
        frames, state = [], first
        for t in range(noise.shape[1]):
            state = self.recurrent(noise[:, t], state)
            code = [content, state] if category is None else [content, category, state]
            frames.append(self.main(torch.cat(code, dim=1)[:, :, None, None]))
        return torch.stack(frames, dim=2)


def frame_discriminator(channels: int, features: int, *, patch: bool) -> nn.Module:
    """MoCoGAN's discriminator of frames; called through ``main``. ``Identity`` is where noise would be."""
    layers: list[nn.Module] = [nn.Identity(), nn.Conv2d(channels, features, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    factors = (1, 2) if patch else (1, 2, 4)
    for f in factors:
        layers += [nn.Identity(), nn.Conv2d(features * f, features * f * 2, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(features * f * 2), nn.LeakyReLU(0.2)]
    if patch:
        return _named([*layers, nn.Identity(), nn.Conv2d(features * 4, 1, 4, 2, 1, bias=False)])
    return _named([*layers, nn.Conv2d(features * 8, 1, 4, 1, 0, bias=False)])


def clip_discriminator(channels: int, features: int, outputs: int, *, patch: bool) -> nn.Module:
    """MoCoGAN's discriminator of clips, all its scores in one axis; called through ``main``."""

    def halving(inputs: int, outputs: int) -> nn.Module:
        return nn.Conv3d(inputs, outputs, 4, (1, 2, 2), (0, 1, 1), bias=False)

    layers: list[nn.Module] = [nn.Identity(), halving(channels, features), nn.LeakyReLU(0.2)]
    factors = (1, 2) if patch else (1, 2, 4)
    for f in factors:
        layers += [nn.Identity(), halving(features * f, features * f * 2)]
        layers += [nn.BatchNorm3d(features * f * 2), nn.LeakyReLU(0.2)]
    if patch:
        return _named([*layers, halving(features * 4, outputs)])
    return _named([*layers, nn.Conv3d(features * 8, outputs, 4, 1, 0, bias=False)])
