"""The network of EDM2 walked through by its published tensors alone: figure 21 of arXiv:2312.02696."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def walk(config: Mapping[str, Any], tensors: Mapping[str, Tensor], x: Tensor, t: Tensor, rows: Tensor | None) -> Tensor:
    """What the published network puts out in evaluation.

    Args:
        config: all its arguments.
        tensors: by name.
        x: (b, c, h, w).
        t: (b,).
        rows: (b, label_dim), or ``None`` where there are no labels.
    """
    waves = (t.outer(tensors["emb_fourier.freqs"]) + tensors["emb_fourier.phases"]).cos() * math.sqrt(2)
    emb = _layer(waves, tensors["emb_noise.weight"])
    if rows is not None:
        named = _layer(rows * math.sqrt(rows.shape[1]), tensors["emb_label.weight"])
        emb = _sum(emb, named, config["label_balance"])
    emb = _silu(emb)
    levels, size = len(config["channel_mult"]), config["img_resolution"]
    sides = [size >> level for level in range(levels)]
    x = _layer(torch.cat([x, torch.ones_like(x[:, :1])], 1), tensors[f"enc.{size}x{size}_conv.weight"])
    skips = [x]
    for level, side in enumerate(sides):
        for name in ["down"] * (level > 0) + [f"block{i}" for i in range(config["num_blocks"])]:
            x = _block(config, tensors, f"enc.{side}x{side}_{name}", x, emb)
            skips.append(x)
    for level, side in reversed(list(enumerate(sides))):
        for name in ["in0", "in1"] if level == levels - 1 else ["up"]:
            x = _block(config, tensors, f"dec.{side}x{side}_{name}", x, emb)
        for i in range(config["num_blocks"] + 1):
            x = _block(config, tensors, f"dec.{side}x{side}_block{i}", _cat(x, skips.pop(), config), emb)
    return _layer(x, tensors["out_conv.weight"]) * tensors["out_gain"]


def _block(config: Mapping[str, Any], tensors: Mapping[str, Tensor], place: str, x: Tensor, emb: Tensor) -> Tensor:
    own = {name.removeprefix(f"{place}."): tensor for name, tensor in tensors.items() if name.startswith(f"{place}.")}
    taps = torch.tensor(config["resample_filter"]) / sum(config["resample_filter"])
    kernel = taps.outer(taps).expand(x.shape[1], 1, len(taps), len(taps))
    if place.endswith("_down"):
        x = F.conv2d(x, kernel, stride=2, padding=(len(taps) - 1) // 2, groups=x.shape[1])
    if place.endswith("_up"):
        x = F.conv_transpose2d(x, 4 * kernel, stride=2, padding=(len(taps) - 1) // 2, groups=x.shape[1])
    skip = own.get("conv_skip.weight")
    if place.startswith("enc"):
        x = x if skip is None else _layer(x, skip)
        x = x / (x.square().mean(1, keepdim=True).sqrt() + 1e-4)
    y = _layer(_silu(x), own["conv_res0.weight"])
    y = y * (1 + own["emb_gain"] * _layer(emb, own["emb_linear.weight"]))[:, :, None, None]
    y = _layer(_silu(y), own["conv_res1.weight"])
    if place.startswith("dec") and skip is not None:
        x = _layer(x, skip)
    x = _sum(x, y, config["res_balance"])
    if "attn_qkv.weight" in own:
        b, c, h, w = x.shape
        heads = c // config["channels_per_head"]
        qkv = _layer(x, own["attn_qkv.weight"]).reshape(b, heads, c // heads, 3, h * w)
        q, k, v = (qkv / (qkv.square().mean(2, keepdim=True).sqrt() + 1e-4)).unbind(3)
        share = torch.softmax(q.transpose(2, 3) @ k / math.sqrt(c // heads), 3)  # (b, heads, query, key)
        mixed = (v @ share.transpose(2, 3)).reshape(b, c, h, w)
        x = _sum(x, _layer(mixed, own["attn_proj.weight"]), config["attn_balance"])
    return x if config["clip_act"] is None else x.clamp(-config["clip_act"], config["clip_act"])


def _layer(x: Tensor, weight: Tensor) -> Tensor:
    flat = weight.flatten(1)
    unit = flat / (flat.square().mean(1, keepdim=True).sqrt() + 1e-4) / math.sqrt(flat.shape[1])
    if weight.dim() == 2:
        return x @ unit.T
    return F.conv2d(x, unit.reshape(weight.shape), padding=weight.shape[-1] // 2)


def _silu(x: Tensor) -> Tensor:
    return x * x.sigmoid() / 0.596


def _sum(a: Tensor, b: Tensor, t: float) -> Tensor:
    return ((1 - t) * a + t * b) / np.hypot(1 - t, t)


def _cat(a: Tensor, b: Tensor, config: Mapping[str, Any]) -> Tensor:
    t, c, d = config["concat_balance"], a.shape[1], b.shape[1]
    scale = math.sqrt((c + d) / ((1 - t) ** 2 + t**2))
    return torch.cat([a * scale * (1 - t) / math.sqrt(c), b * scale * t / math.sqrt(d)], 1)
