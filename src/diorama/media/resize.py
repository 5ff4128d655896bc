"""Pictures to one size: antialiased, cropped or padded."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch.nn.functional import interpolate

Fit = Literal["crop", "pad"]


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
    if policy == "crop":
        return resize(centre_crop(pixels, size), size)
    scale = min(size[0] / height, size[1] / width)
    inner = max(1, round(height * scale)), max(1, round(width * scale))
    out = np.zeros((*pixels.shape[:-3], *size, pixels.shape[-1]), pixels.dtype)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    out[..., top : top + inner[0], left : left + inner[1], :] = resize(pixels, inner)
    return out


def centre_crop(pixels: np.ndarray, aspect: tuple[int, int]) -> np.ndarray:
    """The largest part around the middle whose sides are as ``aspect`` (height to width); (..., h, w, c), a view."""
    height, width = pixels.shape[-3:-1]
    cut_height = min(height, max(1, round(width * aspect[0] / aspect[1])))
    cut_width = min(width, max(1, round(height * aspect[1] / aspect[0])))
    top, left = (height - cut_height) // 2, (width - cut_width) // 2
    return pixels[..., top : top + cut_height, left : left + cut_width, :]


def resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bicubic with antialiasing, as Pillow's within one grey level.

    Args:
        pixels: (..., h, w, c), any stored type.
        size: height and width of the result.

    Returns:
        (..., *size, c) of the same type, clipped to the type's range (float: to the picture's own).
    """
    if pixels.shape[-3:-1] == size:
        return pixels
    flat = np.ascontiguousarray(pixels).reshape(-1, *pixels.shape[-3:])
    # The permuted view is channels-last, for which PyTorch's uint8 path is vectorised.
    x = torch.from_numpy(flat).permute(0, 3, 1, 2)
    if pixels.dtype == np.uint8:
        out = interpolate(x, size=size, mode="bicubic", antialias=True)
        result = out.permute(0, 2, 3, 1).numpy()
    else:
        smooth = interpolate(x.to(torch.float32), size=size, mode="bicubic", antialias=True)
        bounds = (0, 65535) if pixels.dtype == np.uint16 else (float(flat.min()), float(flat.max()))
        smooth = smooth.clamp_(*bounds)
        smooth = smooth.round_() if pixels.dtype.kind in "iu" else smooth
        result = smooth.permute(0, 2, 3, 1).numpy().astype(pixels.dtype)
    return np.ascontiguousarray(result).reshape(*pixels.shape[:-3], *size, pixels.shape[-1])
