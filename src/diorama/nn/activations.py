"""Pointwise non-linearities by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

ActivationName = Literal["silu", "mish", "gelu", "relu"]

_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"silu": F.silu, "mish": F.mish, "gelu": F.gelu, "relu": F.relu}


def activation(name: ActivationName) -> Callable[[Tensor], Tensor]:
    """The function of that name; shapes are kept."""
    return _FUNCTIONS[name]
