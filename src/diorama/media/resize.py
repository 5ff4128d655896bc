"""Pictures to one size: antialiased, cropped or padded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.nn.functional import interpolate

Fit = Literal["crop", "pad"]


@dataclass(frozen=True)
class Placement:
    """Where the part of a picture that is kept comes to lie.

    Args:
        cut: top, left, height and width of what is kept of the picture.
        put: top, left, height and width of the place that it is resized into.
    """

    cut: tuple[int, int, int, int]
    put: tuple[int, int, int, int]


def placement(picture: tuple[int, int], size: tuple[int, int], policy: Fit = "crop") -> Placement:
    """What :func:`fit` does to pictures of a size.

    Args:
        picture: height and width of the picture.
        size: height and width of the result.
        policy: as :func:`fit` takes it.
    """
    height, width = picture
    if policy == "crop":
        cut_height = min(height, max(1, round(width * size[0] / size[1])))
        cut_width = min(width, max(1, round(height * size[1] / size[0])))
        cut = (height - cut_height) // 2, (width - cut_width) // 2, cut_height, cut_width
        return Placement(cut, (0, 0, *size))
    scale = min(size[0] / height, size[1] / width)
    inner = max(1, round(height * scale)), max(1, round(width * scale))
    return Placement((0, 0, *picture), ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2, *inner))


def fit(pixels: np.ndarray, size: tuple[int, int], policy: Fit = "crop") -> np.ndarray:
    """Pictures of one size whatever theirs was.

    Args:
        pixels: (..., h, w, c), any stored type; leading axes are pictures or frames that share the cut.
        size: height and width of the result.
        policy: ``crop`` keeps the middle of the longer side; ``pad`` keeps everything, centred on zeros.

    Returns:
        (..., *size, c) of the same type; the argument itself where nothing is to be done.
    """
    height, width = pixels.shape[-3:-1]
    if (height, width) == size:
        return pixels
    place = placement((height, width), size, policy)
    top, left, height, width = place.cut
    inner = resize(pixels[..., top : top + height, left : left + width, :], place.put[2:])
    if place.put[2:] == size:
        return inner
    out = np.zeros((*pixels.shape[:-3], *size, pixels.shape[-1]), pixels.dtype)
    top, left, height, width = place.put
    out[..., top : top + height, left : left + width, :] = inner
    return out


def resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bicubic with antialiasing, as Pillow's within one grey level.

    Args:
        pixels: (..., h, w, c), any stored type.
        size: height and width of the result.

    Returns:
        (..., *size, c) of the same type, clipped to the type's range (16 bits and more: to each picture's own, so that
        no value lies beyond the scale that all count in).
    """
    if pixels.shape[-3:-1] == size:
        return pixels
    # PyTorch warns of memory that may not be written to, such as a decoder's own.
    flat = np.require(pixels, requirements=["C", "W"]).reshape(-1, *pixels.shape[-3:])
    # The permuted view is channels-last, for which PyTorch's uint8 path is vectorised.
    x = torch.from_numpy(flat).permute(0, 3, 1, 2)
    if pixels.dtype == np.uint8:
        out = interpolate(x, size=size, mode="bicubic", antialias=True)
        result = out.permute(0, 2, 3, 1).numpy()
    else:
        x = x.to(torch.float32)
        smooth = interpolate(x, size=size, mode="bicubic", antialias=True)
        smooth = smooth.clamp_(x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True))
        smooth = smooth.round_() if pixels.dtype.kind in "iu" else smooth
        result = smooth.permute(0, 2, 3, 1).numpy().astype(pixels.dtype)
    return np.ascontiguousarray(result).reshape(*pixels.shape[:-3], *size, pixels.shape[-1])
