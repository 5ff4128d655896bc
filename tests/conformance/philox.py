"""Weights of full-size networks, which golden files do not store: they are drawn by a rule from key and shape."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def philox_weights(config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state dict that ``config["state_dict"]`` (key -> shape) and ``config["gain"]`` stand for.

    Every key seeds its own Philox stream with the CRC-32 of its name; the first matching rule scales the normal
    draws. Empty where the config lists no state dict.
    """
    gain = float(config.get("gain", 1.0))
    return {key: _draw(key, tuple(shape), gain) for key, shape in config.get("state_dict", {}).items()}


def _draw(key: str, shape: tuple[int, ...], gain: float) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    draws = np.random.Generator(np.random.Philox(key=zlib.crc32(key.encode()))).standard_normal(shape)
    if key.endswith("running_mean"):
        values = 0.1 * draws
    elif key.endswith("running_var"):
        values = 1 + 0.1 * np.abs(draws)
    elif len(shape) > 1:
        fan_in = math.prod(shape) / shape[0]
        values = draws * gain * math.sqrt(2 / fan_in)
    elif key.endswith("weight"):
        values = 1 + 0.1 * draws
    else:
        values = 0.1 * draws
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
