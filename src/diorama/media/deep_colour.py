"""Colour pictures of 16 bits a channel, which Pillow would cut to 8: decoded by FFmpeg."""

from __future__ import annotations

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

_CODECS = {"PNG": "png", "TIFF": "tiff"}
_TARGETS = {3: "rgb48le", 4: "rgba64le"}
_ROWS_AT_ONCE = 256


def read_deep_colour(content: bytes, file_format: str, channels: int) -> np.ndarray | None:
    """(h, w, channels) uint16 of a 16-bit PNG or TIFF; ``None`` where FFmpeg cannot.

    Args:
        content: the file.
        file_format: Pillow's name of it.
        channels: 3, or 4 with alpha.
    """
    if file_format not in _CODECS:
        return None
    try:
        decoder = av.CodecContext.create(_CODECS[file_format], "r")
        assert isinstance(decoder, VideoCodecContext)
        frames = [*decoder.decode(av.Packet(content)), *decoder.decode(None)]
        return frames[0].to_ndarray(format=_TARGETS[channels]) if frames else None
    except (av.FFmpegError, ValueError):
        return None


def on_white(pixels: np.ndarray) -> np.ndarray:
    """(h, w, 4) uint8 or uint16 with alpha last, laid over white: (h, w, 3) of the same type."""
    white = int(np.iinfo(pixels.dtype).max)
    out = np.empty((*pixels.shape[:2], 3), pixels.dtype)
    # By blocks of rows: the products need 64 bits, four times the picture's own size.
    for top in range(0, len(pixels), _ROWS_AT_ONCE):
        block = pixels[top : top + _ROWS_AT_ONCE].astype(np.uint64)
        colour, alpha = block[..., :3], block[..., 3:]
        out[top : top + _ROWS_AT_ONCE] = (colour * alpha + white * (white - alpha) + white // 2) // white
    return out
