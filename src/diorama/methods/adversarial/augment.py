"""Augmentations of what a discriminator sees, which do not leak into what a generator draws as long as they are rare.

Reference: T. Karras, M. Aittala, J. Hellsten, S. Laine, J. Lehtinen, T. Aila, "Training generative adversarial networks
with limited data", arXiv:2006.06676, section 2.2 and appendix B (algorithm 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.core import device as devices
from diorama.methods.adversarial.augment_draws import Draws
from diorama.nn.homogeneous import grey, moving, moving_colours, scaling, scaling_colours, turning, turning_hues
from diorama.nn.warp import needed_rim, warped

_SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)
"""The low-pass filter of Daubechies' least asymmetric wavelet with two vanishing moments."""
_BANDS = 4
_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)
"""What pictures have of their power in each band, the lowest first."""


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """What is done, each with the given share of the common probability; 0 leaves it out.

    Args:
        xflip: mirroring left to right.
        rotate90: turns by quarters.
        xint: moves by whole pixels.
        scale: of the size.
        rotate: turns by any angle, before and after the stretch.
        aniso: stretches.
        xfrac: moves by parts of pixels.
        brightness: what is added to all colours.
        contrast: what all colours are multiplied by.
        lumaflip: turning bright into dark.
        hue: turns of the colours.
        saturation: their distance from grey.
        imgfilter: gains of bands of frequencies.
        noise: normal numbers on every pixel.
        cutout: a square of zeros.
        xint_max: the furthest move, in sides of the picture.
        scale_std: standard deviation of the size, in octaves.
        rotate_max: the largest turn, in half turns.
        aniso_std: standard deviation of the stretch, in octaves.
        xfrac_std: standard deviation of moves, in sides of the picture.
        brightness_std: standard deviation.
        contrast_std: standard deviation, in octaves.
        hue_max: the largest turn, in half turns.
        saturation_std: standard deviation, in octaves.
        imgfilter_bands: share of the probability for each band, the lowest first.
        imgfilter_std: standard deviation of gains, in octaves.
        noise_std: standard deviation of the standard deviation of the noise.
        cutout_size: side of the square, in sides of the picture.
    """

    xflip: float = 0
    rotate90: float = 0
    xint: float = 0
    scale: float = 0
    rotate: float = 0
    aniso: float = 0
    xfrac: float = 0
    brightness: float = 0
    contrast: float = 0
    lumaflip: float = 0
    hue: float = 0
    saturation: float = 0
    imgfilter: float = 0
    noise: float = 0
    cutout: float = 0
    xint_max: float = 0.125
    scale_std: float = 0.2
    rotate_max: float = 1
    aniso_std: float = 0.2
    xfrac_std: float = 0.125
    brightness_std: float = 0.2
    contrast_std: float = 0.5
    hue_max: float = 1
    saturation_std: float = 1
    imgfilter_bands: tuple[float, ...] = (1, 1, 1, 1)
    imgfilter_std: float = 1
    noise_std: float = 0.1
    cutout_size: float = 0.5

    def __post_init__(self) -> None:
        below = [f.name for f in fields(self) if f.name != "imgfilter_bands" and getattr(self, f.name) < 0]
        if below or min(self.imgfilter_bands, default=0) < 0:
            raise ValueError(f"{', '.join(below) or 'imgfilter_bands'}: must be at least 0")
        if len(self.imgfilter_bands) != _BANDS:
            raise ValueError(f"imgfilter_bands: there are {_BANDS} bands, got {len(self.imgfilter_bands)}")


GEOMETRY_AND_COLOUR = AugmentConfig(
    xflip=1,
    rotate90=1,
    xint=1,
    scale=1,
    rotate=1,
    aniso=1,
    xfrac=1,
    brightness=1,
    contrast=1,
    lumaflip=1,
    hue=1,
    saturation=1,
)
"""``bgc``, what the paper trains with."""


