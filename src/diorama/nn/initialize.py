"""Initial weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

Initial = Literal["orthogonal", "normal", "xavier"]

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm2d)


def dcgan_normal(module: nn.Module, std: float = 0.02) -> None:
    """Draw convolution weights from N(0, std²) and the gains of norms from N(1, std²); biases of norms are 0.

    Reference: Radford, Metz, Chintala 2016, section 4 (weights); the authors' code (gains).
    """
    for part in module.modules():
        if isinstance(part, _CONVOLUTIONS):
            nn.init.normal_(part.weight, 0.0, std)
        elif isinstance(part, _NORMS) and part.affine:
            nn.init.normal_(part.weight, 1.0, std)
            nn.init.zeros_(part.bias)


def zero_biases(module: nn.Module) -> None:
    """Set the biases of convolutions to 0."""
    for part in module.modules():
        if isinstance(part, _CONVOLUTIONS) and part.bias is not None:
            nn.init.zeros_(part.bias)


def weights(module: nn.Module, how: Initial) -> None:
    """Draw the weights of convolutions, linear layers and embeddings; biases stay as they are.

    Args:
        module: whose layers are drawn.
        how: ``orthogonal`` (A. M. Saxe et al. 2014, arXiv 1312.6120), ``normal`` with a standard deviation of 0.02,
            ``xavier`` (X. Glorot, Y. Bengio 2010), uniform.
    """
    draws: Mapping[str, Callable[[Tensor], object]] = {
        "orthogonal": nn.init.orthogonal_,
        "normal": _small_normal,
        "xavier": nn.init.xavier_uniform_,
    }
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.Linear, nn.Embedding)):
            draws[how](part.weight)


def _small_normal(weight: Tensor) -> None:
    nn.init.normal_(weight, 0.0, 0.02)


def scaled_he_normal(module: nn.Module, scale: float) -> None:
    """Draw convolution weights from N(0, scale² · 2 / inputs) and set their biases to 0, for deep sums of residuals.

    Reference: He et al. 2015, arXiv 1502.01852, equation 10; Wang et al. 2018, arXiv 1809.00219, section 3.1 (scale
        0.1).
    """
    for part in module.modules():
        if isinstance(part, _CONVOLUTIONS):
            nn.init.kaiming_normal_(part.weight)
            with torch.no_grad():
                part.weight.mul_(scale)
    zero_biases(module)
