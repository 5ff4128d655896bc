"""Pointwise non-linearities by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

ActivationName = Literal["silu", "mish", "gelu", "relu", "elu", "leaky_relu"]

_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "mish": F.mish,
    "gelu": F.gelu,
    "relu": F.relu,
    "elu": F.elu,
    "leaky_relu": partial(F.leaky_relu, negative_slope=0.2),
}


def activation(name: ActivationName) -> Callable[[Tensor], Tensor]:
    """The function of that name; shapes are kept."""
    return _FUNCTIONS[name]
