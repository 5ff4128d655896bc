"""Holes filled by what is known elsewhere: each patch in a hole is a mixture of known patches that are like it.

Reference: Yu, Lin, Yang, Shen, Lu, Huang, "Generative Image Inpainting with Contextual Attention", CVPR 2018, arXiv
1801.07892, section 4.1; patches, scale and fusion as in the authors' program, whose rims are of zeros and whose
unknown patches take a share that is dropped.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_SIDE, _RATE, _SCALE = 3, 2, 10.0
"""Side of the patches that are compared, how much smaller the maps are that they are cut out of, and the factor of
likenesses."""
_LEAST, _NEVER = 1e-4, -1e9


def contextual_attention(maps: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b c h w"]:
    """Maps whose every patch is a mixture of known patches.

    Args:
        maps: h and w are even.
        mask: 1 in holes and 0 elsewhere. A patch is known where none of it is in a hole; where no patch is known, what
            comes back is 0.
    """
    height, width = maps.shape[2] // _RATE, maps.shape[3] // _RATE
    small, holes = maps[..., ::_RATE, ::_RATE], mask[..., ::_RATE, ::_RATE]
    patches = F.unfold(_rimmed(small), _SIDE)  # (b, 9 c, n)
    keys = patches / patches.square().sum(1, keepdim=True).sqrt().clamp(min=_LEAST)
    unknown = (F.unfold(_rimmed(holes), _SIDE).sum(1) > 0)[:, :, None]  # (b, n, 1)
    likeness = fused(keys.transpose(1, 2) @ patches, height, width).float()
    shares = torch.softmax((_SCALE * likeness).masked_fill(unknown, _NEVER), dim=1)  # (b, patch, place)
    shares = shares.masked_fill(unknown, 0.0).to(maps.dtype)
    side = 2 * _RATE
    whole = F.unfold(_rimmed(maps), side, stride=_RATE)  # (b, 16 c, n)
    # Four patches of twice the step cover every pixel.
    return F.fold(whole @ shares, maps.shape[2:], side, padding=_RATE // 2, stride=_RATE) / _RATE**2


def _rimmed(maps: Tensor) -> Tensor:
    """Maps with a rim of one value, which repeats what lies at the edge, so that patches at edges are like others."""
    return F.pad(maps, (1, 1, 1, 1), mode="replicate")


def fused(likeness: Float[Tensor, "b n m"], height: int, width: int) -> Float[Tensor, "b n m"]:
    """Likenesses of which each has those of the neighbouring pairs of patches added, along rows and then along columns:
    what lies beside one another is taken from places that lie beside one another.

    Args:
        likeness: of n = height * width patches, row by row, to as many places.
        height: of the grid.
        width: of the grid.
    """
    rows = _along(likeness)
    turned = rows.unflatten(2, (height, width)).unflatten(1, (height, width)).transpose(1, 2).transpose(3, 4)
    columns = _along(turned.flatten(3, 4).flatten(1, 2)).unflatten(2, (width, height)).unflatten(1, (width, height))
    return columns.transpose(1, 2).transpose(3, 4).flatten(3, 4).flatten(1, 2)


def _along(likeness: Tensor) -> Tensor:
    """Each value with the one before and the one behind it on its diagonal."""
    wide = F.pad(likeness, (1, 1, 1, 1))
    return wide[:, :-2, :-2] + likeness + wide[:, 2:, 2:]
