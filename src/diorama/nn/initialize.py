"""Initial weights."""

from __future__ import annotations

from torch import nn

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


def dcgan_normal(module: nn.Module, std: float = 0.02) -> None:
    """Draw convolution weights from N(0, std²) and batch-norm gains from N(1, std²); batch-norm biases are 0.

    Reference: Radford, Metz, Chintala 2016, section 4 (weights); the authors' code (gains).
    """
    for part in module.modules():
        if isinstance(part, _CONVOLUTIONS):
            nn.init.normal_(part.weight, 0.0, std)
        elif isinstance(part, _NORMS):
            nn.init.normal_(part.weight, 1.0, std)
            nn.init.zeros_(part.bias)
