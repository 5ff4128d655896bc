"""Film strips: the frames of a clip side by side in one picture, the layout of MoCoGAN's data sets."""

from __future__ import annotations

import numpy as np

from diorama.core.errors import BadInput
from diorama.media.image import read_image, read_size
from diorama.media.limits import Limits

FEWEST_FRAMES_BY_SIGHT = 8


def looks_like_strip(head: bytes, name: str, limits: Limits) -> bool | None:
    """Whether a picture is a whole number of squares wide, eight or more; ``None`` where its header is broken."""
    try:
        height, width = read_size(head, name, limits)
    except BadInput:
        return None
    return width >= FEWEST_FRAMES_BY_SIGHT * height and width % height == 0


def strip_frames(content: bytes, name: str, limits: Limits) -> np.ndarray:
    """The frames of a strip: squares along its longer side; what is left over at the end is dropped.

    Returns:
        (t, h, w, c) with h = w = the shorter side, in stored units.

    Raises:
        BadInput: not a picture.

    Reference:
        Tulyakov, Liu, Yang, Kautz, "MoCoGAN", 2018, arXiv:1707.04993: the rule of its loader.
    """
    pixels = read_image(content, name, limits).pixels
    height, width, channels = pixels.shape
    side, count = min(height, width), max(height, width) // min(height, width)
    if width >= height:
        frames = pixels[:, : count * side].reshape(side, count, side, channels).swapaxes(0, 1)
    else:
        frames = pixels[: count * side].reshape(count, side, side, channels)
    return np.ascontiguousarray(frames)  # (t, h, w, c)
