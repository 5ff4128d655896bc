"""Many pictures in one."""

from __future__ import annotations

import numpy as np


def grid(images: np.ndarray, columns: int | None = None, pad: int = 2, background: int = 255) -> np.ndarray:
    """Pictures laid out row by row.

    Args:
        images: (n, h, w, c) uint8, n >= 1.
        columns: pictures a row; about as many as rows by default.
        pad: pixels between pictures and around them.
        background: grey level of the gaps and of the empty places, 0 to 255.

    Returns:
        (H, W, c) uint8.

    Raises:
        ValueError: no pictures, or not four dimensions.
    """
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(f"a grid needs pictures (n, h, w, c), got shape {images.shape}")
    n, h, w, c = images.shape
    columns = min(n, columns or int(np.ceil(np.sqrt(n))))
    rows = -(-n // columns)
    canvas = np.full((rows * (h + pad) + pad, columns * (w + pad) + pad, c), background, np.uint8)
    for i, image in enumerate(images):
        top, left = pad + i // columns * (h + pad), pad + i % columns * (w + pad)
        canvas[top : top + h, left : left + w] = image
    return canvas
