"""SqueezeNet 1.1.

Reference: F. Iandola, S. Han, M. Moskewicz, K. Ashraf, W. Dally, K. Keutzer, "SqueezeNet: AlexNet-level accuracy with
50x fewer parameters", 2016, arXiv:1602.07360, section 3 (fire modules); release 1.1 pools earlier. Names as torchvision
has them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.networks.features.trunk import Trunk


class Fire(nn.Module):
    """Few channels, of which kernels of 1 and of 3 pixels make many, side by side; (b, given, h, w) to
    (b, 2 expanded, h, w)."""

    def __init__(self, given: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(given, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        few = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(few)), F.relu(self.expand3x3(few))], 1)


def squeezenet() -> Trunk:
    """Its convolution and eight fire modules, tapped before every pooling and at the last four; freshly initialised."""
    layers = [
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
    ]
    return Trunk(layers, taps=(1, 4, 7, 9, 10, 11, 12), widths=(64, 128, 256, 384, 384, 512, 512), least=17)
