"""What networks that were trained to classify ImageNet see of pictures, at several depths."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of each colour over ImageNet, in [0, 1]: what these networks' inputs were normalised by."""


class Trunk(nn.Module):
    """The convolutions of a classifier, under the names that torchvision gives them: ``features.N``.

    Args:
        layers: in their order, up to the last that is tapped.
        taps: after which of them maps are taken, ascending.
        widths: channels of these maps.
        least: shortest side of a picture, in pixels, that every map has a place for.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, layers: Sequence[nn.Module], taps: Sequence[int], widths: Sequence[int], least: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*layers)
        self.taps, self.widths, self.least = frozenset(taps), tuple(widths), least
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1), persistent=False)

    def maps(self, images: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b d h2 w2"]]:
        """What is seen at each tap, the shallowest first.

        Args:
            images: (b, c, h, w) in [-1, 1]; one channel is seen as grey, three as colour.

        Raises:
            ValueError: the pictures have another number of channels, or a side below ``least``.
        """
        channels, *size = images.shape[1:]
        if channels not in (1, 3):
            raise ValueError(f"this network sees pictures of 1 or 3 channels, got {channels}")
        if min(size) < self.least:
            raise ValueError(f"this network sees pictures of {self.least} pixels at least, got {size[1]} x {size[0]}")
        # [-1, 1] to the units of ImageNet in one step, as the published metrics do.
        x = (images.expand(-1, 3, -1, -1) - (2 * self.mean - 1)) / (2 * self.deviation)
        maps = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.taps:
                maps.append(x)
        return maps
