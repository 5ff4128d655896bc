"""VGG of 16 and of 19 layers.

Reference: K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015,
arXiv:1409.1556, table 1, columns D and E; names as torchvision has them.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from diorama.networks.features.trunk import Trunk

_WIDTHS = (64, 128, 256, 512, 512)


def _layers(convolutions: Sequence[int]) -> list[nn.Module]:
    """Blocks of 3 x 3 convolutions, a pooling between two; no pooling after the last, which is never tapped."""
    layers: list[nn.Module] = []
    given = 3
    for number, (width, count) in enumerate(zip(_WIDTHS, convolutions, strict=True)):
        if number:
            layers.append(nn.MaxPool2d(2, stride=2))
        for _ in range(count):
            layers += [nn.Conv2d(given, width, 3, padding=1), nn.ReLU()]
            given = width
    return layers


def vgg16() -> Trunk:
    """Its thirteen convolutions, tapped after the last rectifier of each block; freshly initialised."""
    return Trunk(_layers((2, 2, 3, 3, 3)), taps=(3, 8, 15, 22, 29), widths=_WIDTHS, least=16)


def vgg19_last() -> Trunk:
    """Its sixteen convolutions, tapped at the last one alone, before its rectifier; freshly initialised.

    Reference: Wang et al. 2018, arXiv 1809.00219, section 3.3 (features before activation, conv5_4).
    """
    return Trunk(_layers((2, 2, 4, 4, 4))[:-1], taps=(34,), widths=_WIDTHS[-1:], least=16)
