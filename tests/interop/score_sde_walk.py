"""The networks of the published score SDEs as a walk over their tensors, written anew from the layout's description.

Nothing of Diorama is used, so that what the layouts compute is held against something that does not share their
mistakes. Every tensor is taken once; what is left over was not part of the network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_ACTIVATIONS = {"swish": F.silu, "elu": F.elu, "relu": F.relu, "lrelu": lambda x: F.leaky_relu(x, 0.2)}


class Walk:
    """One pass over a network.

    Args:
        state: the published tensors.
        config: the published config, with all that is read of it.
        ddpm: the network is ``models.ddpm``, which reads fewer settings.
    """

    def __init__(self, state: Mapping[str, Tensor], config: Mapping[str, Any], *, ddpm: bool) -> None:
        self.left, self.config, self.ddpm, self.number = dict(state), config, ddpm, -1
        self.model = config["model"]
        self.act = _ACTIVATIONS[self.model["nonlinearity"]]
        self.big = not ddpm and self.model["resblock_type"] == "biggan"
        self.fir = not ddpm and self.model["fir"]
        self.root = math.sqrt(2) if not ddpm and self.model["skip_rescale"] else 1.0
        self.temb: Tensor | None = None

    def predict(self, x: Tensor, told: Tensor) -> Tensor:
        """The network's output."""
        model, levels = self.model, len(self.model["ch_mult"])
        sigmas = self.left.pop("sigmas")
        scale = sigmas[told.long()].float()
        if not self.ddpm and model["embedding_type"] == "fourier":
            waves = told.log()[:, None] * self.left.pop(f"{self._next()}.W") * 2 * math.pi
            features, scale = torch.cat([waves.sin(), waves.cos()], 1), told
        else:
            half = model["nf"] // 2
            waves = told.float()[:, None] * 10_000 ** (-torch.arange(half) / (half - 1))
            features = torch.cat([waves.sin(), waves.cos()], 1)
        if self.ddpm or model["conditional"]:
            hidden = self._linear(self._next(), features)
            self.temb = self._linear(self._next(), self.act(hidden))
        x = x if self.config["data"]["centered"] else 2 * x - 1
        picture, maps = x, [self._conv(self._next(), x)]
        for level in range(levels):
            for _ in range(model["num_res_blocks"]):
                h = self._attend(self._block(maps[-1]))
                maps.append(h)
            if level < levels - 1:
                h, picture = self._show(self._change(maps[-1], "down"), picture)
                maps.append(h)
        h = self._block(maps[-1])
        h = self._block(self._attention(h))
        grown = None
        for level in reversed(range(levels)):
            for _ in range(model["num_res_blocks"] + 1):
                h = self._block(torch.cat([h, maps.pop()], 1))
            h = self._attend(h)
            if not self.ddpm and model["progressive"] == "output_skip":
                grown = None if grown is None else self._filtered(grown, "up")
                seen = self._conv_after_norm(h)
                grown = seen if grown is None else grown + seen
            if level:
                h = self._change(h, "up")
        h = self._conv_after_norm(h) if grown is None else grown
        return h / scale[:, None, None, None] if model["scale_by_sigma"] else h

    def _next(self) -> str:
        self.number += 1
        return f"all_modules.{self.number}"

    def _attend(self, h: Tensor) -> Tensor:
        return self._attention(h) if h.shape[-1] in self.model["attn_resolutions"] else h

    def _show(self, h: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        how = "none" if self.ddpm else self.model["progressive_input"]
        if how == "input_skip":
            picture = self._filtered(picture, "down")
            seen = self._conv(f"{self._next()}.Conv_0", picture, padding=0)
            both = torch.cat([seen, h], 1) if self.model["progressive_combine"] == "cat" else seen + h
            return both, picture
        if how == "residual":
            h = (self._conv_down(picture, self._next()) + h) / self.root
            return h, h
        return h, picture

    def _change(self, h: Tensor, way: str) -> Tensor:
        if self.big:
            return self._block(h, way)
        name = self._next()
        if not self.model["resamp_with_conv"]:
            return self._filtered(h, way)
        if way == "up":
            return self._conv(f"{name}.Conv_0", F.interpolate(h, scale_factor=2))
        return self._conv_down(h, name)

    def _conv_down(self, h: Tensor, name: str) -> Tensor:
        if not self.fir:
            return self._conv(f"{name}.Conv_0", F.pad(h, (0, 1, 0, 1)), padding=0, stride=2)
        # The filter first, on a picture that is padded for both.
        pad = len(self.model["fir_kernel"]) // 2
        smooth = self._smoothed(F.pad(h, (pad, pad, pad, pad)))
        return self._conv(f"{name}.Conv2d_0", smooth, padding=0, stride=2)

    def _filtered(self, h: Tensor, way: str) -> Tensor:
        if not self.fir:
            return F.interpolate(h, scale_factor=2) if way == "up" else F.avg_pool2d(h, 2)
        taps = len(self.model["fir_kernel"])
        if way == "down":
            before, after = (taps - 1) // 2, (taps - 2) // 2
            return self._smoothed(F.pad(h, (before, after, before, after)))[:, :, ::2, ::2]
        spread = torch.zeros(*h.shape[:2], 2 * h.shape[2], 2 * h.shape[3])
        spread[:, :, ::2, ::2] = h
        before, after = (taps - 1) // 2 + 1, (taps - 2) // 2
        return 4 * self._smoothed(F.pad(spread, (before, after, before, after)))

    def _smoothed(self, h: Tensor) -> Tensor:
        row = torch.tensor([float(tap) for tap in self.model["fir_kernel"]])
        kernel = row[:, None] * row / row.sum() ** 2
        return F.conv2d(h, kernel.expand(h.shape[1], 1, len(row), len(row)), groups=h.shape[1])

    def _block(self, x: Tensor, way: str = "") -> Tensor:
        name = self._next()
        h = self.act(self._norm(f"{name}.GroupNorm_0", x))
        if way:
            h, x = self._filtered(h, way), self._filtered(x, way)
        h = self._conv(f"{name}.Conv_0", h)
        dense = [self.left.pop(f"{name}.Dense_0.{kind}") for kind in ("weight", "bias")]
        if self.temb is not None:
            h = h + F.linear(self.act(self.temb), *dense)[:, :, None, None]
        h = self._conv(f"{name}.Conv_1", self.act(self._norm(f"{name}.GroupNorm_1", h)))
        if self.big and f"{name}.Conv_2.weight" in self.left:
            x = self._conv(f"{name}.Conv_2", x, padding=0)
        elif not self.big and f"{name}.NIN_0.W" in self.left:
            x = self._product(f"{name}.NIN_0", x)
        return (x + h) / self.root

    def _attention(self, x: Tensor) -> Tensor:
        name = self._next()
        h = self._norm(f"{name}.GroupNorm_0", x)
        query, key, value = (self._product(f"{name}.NIN_{i}", h).flatten(2) for i in range(3))
        mixed = (query.transpose(1, 2) @ key / math.sqrt(x.shape[1])).softmax(2)
        h = (value @ mixed.transpose(1, 2)).reshape(x.shape)
        return (x + self._product(f"{name}.NIN_3", h)) / self.root

    def _product(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.left.pop(f"{name}.W"), self.left.pop(f"{name}.b")
        return torch.einsum("bihw,io->bohw", x, weight) + bias[:, None, None]

    def _conv_after_norm(self, h: Tensor) -> Tensor:
        normed = self.act(self._norm(self._next(), h))
        return self._conv(self._next(), normed)

    def _norm(self, name: str, x: Tensor) -> Tensor:
        groups = 32 if self.ddpm else min(x.shape[1] // 4, 32)
        weight, bias = self.left.pop(f"{name}.weight"), self.left.pop(f"{name}.bias")
        return F.group_norm(x, groups, weight, bias, eps=1e-6)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.left.pop(f"{name}.weight"), self.left.pop(f"{name}.bias"))

    def _conv(self, name: str, x: Tensor, *, padding: int = 1, stride: int = 1) -> Tensor:
        weight, bias = self.left.pop(f"{name}.weight"), self.left.pop(f"{name}.bias")
        return F.conv2d(x, weight, bias, stride=stride, padding=padding)
