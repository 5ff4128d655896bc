"""RRDBNet in the layouts of ESRGAN's own repository: of 2018 (``model.N``) and of 2019 (``RRDB_trunk``)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from diorama.core.errors import BadInput
from diorama.interop.layout import Layout, Shapes, Table, numbered, refuse_above, refuse_below
from diorama.interop.rrdbnet_table import MOST_BLOCKS, X4, body_table, only_plain
from diorama.networks.adversarial.rrdbnet import Activation, RRDBNetConfig

PUBLISHER, PUBLISHER_2018 = "esrgan", "esrgan-2018"
_ACTIVATIONS: Mapping[str, Activation] = {"leakyrelu": "leaky_relu", "relu": "relu", "prelu": "prelu"}
_FIRST_STAGE, _STAGE = 2, 3
"""Place of the first stage in the row of modules, and how many places each takes."""


@dataclass(frozen=True, kw_only=True)
class Arguments2018:
    """Arguments of ``RRDB_Net``.

    Args:
        in_nc: channels of small pictures.
        out_nc: channels of large ones.
        nf: width.
        nb: blocks.
        gc: maps that a layer adds.
        upscale: 3, or a power of two; of others the power below.
        norm_type: norm of the body.
        act_type: non-linearity.
        mode: order of convolution, norm and non-linearity in the body's last layer, which counts where it has a norm.
        res_scale: not read by the published class.
        upsample_mode: how stages enlarge.
    """

    in_nc: int
    out_nc: int
    nf: int
    nb: int
    gc: int = 32
    upscale: int
    norm_type: Literal["batch", "instance"] | None = None
    act_type: Literal["leakyrelu", "relu", "prelu"] = "leakyrelu"
    mode: Literal["CNA", "NAC", "CNAC"] = "CNA"
    res_scale: float = 1
    upsample_mode: Literal["upconv", "pixelshuffle"] = "upconv"


@dataclass(frozen=True, kw_only=True)
class Arguments2019:
    """Arguments of ``RRDBNet``, which enlarges four times.

    Args:
        in_nc: channels of small pictures.
        out_nc: channels of large ones.
        nf: width.
        nb: blocks.
        gc: maps that a layer adds.
    """

    in_nc: int
    out_nc: int
    nf: int
    nb: int
    gc: int = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout2018(Layout[Arguments2018, RRDBNetConfig]):
    """``RRDB_Net``: one row of modules in which every one counts, with tensors or without."""

    arguments = Arguments2018
    config = RRDBNetConfig
    config_hint = ', such as {"upscale": 2}: one stage of repeated pixels may enlarge twice or three times'

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        places = sorted(_place(name) for name, shape in shapes.items() if _place(name) >= 0 and len(shape) == 4)
        growth = shapes.get("model.1.sub.0.RDB1.conv1.0.weight")
        if len(places) < 3 or not growth:
            return {}
        width, channels = shapes["model.0.weight"][:2]
        stages = places[1:-2]
        shuffle = bool(stages) and stages[0] == _FIRST_STAGE
        told: dict[str, Any] = {
            "in_nc": channels,
            "out_nc": shapes[f"model.{places[-1]}.weight"][0],
            "nf": width,
            "nb": numbered(shapes, "model.1.sub.{}.RDB1.conv1.0.weight"),
            "gc": growth[0],
            "upsample_mode": "pixelshuffle" if shuffle else "upconv",
        }
        if shuffle and len(stages) == 1:
            told["upscale"] = math.isqrt(shapes[f"model.{stages[0]}.weight"][0] // max(1, width))
        elif len(stages) != 1:
            told["upscale"] = 1 << len(stages)
        return told | _norm_and_slope(shapes)

    def to_ours(self, arguments: Arguments2018) -> RRDBNetConfig:
        refuse_below(arguments, 1, "in_nc", "out_nc", "nf", "nb", "gc", "upscale")
        refuse_above(arguments, MOST_BLOCKS, "nb", "upscale")
        if arguments.mode == "NAC" and arguments.norm_type is not None:
            raise BadInput("mode: NAC puts a norm before the last convolution of the body, which is not built here")
        return RRDBNetConfig(
            inputs=arguments.in_nc,
            outputs=arguments.out_nc,
            features=arguments.nf,
            growth=arguments.gc,
            blocks=arguments.nb,
            stages=(3,) if arguments.upscale == 3 else (2,) * (arguments.upscale.bit_length() - 1),
            shuffle=arguments.upsample_mode == "pixelshuffle",
            norm=arguments.norm_type,
            activation=_ACTIVATIONS[arguments.act_type],
        )

    def to_published(self, config: RRDBNetConfig) -> Arguments2018:
        if config.unshuffle != 1:
            raise BadInput(f"unshuffle: is 1 in the published {self.network}, and {config.unshuffle} in this network")
        if config.stages != (3,) and set(config.stages) - {2}:
            raise BadInput(f"stages: are one of 3 or several of 2 in the published {self.network}")
        words: dict[str, Literal["leakyrelu", "relu", "prelu"]] = {
            "leaky_relu": "leakyrelu", "relu": "relu", "prelu": "prelu",
        }  # fmt: skip
        return Arguments2018(
            in_nc=config.inputs,
            out_nc=config.outputs,
            nf=config.features,
            nb=config.blocks,
            gc=config.growth,
            upscale=config.scale,
            norm_type=config.norm,
            act_type=words[config.activation],
            upsample_mode="pixelshuffle" if config.shuffle else "upconv",
        )

    def table(self, config: RRDBNetConfig) -> Table:
        rows = {"first": "model.0"}
        behind = 2 if config.norm else 1
        for ours, theirs in body_table(config, "model.1.sub.{block}.RDB{dense}.conv{layer}").items():
            layer = ours.removesuffix(".conv")
            rows |= {ours: f"{theirs}.0", f"{layer}.norm": f"{theirs}.1", f"{layer}.activation": f"{theirs}.{behind}"}
        rows |= {"trunk.conv": f"model.1.sub.{config.blocks}", "trunk.norm": f"model.1.sub.{config.blocks + 1}"}
        place = _FIRST_STAGE
        for stage in range(len(config.stages)):
            # Pixels are repeated before the convolution, or laid out behind it.
            rows[f"stages.{stage}.conv"] = f"model.{place if config.shuffle else place + 1}"
            rows[f"stages.{stage}.activation"] = f"model.{place + 2}"
            place += _STAGE
        return rows | {"high.conv": f"model.{place}", "high.activation": f"model.{place + 1}",
                       "last": f"model.{place + 2}"}  # fmt: skip


def _norm_and_slope(shapes: Shapes) -> dict[str, Any]:
    """What lies behind the first convolution of the body tells its norm and its non-linearity, if it has tensors."""
    layer = "model.1.sub.0.RDB1.conv1"
    batch, behind_norm = f"{layer}.1.running_mean" in shapes, f"{layer}.2.weight" in shapes
    # An instance norm has no tensors, but takes the place before the slope.
    norm = "batch" if batch else "instance" if behind_norm else None
    slope = f"{layer}.{1 if norm is None else 2}.weight" in shapes
    return {"norm_type": norm, "act_type": "prelu" if slope else "leakyrelu"}


def _place(name: str) -> int:
    """Which module of the row a weight belongs to; -1 for others."""
    parts = name.split(".")
    plain = len(parts) == 3 and parts[0] == "model" and parts[2] == "weight" and parts[1].isdecimal()
    return int(parts[1]) if plain and len(parts[1]) < 4 else -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout2019(Layout[Arguments2019, RRDBNetConfig]):
    """``RRDBNet`` of ``RRDBNet_arch.py``."""

    arguments = Arguments2019
    config = RRDBNetConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first, last = shapes.get("conv_first.weight"), shapes.get("conv_last.weight")
        growth = shapes.get("RRDB_trunk.0.RDB1.conv1.weight")
        if not first or not last or not growth:
            return {}
        blocks = numbered(shapes, "RRDB_trunk.{}.RDB1.conv1.weight")
        return {"in_nc": first[1], "out_nc": last[0], "nf": first[0], "nb": blocks, "gc": growth[0]}

    def to_ours(self, arguments: Arguments2019) -> RRDBNetConfig:
        refuse_below(arguments, 1, "in_nc", "out_nc", "nf", "nb", "gc")
        refuse_above(arguments, MOST_BLOCKS, "nb")
        return RRDBNetConfig(
            inputs=arguments.in_nc,
            outputs=arguments.out_nc,
            features=arguments.nf,
            growth=arguments.gc,
            blocks=arguments.nb,
        )

    def to_published(self, config: RRDBNetConfig) -> Arguments2019:
        only_plain(config, self.network)
        if config.unshuffle != 1:
            raise BadInput(f"unshuffle: is 1 in the published {self.network}, and {config.unshuffle} in this network")
        return Arguments2019(
            in_nc=config.inputs, out_nc=config.outputs, nf=config.features, nb=config.blocks, gc=config.growth
        )

    def table(self, config: RRDBNetConfig) -> Table:
        rows = {"first": "conv_first", "trunk.conv": "trunk_conv", "high.conv": "HRconv", "last": "conv_last"}
        rows |= {f"stages.{i}.conv": f"upconv{i + 1}" for i in range(len(X4))}
        return rows | body_table(config, "RRDB_trunk.{block}.RDB{dense}.conv{layer}")


RRDB_2018 = Layout2018(
    publisher=PUBLISHER_2018,
    network="RRDB_Net",
    role="picture",
    telltale={"model.0.weight": 4, "model.1.sub.0.RDB1.conv1.0.weight": 4},
)
RRDB_2019 = Layout2019(
    publisher=PUBLISHER,
    network="RRDBNet",
    role="picture",
    telltale={"conv_first.weight": 4, "RRDB_trunk.0.RDB1.conv1.weight": 4, "HRconv.weight": 4},
)
