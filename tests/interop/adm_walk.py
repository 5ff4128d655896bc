"""guided-diffusion's networks as a walk over published tensors, written anew from the description of their layout.

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


class Walk:
    """One pass over a network.

    Args:
        state: the published tensors.
        config: the published class's arguments, those at their defaults too.
    """

    def __init__(self, state: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        self.left, self.config = dict(state), config

    def predict(self, x: Tensor, t: Tensor, *, y: Tensor | None = None, low_res: Tensor | None = None) -> Tensor:
        """What the U-Net, or its form for super-resolution, makes of noisy pictures."""
        if low_res is not None:
            x = torch.cat([x, F.interpolate(low_res, x.shape[2:], mode="bilinear")], 1)
        *maps, h = self._down(x, t, y)
        number, levels, heads = 0, len(self.config["channel_mult"]), self.config["num_heads_upsample"]
        heads = self.config["num_heads"] if heads == -1 else heads
        for level in reversed(range(levels)):
            for i in range(self.config["num_res_blocks"] + 1):
                name, place = f"output_blocks.{number}", 1
                h = self._block(f"{name}.0", torch.cat([h, maps.pop()], 1))
                if 2**level in self.config["attention_resolutions"]:
                    h, place = self._attention(f"{name}.1", h, heads), 2
                if level and i == self.config["num_res_blocks"]:
                    h = self._change(f"{name}.{place}", h, up=True)
                number += 1
        return self._conv("out.2", F.silu(self._norm("out.0", h)))

    def classify(self, x: Tensor, t: Tensor) -> Tensor:
        """Logits of noisy pictures."""
        maps, pool = self._down(x, t, None), self.config["pool"]
        if pool.startswith("spatial"):
            hidden = self._linear("out.0", torch.cat([m.mean((2, 3)) for m in maps], 1))
            if pool == "spatial":
                return self._linear("out.2", hidden.relu())
            return self._linear("out.3", F.silu(self._norm("out.1", hidden)))
        h = F.silu(self._norm("out.0", maps[-1]))
        if pool == "adaptive":
            return self._conv("out.3", h.mean((2, 3), keepdim=True), padding=0).flatten(1)
        tokens = torch.cat([h.flatten(2).mean(2, keepdim=True), h.flatten(2)], 2)
        tokens = tokens + self.left.pop("out.2.positional_embedding")
        query, key, value = self._line("out.2.qkv_proj", tokens).chunk(3, 1)
        heads = h.shape[1] // self.config["num_head_channels"]
        return self._line("out.2.c_proj", _mix(query, key, value, heads))[:, :, 0]

    def _down(self, x: Tensor, t: Tensor, y: Tensor | None) -> list[Tensor]:
        """All maps on the way down, and last that of the middle."""
        config = self.config
        half = config["model_channels"] // 2
        angles = t[:, None].float() * torch.exp(-math.log(10000) * torch.arange(half) / half)
        waves = F.pad(torch.cat([angles.cos(), angles.sin()], 1), (0, config["model_channels"] % 2))
        self.told = self._linear("time_embed.2", F.silu(self._linear("time_embed.0", waves)))
        if y is not None:
            self.told = self.told + self.left.pop("label_emb.weight")[y]
        maps = [self._conv("input_blocks.0.0", x)]
        for level in range(len(config["channel_mult"])):
            for _ in range(config["num_res_blocks"]):
                h = self._block(f"input_blocks.{len(maps)}.0", maps[-1])
                if 2**level in config["attention_resolutions"]:
                    h = self._attention(f"input_blocks.{len(maps)}.1", h, config["num_heads"])
                maps.append(h)
            if level + 1 < len(config["channel_mult"]):
                maps.append(self._change(f"input_blocks.{len(maps)}.0", maps[-1], up=False))
        h = self._attention("middle_block.1", self._block("middle_block.0", maps[-1]), config["num_heads"])
        return [*maps, self._block("middle_block.2", h)]

    def _change(self, name: str, h: Tensor, *, up: bool) -> Tensor:
        if self.config["resblock_updown"]:
            return self._block(name, h, resize=_double if up else _halve)
        if not self.config["conv_resample"]:
            return _double(h) if up else _halve(h)
        return self._conv(f"{name}.conv", _double(h)) if up else self._conv(f"{name}.op", h, stride=2)

    def _block(self, name: str, x: Tensor, resize: Any = lambda h: h) -> Tensor:
        h = self._conv(f"{name}.in_layers.2", resize(F.silu(self._norm(f"{name}.in_layers.0", x))))
        told = self._linear(f"{name}.emb_layers.1", F.silu(self.told))[:, :, None, None]
        if self.config["use_scale_shift_norm"]:
            scale, shift = told.chunk(2, 1)
            h = self._norm(f"{name}.out_layers.0", h) * (1 + scale) + shift
        else:
            h = self._norm(f"{name}.out_layers.0", h + told)
        h = self._conv(f"{name}.out_layers.3", F.silu(h))
        x = resize(x)
        skip = f"{name}.skip_connection"
        return h + (self._conv(skip, x, padding=0) if f"{skip}.weight" in self.left else x)

    def _attention(self, name: str, x: Tensor, heads: int) -> Tensor:
        if self.config["num_head_channels"] != -1:
            heads = x.shape[1] // self.config["num_head_channels"]
        qkv = self._line(f"{name}.qkv", self._norm(f"{name}.norm", x).flatten(2))
        if not self.config["use_new_attention_order"]:
            # Query, key and value of one head lie together: bring those of all heads together.
            qkv = torch.cat([part for which in range(3) for part in qkv.chunk(3 * heads, 1)[which::3]], 1)
        return x + self._line(f"{name}.proj_out", _mix(*qkv.chunk(3, 1), heads)).view_as(x)

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        return self.left.pop(f"{name}.weight"), self.left.pop(f"{name}.bias")

    def _conv(self, name: str, x: Tensor, *, stride: int = 1, padding: int = 1) -> Tensor:
        return F.conv2d(x, *self._pair(name), stride=stride, padding=padding)

    def _line(self, name: str, x: Tensor) -> Tensor:
        return F.conv1d(x, *self._pair(name))

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, *self._pair(name))

    def _norm(self, name: str, x: Tensor) -> Tensor:
        return F.group_norm(x, 32, *self._pair(name))


def _mix(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Attention of each head for itself: three times (b, c, n) -> (b, c, n)."""
    mixed = []
    for q, k, v in zip(query.chunk(heads, 1), key.chunk(heads, 1), value.chunk(heads, 1), strict=True):
        weights = (q.transpose(1, 2) @ k / math.sqrt(q.shape[1])).softmax(2)
        mixed.append(v @ weights.transpose(1, 2))
    return torch.cat(mixed, 1)


def _double(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def _halve(x: Tensor) -> Tensor:
    return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4