def augmented(images: Tensor, config: AugmentConfig, probability: Tensor | float, draws: Draws) -> Tensor:
    """Pictures as the discriminator is to see them; they can be differentiated any number of times.

    Args:
        images: (b, c, h, w) float32 in [-1, 1], c one or three where colours are changed.
        config: what is done.
        probability: of each change, in [0, 1].
        draws: the random numbers.

    Raises:
        ValueError: colours of another number of channels are to be changed, or pictures are too small for filters.
    """
    # In half precision products of maps would move pictures by whole pixels.
    with torch.autocast(images.device.type, enabled=False):
        seen = _moved(images, config, probability, draws)
        seen = _coloured(seen, config, probability, draws)
        if config.imgfilter:
            seen = _band_filtered(seen, config, probability, draws)
        if config.noise:
            b = len(seen)
            sigma = draws.magnitude(b, 1, 1, 1) * config.noise_std
            done = draws.happens(config.noise * probability, b, 1, 1, 1)
            seen = seen + draws.noise(*seen.shape) * torch.where(done, sigma, torch.zeros_like(sigma))
        return _cut_out(seen, config, probability, draws) if config.cutout else seen


def _moved(images: Tensor, config: AugmentConfig, probability: Tensor | float, draws: Draws) -> Tensor:
    """Geometry: the maps that lead back are multiplied in the order in which they are made."""
    b, _, h, w = images.shape
    inverse: Tensor | None = None
    one = images.new_ones(b)

    def undone(step: Tensor) -> None:
        nonlocal inverse
        inverse = step if inverse is None else inverse @ step

    def either(value: Tensor, share: Tensor | float, otherwise: float = 0.0) -> Tensor:
        done = draws.happens(share, *(value.shape[:1] + (1,) * (value.dim() - 1)))
        return torch.where(done, value, torch.full_like(value, otherwise))

    def turn(drawn: Callable[..., Tensor]) -> Tensor:
        # Twice with this probability is once with the one that is asked for.
        share = 1 - (1 - torch.as_tensor(config.rotate * probability, device=images.device)).clamp(0, 1).sqrt()
        return either((drawn(b) * 2 - 1) * math.pi * config.rotate_max, share)

    if config.xflip:
        flipped = either((draws.uniform(b) * 2).floor(), config.xflip * probability)
        undone(scaling(1 / (1 - 2 * flipped), one))
    if config.rotate90:
        quarters = either((draws.uniform(b) * 4).floor(), config.rotate90 * probability)
        undone(turning(math.pi / 2 * quarters))
    if config.xint:
        t = either((draws.uniform(b, 2) * 2 - 1) * config.xint_max, config.xint * probability)
        undone(moving(-(t[:, 0] * w).round(), -(t[:, 1] * h).round()))
    if config.scale:
        s = either(torch.exp2(draws.normal(b) * config.scale_std), config.scale * probability, 1.0)
        undone(scaling(1 / s, 1 / s))
    if config.rotate:
        undone(turning(turn(draws.uniform)))
    if config.aniso:
        s = either(torch.exp2(draws.normal(b) * config.aniso_std), config.aniso * probability, 1.0)
        undone(scaling(1 / s, s))
    if config.rotate:
        undone(turning(turn(draws.second_turn)))
    if config.xfrac:
        t = either(draws.normal(b, 2) * config.xfrac_std, config.xfrac * probability)
        undone(moving(-t[:, 0] * w, -t[:, 1] * h))
    if inverse is None:
        return images
    # Mirroring no more than is needed is cheaper, and would wait for a device that runs ahead.
    return warped(images, inverse, None if devices.runs_ahead(images.device) else needed_rim(inverse, h, w))


def _coloured(images: Tensor, config: AugmentConfig, probability: Tensor | float, draws: Draws) -> Tensor:
    """Colours: the maps are multiplied in the order in which they are made, the last on the left."""
    b, c = images.shape[:2]
    same = torch.eye(4, device=images.device)
    colours: Tensor | None = None

    def made(step: Tensor) -> None:
        nonlocal colours
        colours = step if colours is None else step @ colours

    def either(value: Tensor, share: Tensor | float, otherwise: float = 0.0) -> Tensor:
        return torch.where(draws.happens(share, *value.shape), value, torch.full_like(value, otherwise)).flatten()

    if config.brightness:
        by = either(draws.normal(b) * config.brightness_std, config.brightness * probability)
        made(moving_colours(by))
    if config.contrast:
        by = either(torch.exp2(draws.normal(b) * config.contrast_std), config.contrast * probability, 1.0)
        made(scaling_colours(by))
    if config.lumaflip:
        flipped = either((draws.uniform(b, 1, 1) * 2).floor(), config.lumaflip * probability)
        made(same - 2 * grey(flipped) * flipped[:, None, None])
    if config.hue and c > 1:
        angle = either((draws.uniform(b) * 2 - 1) * math.pi * config.hue_max, config.hue * probability)
        made(turning_hues(angle))
    if config.saturation and c > 1:
        share = config.saturation * probability
        by = either(torch.exp2(draws.normal(b, 1, 1) * config.saturation_std), share, 1.0)
        made(grey(by) + (same - grey(by)) * by[:, None, None])
    if colours is None:
        return images
    if c not in (1, 3):
        raise ValueError(f"colours of pictures with {c} channels cannot be changed; let those augmentations be 0")
    if c == 1:
        row = colours[:, :3].mean(dim=1)  # (b, 4): three equal colours, and their mean
        return images * row[:, :3].sum(dim=1)[:, None, None, None] + row[:, 3][:, None, None, None]
    changed = colours[:, :3, :3] @ images.flatten(2) + colours[:, :3, 3:]
    return changed.reshape(images.shape)


