"""The only place where stored units meet [-1, 1]."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from diorama.core.contracts import MediaSpec

_MOST_UINT8 = 255


def to_float(stored: Tensor | np.ndarray, media: MediaSpec) -> Tensor:
    """Stored values, channels last, as float32 with -1 at ``media.low`` and +1 at ``media.high``.

    Args:
        stored: (..., h, w, c) of images, (..., t, h, w, c) of clips, in stored units; a tensor stays on its device.
        media: units and kind.

    Returns:
        (..., c, h, w) or (..., c, t, h, w), contiguous, in [-1, 1]: values beyond low and high, as a window leaves
        them, count as these.
    """
    values = torch.from_numpy(stored) if isinstance(stored, np.ndarray) else stored
    channels_first = values.movedim(-1, -4 if media.kind == "video" else -3)
    x = channels_first.to(torch.float32, memory_format=torch.contiguous_format, copy=True)
    x.sub_(media.low).mul_(2.0 / (media.high - media.low)).sub_(1.0)
    whole = media.dtype == "uint8" and (media.low, media.high) == (0, _MOST_UINT8)
    return x if whole else x.clamp_(-1.0, 1.0)


def to_stored(x: Tensor, media: MediaSpec) -> np.ndarray:
    """The inverse of :func:`to_float` on the host: clipped to [-1, 1] and, for integer types, rounded.

    Args:
        x: (..., c, h, w) or (..., c, t, h, w).
        media: units and kind.

    Returns:
        (..., h, w, c) or (..., t, h, w, c) of ``media.dtype``.
    """
    return stored_values(x, media).cpu().numpy()


def stored_values(x: Tensor, media: MediaSpec) -> Tensor:
    """As :func:`to_stored`, on the device of ``x`` and without waiting for it."""
    if x.device.type == "mps":
        x = x.cpu()  # which has float64
    # float64 keeps all 65,536 levels of uint16 apart from their neighbours' rounding.
    unit = x.detach().to(torch.float64).clamp(-1.0, 1.0).add_(1.0).mul_(0.5)
    values = unit.mul_(media.high - media.low).add_(media.low)
    values = values.movedim(-4 if media.kind == "video" else -3, -1)
    if media.dtype.startswith("uint"):
        values = values.round_()
    return values.to(getattr(torch, media.dtype)).contiguous()


def to_uint8(x: Tensor) -> Tensor:
    """[-1, 1] as 0 to 255, clipped and rounded, in the same layout on the same device."""
    return x.detach().float().add(1.0).mul_(127.5).round_().clamp_(0.0, 255.0).to(torch.uint8)


def displayable(x: Tensor) -> np.ndarray:
    """What can be shown of a batch on a screen: three channels of eight bits, whatever the data are.

    Args:
        x: (b, c, h, w) or (b, c, t, h, w) in [-1, 1]; one channel is grey, of more than three the first are shown.

    Returns:
        (b, h, w, 3) or (b, t, h, w, 3) uint8 on the host.
    """
    shown = x[:, :3] if x.shape[1] >= 3 else x[:, :1].expand(-1, 3, *x.shape[2:])
    # Channels last, as files and grids of pictures have them.
    return to_uint8(shown).movedim(1, -1).contiguous().cpu().numpy()
