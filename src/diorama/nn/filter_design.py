"""Low-pass filters of a given cutoff and transition band.

Reference: T. Karras et al., arXiv:2106.12423, appendices C.1 and C.2; J. F. Kaiser, "Nonrecursive digital filter design
using the I0-sinh window function", ISCAS 1974.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import j1
from torch import Tensor


def lowpass_filter(taps: int, cutoff: float, width: float, rate: float, *, radial: bool = False) -> Tensor | None:
    """A low-pass filter under a Kaiser window, computed in float64.

    Args:
        taps: of the filter; one is no filter.
        cutoff: the frequency at which half passes.
        width: of the whole transition band.
        rate: samples in the unit of length that frequencies refer to.
        radial: the same in all directions of the plane, for an even number of taps.

    Returns:
        float32, (taps,), or (taps, taps) where radial, with a sum of 1; ``None`` for one tap.

    Raises:
        ValueError: no taps, or a radial filter of an odd number of them.
    """
    if taps < 1 or (radial and taps > 1 and taps % 2):
        raise ValueError(f"taps: must be at least 1, and even where radial, got {taps}")
    if taps == 1:
        return None
    window = np.kaiser(taps, _kaiser_beta(taps, width / (rate / 2)))
    places = (np.arange(taps) - (taps - 1) / 2) / rate
    if radial:
        distance = np.hypot(*np.meshgrid(places, places))
        response = j1(2 * cutoff * np.pi * distance) / (np.pi * distance) * np.outer(window, window)
    else:
        response = np.sinc(2 * cutoff * places) * window
    return torch.as_tensor(response / response.sum(), dtype=torch.float32)


def _kaiser_beta(taps: int, width: float) -> float:
    """Form of the window for a transition band in half cycles per sample, after Kaiser's fits."""
    attenuation = 2.285 * (taps - 1) * np.pi * width + 7.95
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    return 0.0