def _band_filtered(images: Tensor, config: AugmentConfig, probability: Tensor | float, draws: Draws) -> Tensor:
    """Gains of four bands of frequencies that keep the power that pictures usually have."""
    b, c, h, w = images.shape
    power, bank = _bands(images.device)
    gains = images.new_ones(b, _BANDS)
    for band, strength in enumerate(config.imgfilter_bands):
        gain = torch.exp2(draws.normal(b) * config.imgfilter_std)
        done = draws.happens(config.imgfilter * probability * strength, b)
        if not strength:
            done = torch.zeros_like(done)
        each = images.new_ones(b, _BANDS)
        each[:, band] = torch.where(done, gain, torch.ones_like(gain))
        gains = gains * each / (power * each.square()).sum(dim=1, keepdim=True).sqrt()
    taps = gains @ bank  # (b, n)
    kernels = taps.repeat_interleave(c, dim=0)[:, None]  # (b c, 1, n)
    edge = taps.shape[1] // 2
    if min(h, w) <= edge:
        raise ValueError(f"imgfilter: pictures must have more than {edge} pixels a side, got {h} x {w}; let it be 0")
    rows = F.pad(images.reshape(1, b * c, h, w), (edge, edge, edge, edge), mode="reflect")
    rows = F.conv2d(rows, kernels[:, :, None], groups=b * c)
    return F.conv2d(rows, kernels[..., None], groups=b * c).reshape(images.shape)


def _cut_out(images: Tensor, config: AugmentConfig, probability: Tensor | float, draws: Draws) -> Tensor:
    """A square of zeros, which may lie half outside."""
    b, _, h, w = images.shape
    done = draws.happens(config.cutout * probability, b, 1, 1, 1, 1)[:, 0]
    centre = draws.uniform(b, 2, 1, 1, 1)
    half = torch.where(done, config.cutout_size, 0.0) / 2  # (b, 1, 1, 1)
    columns = ((torch.arange(w, device=images.device) + 0.5) / w - centre[:, 0]).abs()
    rows = ((torch.arange(h, device=images.device)[:, None] + 0.5) / h - centre[:, 1]).abs()
    return images * ((columns >= half) | (rows >= half)).to(images.dtype)


@cache
def _bands(device: torch.device) -> tuple[Tensor, Tensor]:
    """The usual power of each band, and the filters: kept, since copying them would wait for the device every time."""
    return torch.tensor(_POWER, device=device), filter_bank().to(device)


def filter_bank() -> Tensor:
    """Filters (4, n) float32 that split pictures into octaves, the lowest first, and sum to one pixel.

    Reference: appendix B, "Image-space filtering".
    """
    low = np.array(_SYM2)
    high = low * (-1.0) ** np.arange(len(low))
    low_twice, high_twice = np.convolve(low, low[::-1]) / 2, np.convolve(high, high[::-1]) / 2
    bank = np.eye(_BANDS, 1)
    for i in range(1, _BANDS):
        spread = np.zeros((_BANDS, 2 * bank.shape[1] - 1))
        spread[:, ::2] = bank
        bank = np.stack([np.convolve(row, low_twice) for row in spread])
        start = (bank.shape[1] - len(high_twice)) // 2
        bank[i, start : start + len(high_twice)] += high_twice
    return torch.as_tensor(bank, dtype=torch.float32)
