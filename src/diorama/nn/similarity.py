"""How alike two pictures are, pixel by pixel and structure by structure."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def psnr(first: Float[Tensor, "b ..."], second: Float[Tensor, "b ..."], *, span: float = 2.0) -> Float[Tensor, " b"]:
    """Peak signal-to-noise ratio of each pair in dB; infinite for equal ones.

    Args:
        first: (b, …).
        second: like ``first``.
        span: distance of the largest from the smallest possible value: 2 for [-1, 1], 255 for 8 bits.
    """
    error = (first.double() - second.double()).flatten(1).square().mean(1)
    return (10 * torch.log10(span**2 / error)).to(first.dtype if first.is_floating_point() else torch.float32)


def luma(pictures: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h w"]:
    """Brightness as television counts it: Y' of BT.601, from 16 for black to 235 for white, in whole numbers.

    Args:
        pictures: (b, c, h, w), 8-bit values as float, of 3 channels; a single channel is taken as it is.
    """
    if pictures.shape[1] == 1:
        return pictures[:, 0]
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64, device=pictures.device) / 255
    return (16 + torch.einsum("bchw,c->bhw", pictures.double(), weights)).round().to(pictures.dtype)


def luma_psnr(
    first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"], *, border: int = 4
) -> Float[Tensor, " b"]:
    """PSNR of :func:`luma` in dB, as papers on enlarging report it ("Y-PSNR").

    Args:
        first: (b, c, h, w), 8-bit values as float.
        second: like ``first``.
        border: pixels at every rim that are left out; as many as sides are enlarged times.

    Reference: C. Ledig et al. 2017, arXiv:1609.04802, section 3.1 (a strip of 4 pixels is cut off).
    """
    height, width = first.shape[2:]
    inner = (..., slice(border, height - border), slice(border, width - border))
    return psnr(luma(first)[inner], luma(second)[inner], span=255)


def rank_correlation(first: Tensor, second: Tensor) -> float:
    """Spearman's correlation of the ranks of two tensors of one shape; equal values share the mean of their ranks.

    Returns:
        In [-1, 1]; not a number where all values of one of them are equal.
    """
    ranks = [_ranks(values.double().flatten()) for values in (first, second)]
    one, other = (each - each.mean() for each in ranks)
    return float((one * other).sum() / (one.norm() * other.norm()))


def area_under_roc(positive: Tensor, negative: Tensor) -> float:
    """How often a value of one kind is above a value of the other (AUROC); equal values count a half.

    Args:
        positive: values that should be high, of any shape, at least one.
        negative: values that should be low, at least one.

    Returns:
        In [0, 1]; 0.5 where the values tell nothing.

    Reference: J. A. Hanley, B. J. McNeil 1982, Radiology 143, section "The meaning of the area".
    """
    count, others = positive.numel(), negative.numel()
    ranks = _ranks(torch.cat([positive.flatten(), negative.flatten()]).double())
    return (float(ranks[:count].sum()) - count * (count + 1) / 2) / (count * others)


def _ranks(values: Tensor) -> Tensor:
    _, place, counts = values.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts.double() - 1) / 2)[place]


def gaussian_window(size: int, sigma: float) -> Float[Tensor, " size"]:
    """Normalised Gaussian weights, float64."""
    place = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    return torch.softmax(-0.5 * (place / sigma) ** 2, 0)


def ssim(
    first: Float[Tensor, "b c h w"],
    second: Float[Tensor, "b c h w"],
    *,
    span: float = 2.0,
    size: int = 11,
    sigma: float | None = 1.5,
    unbiased: bool = False,
) -> Float[Tensor, " b"]:
    """Structural similarity of each pair, averaged over channels and over windows that lie wholly inside.

    Args:
        first: (b, c, h, w), sides at least ``size``.
        second: like ``first``.
        span: distance of the largest from the smallest possible value: 2 for [-1, 1], 255 for 8 bits.
        size: side of the window.
        sigma: of the Gaussian window; ``None`` for a uniform one.
        unbiased: sample covariances (n - 1), as scikit-image does by default; uniform windows only.

    Returns:
        (b,) at most 1.

    Raises:
        ValueError: the pictures are smaller than the window.

    Reference: Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli 2004, IEEE TIP 13, equation 13; K1 = 0.01,
    K2 = 0.03.
    """
    if min(first.shape[-2:]) < size:
        raise ValueError(f"pictures of {tuple(first.shape[-2:])} are smaller than the window of {size}")
    window = torch.full((size,), 1 / size, dtype=torch.float64) if sigma is None else gaussian_window(size, sigma)
    x, y = first.double().flatten(0, 1)[:, None], second.double().flatten(0, 1)[:, None]
    stacked = torch.cat([x, y, x * x, y * y, x * y])
    window = window.to(stacked.device)
    blurred = F.conv2d(F.conv2d(stacked, window.view(1, 1, 1, -1)), window.view(1, 1, -1, 1))
    mean_x, mean_y, xx, yy, xy = blurred.chunk(5)
    scale = size**2 / (size**2 - 1) if unbiased else 1.0
    var_x, var_y, cov = ((xx - mean_x**2) * scale, (yy - mean_y**2) * scale, (xy - mean_x * mean_y) * scale)
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    value = (2 * mean_x * mean_y + c1) * (2 * cov + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return value.mean((1, 2, 3)).reshape(first.shape[:2]).mean(1).float()
