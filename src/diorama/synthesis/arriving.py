"""What a device has computed, on its way to the host while the device goes on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Arriving:
    """Values on their way from the device to the host; whoever wants them waits for them, and for nothing later.

    Args:
        values: of any shape; what the device was told after this call is not waited for.
    """

    def __init__(self, values: Tensor) -> None:
        self._values, self._there = values, None
        if values.device.type == "cuda":
            self._values = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            self._values.copy_(values, non_blocking=True)
            self._there = torch.cuda.Event()
            self._there.record()

    def __len__(self) -> int:
        return len(self._values)

    def values(self) -> np.ndarray:
        """The values, on the host."""
        if self._there is not None:
            self._there.synchronize()
        return self._values.cpu().numpy()
