"""Pictures that were drawn before, shown to a discriminator among new ones, so that it does not forget them.

Reference: Shrivastava et al. 2017, arXiv 1612.07828, section 2.3; as CycleGAN keeps it: Zhu et al. 2017, arXiv
1703.10593, section 4.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class PictureHistory(nn.Module):
    """Keeps pictures in a buffer, which is saved and restored with everything else that a method holds.

    Each process keeps the pictures that it drew itself; a run that is continued by several goes on with those of the
    first in all of them.

    Args:
        size: how many are kept; 50 in CycleGAN, 0 for none.
        shape: (c, h, w) of a picture.
    """

    pictures: Float[Tensor, "size c h w"]
    filled: Tensor

    def __init__(self, size: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        if size < 0:
            raise ValueError(f"size must be at least 0, got {size}")
        self.size = size
        self.register_buffer("pictures", torch.zeros(size, *shape))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, drawn: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Take new pictures in, one after another, and return as many, without gradient.

        While there is room a picture is kept and returned. After that it is returned and forgotten or, as often, kept
        in the place of one that is returned for it. Which of both, and in whose place, is drawn from PyTorch's
        generator, which training seeds anew for every step and phase: two numbers a picture, whatever becomes of it.
        Nothing waits for the device.

        Args:
            drawn: new pictures, of the shape that is kept.
        """
        if not self.size:
            return drawn.detach()
        draws = torch.rand(len(drawn), 2, device=drawn.device)
        returned = []
        for picture, (exchanged, place) in zip(drawn.to(self.pictures.dtype), draws, strict=True):
            room = self.filled < self.size
            slot = torch.where(room, self.filled, (place * self.size).long().clamp(max=self.size - 1)).reshape(1)
            old, kept = self.pictures.index_select(0, slot), exchanged < 0.5
            self.pictures.index_copy_(0, slot, torch.where(room | kept, picture, old))
            returned.append(torch.where(~room & kept, old[0], picture))
            self.filled.add_(room)
        return torch.stack(returned).to(drawn.dtype)
