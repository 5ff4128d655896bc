"""Networks of super-resolution in the layouts of BasicSR and Real-ESRGAN, whose files nest them under ``params_ema`` or
``params``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from diorama.core.errors import BadInput
from diorama.interop.basicsr_arguments import (
    CompactArguments,
    RRDBNetArguments,
    SRResNetArguments,
    UNetDiscriminatorArguments,
    VGGDiscriminatorArguments,
)
from diorama.interop.layout import Layout, Shapes, Table, numbered, refuse_above, refuse_below
from diorama.interop.rrdbnet_table import MOST_BLOCKS, X4, body_table, only_plain
from diorama.networks.adversarial.esrgan_discriminators import (
    LEVELS,
    UNetDiscriminatorConfig,
    VGGDiscriminatorConfig,
)
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from diorama.networks.adversarial.srresnet import STAGES, SRResNetConfig
from diorama.networks.adversarial.srvgg import Activation, SRVGGNetConfig

PUBLISHER = "basicsr"
_UNSHUFFLE: Mapping[int, Literal[2, 4]] = {2: 2, 1: 4}
"""Scale -> by how much pixels become channels; of all others by nothing."""
_FOUR_TIMES = 4
_ACTIVATIONS: Mapping[str, Activation] = {"prelu": "prelu", "relu": "relu", "leakyrelu": "leaky_relu"}


@dataclass(frozen=True, kw_only=True, eq=False)
class RRDBNetLayout(Layout[RRDBNetArguments, RRDBNetConfig]):
    """``RRDBNet``: the network enlarges four times, what it is given may have been shrunk into channels."""

    arguments = RRDBNetArguments
    config = RRDBNetConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first, last = shapes.get("conv_first.weight"), shapes.get("conv_last.weight")
        growth = shapes.get("body.0.rdb1.conv1.weight")
        if not first or not last or not growth:
            return {}
        told = {
            "num_out_ch": last[0],
            "num_feat": first[0],
            "num_block": numbered(shapes, "body.{}.rdb1.conv1.weight"),
            "num_grow_ch": growth[0],
        }
        if (scale := _number(given, "scale")) is not None:
            return told | {"num_in_ch": first[1] // _UNSHUFFLE.get(scale, 1) ** 2}
        # That 12 maps are 4 pixels of 3 channels no tensor tells: where nothing is said, small pictures have the
        # channels of large ones if they can.
        channels = _number(given, "num_in_ch") or last[0]
        scale = next((scale for scale, side in _UNSHUFFLE.items() if first[1] == channels * side**2), _FOUR_TIMES)
        return told | {"scale": scale, "num_in_ch": first[1] // _UNSHUFFLE.get(scale, 1) ** 2}

    def to_ours(self, arguments: RRDBNetArguments) -> RRDBNetConfig:
        refuse_below(arguments, 1, "num_in_ch", "num_out_ch", "scale", "num_feat", "num_block", "num_grow_ch")
        refuse_above(arguments, MOST_BLOCKS, "num_block")
        return RRDBNetConfig(
            inputs=arguments.num_in_ch,
            outputs=arguments.num_out_ch,
            features=arguments.num_feat,
            growth=arguments.num_grow_ch,
            blocks=arguments.num_block,
            unshuffle=_UNSHUFFLE.get(arguments.scale, 1),
        )

    def to_published(self, config: RRDBNetConfig) -> RRDBNetArguments:
        only_plain(config, self.network)
        return RRDBNetArguments(
            num_in_ch=config.inputs,
            num_out_ch=config.outputs,
            scale=config.scale,
            num_feat=config.features,
            num_block=config.blocks,
            num_grow_ch=config.growth,
        )

    def table(self, config: RRDBNetConfig) -> Table:
        rows = {"first": "conv_first", "trunk.conv": "conv_body", "high.conv": "conv_hr", "last": "conv_last"}
        rows |= {f"stages.{i}.conv": f"conv_up{i + 1}" for i in range(len(X4))}
        return rows | body_table(config, "body.{block}.rdb{dense}.conv{layer}")


@dataclass(frozen=True, kw_only=True, eq=False)
class CompactLayout(Layout[CompactArguments, SRVGGNetConfig]):
    """``SRVGGNetCompact``: convolutions and slopes in turn."""

    arguments = CompactArguments
    config = SRVGGNetConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first = shapes.get("body.0.weight")
        convolutions = [name for name, shape in shapes.items() if name.startswith("body.") and len(shape) == 4]
        if not first or len(convolutions) < 2:
            return {}
        last = shapes.get(f"body.{2 * len(convolutions) - 2}.weight", (0,))[0]
        outputs, upscale = _outputs(last, first[1], given)
        return {
            "num_in_ch": first[1],
            "num_out_ch": outputs,
            "num_feat": first[0],
            "num_conv": len(convolutions) - 2,
            "upscale": upscale,
            "act_type": "prelu" if "body.1.weight" in shapes else "leakyrelu",
        }

    def to_ours(self, arguments: CompactArguments) -> SRVGGNetConfig:
        refuse_below(arguments, 1, "num_in_ch", "num_out_ch", "num_feat", "upscale")
        refuse_below(arguments, 0, "num_conv")
        refuse_above(arguments, MOST_BLOCKS, "num_conv")
        return SRVGGNetConfig(
            inputs=arguments.num_in_ch,
            outputs=arguments.num_out_ch,
            features=arguments.num_feat,
            convolutions=arguments.num_conv,
            factor=arguments.upscale,
            activation=_ACTIVATIONS[arguments.act_type],
        )

    def to_published(self, config: SRVGGNetConfig) -> CompactArguments:
        words: dict[str, Literal["prelu", "relu", "leakyrelu"]] = {
            "prelu": "prelu", "relu": "relu", "leaky_relu": "leakyrelu",
        }  # fmt: skip
        return CompactArguments(
            num_in_ch=config.inputs,
            num_out_ch=config.outputs,
            num_feat=config.features,
            num_conv=config.convolutions,
            upscale=config.factor,
            act_type=words[config.activation],
        )

    def table(self, config: SRVGGNetConfig) -> Table:
        return {}


def _outputs(maps: int, inputs: int, given: Mapping[str, Any]) -> tuple[int, int]:
    """Channels and factor of which so many last maps are made: the channels of the input if they can be, else 3."""
    if upscale := _number(given, "upscale"):
        return maps // upscale**2, upscale
    channels = _number(given, "num_out_ch")
    for candidate in (inputs, 3) if channels is None else (channels,):
        factor = math.isqrt(maps // max(1, candidate))
        if candidate * factor**2 == maps:
            return candidate, factor
    return inputs, _FOUR_TIMES


def _number(given: Mapping[str, Any], name: str) -> int | None:
    """A whole number of a config, if it says that; what else it says is refused later, by name."""
    value = given.get(name)
    return value if isinstance(value, int) else None


@dataclass(frozen=True, kw_only=True, eq=False)
class SRResNetLayout(Layout[SRResNetArguments, SRResNetConfig]):
    """``MSRResNet``."""

    arguments = SRResNetArguments
    config = SRResNetConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first, last = shapes.get("conv_first.weight"), shapes.get("conv_last.weight")
        if not first or not last:
            return {}
        stage = shapes.get("upconv1.weight", first)
        upscale = 4 if "upconv2.weight" in shapes else math.isqrt(stage[0] // max(1, first[0]))
        blocks = numbered(shapes, "body.{}.conv1.weight")
        channels = {"num_in_ch": first[1], "num_out_ch": last[0]}
        return channels | {"num_feat": first[0], "num_block": blocks, "upscale": upscale}

    def to_ours(self, arguments: SRResNetArguments) -> SRResNetConfig:
        refuse_below(arguments, 1, "num_in_ch", "num_out_ch", "num_feat", "num_block")
        refuse_above(arguments, MOST_BLOCKS, "num_block")
        if arguments.upscale not in STAGES:
            raise BadInput(f"upscale: is one of {', '.join(map(str, STAGES))}, got {arguments.upscale}")
        return SRResNetConfig(
            inputs=arguments.num_in_ch,
            outputs=arguments.num_out_ch,
            features=arguments.num_feat,
            blocks=arguments.num_block,
            factor=arguments.upscale,  # type: ignore[arg-type]
        )

    def to_published(self, config: SRResNetConfig) -> SRResNetArguments:
        return SRResNetArguments(
            num_in_ch=config.inputs,
            num_out_ch=config.outputs,
            num_feat=config.features,
            num_block=config.blocks,
            upscale=config.factor,
        )

    def table(self, config: SRResNetConfig) -> Table:
        rows = {"first": "conv_first", "high": "conv_hr", "last": "conv_last"}
        return rows | {f"stages.{i}.conv": f"upconv{i + 1}" for i in range(len(STAGES[config.factor]))}


@dataclass(frozen=True, kw_only=True, eq=False)
class VGGDiscriminatorLayout(Layout[VGGDiscriminatorArguments, VGGDiscriminatorConfig]):
    """``VGGStyleDiscriminator``."""

    arguments = VGGDiscriminatorArguments
    config = VGGDiscriminatorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first = shapes.get("conv0_0.weight")
        side = 256 if "conv5_0.weight" in shapes else 128
        return {"num_in_ch": first[1], "num_feat": first[0], "input_size": side} if first else {}

    def to_ours(self, arguments: VGGDiscriminatorArguments) -> VGGDiscriminatorConfig:
        refuse_below(arguments, 1, "num_in_ch", "num_feat")
        if arguments.input_size not in LEVELS:
            raise BadInput(f"input_size: is one of {', '.join(map(str, LEVELS))}, got {arguments.input_size}")
        return VGGDiscriminatorConfig(
            channels=arguments.num_in_ch,
            features=arguments.num_feat,
            side=arguments.input_size,  # type: ignore[arg-type]
        )

    def to_published(self, config: VGGDiscriminatorConfig) -> VGGDiscriminatorArguments:
        return VGGDiscriminatorArguments(
            num_in_ch=config.channels, num_feat=config.features, input_size=config.side
        )  # fmt: skip

    def table(self, config: VGGDiscriminatorConfig) -> Table:
        rows = {"hidden": "linear1", "logit": "linear2"}
        for level in range(LEVELS[config.side]):
            for half in range(2):
                rows[f"levels.{level}.conv{half}"] = f"conv{level}_{half}"
                rows[f"levels.{level}.norm{half}"] = f"bn{level}_{half}"
        return rows


@dataclass(frozen=True, kw_only=True, eq=False)
class UNetDiscriminatorLayout(Layout[UNetDiscriminatorArguments, UNetDiscriminatorConfig]):
    """``UNetDiscriminatorSN``: PyTorch's spectral norm keeps both singular vectors beside the weight."""

    arguments = UNetDiscriminatorArguments
    config = UNetDiscriminatorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first = shapes.get("conv0.weight")
        return {"num_in_ch": first[1], "num_feat": first[0]} if first else {}

    def to_ours(self, arguments: UNetDiscriminatorArguments) -> UNetDiscriminatorConfig:
        refuse_below(arguments, 1, "num_in_ch", "num_feat")
        return UNetDiscriminatorConfig(
            channels=arguments.num_in_ch, features=arguments.num_feat, skips=arguments.skip_connection
        )

    def to_published(self, config: UNetDiscriminatorConfig) -> UNetDiscriminatorArguments:
        return UNetDiscriminatorArguments(
            num_in_ch=config.channels, num_feat=config.features, skip_connection=config.skips
        )

    def table(self, config: UNetDiscriminatorConfig) -> Table:
        inner = [*(f"down.{i}" for i in range(3)), *(f"up.{i}" for i in range(3)), *(f"late.{i}" for i in range(2))]
        rows = {"first": "conv0", "last": f"conv{len(inner) + 1}"}
        for number, ours in enumerate(inner, 1):
            rows |= {f"{ours}.weight": f"conv{number}.weight_orig"}
            rows |= {f"{ours}.left": f"conv{number}.weight_u", f"{ours}.right": f"conv{number}.weight_v"}
        return rows


RRDBNET = RRDBNetLayout(
    publisher=PUBLISHER,
    network="RRDBNet",
    role="picture",
    telltale={"conv_first.weight": 4, "body.0.rdb1.conv1.weight": 4, "conv_up2.weight": 4},
)
COMPACT = CompactLayout(
    publisher=PUBLISHER,
    network="SRVGGNetCompact",
    role="picture",
    telltale={"body.0.weight": 4, "body.2.weight": 4},
    absent=("conv",),
)
SRRESNET = SRResNetLayout(
    publisher=PUBLISHER,
    network="MSRResNet",
    role="picture",
    telltale={"conv_first.weight": 4, "body.0.conv1.weight": 4, "conv_hr.weight": 4},
)
VGG_DISCRIMINATOR = VGGDiscriminatorLayout(
    publisher=PUBLISHER,
    network="VGGStyleDiscriminator",
    role="discriminator",
    telltale={"conv0_0.weight": 4, "conv4_1.weight": 4, "linear1.weight": 2},
)
UNET_DISCRIMINATOR = UNetDiscriminatorLayout(
    publisher=PUBLISHER,
    network="UNetDiscriminatorSN",
    role="discriminator",
    telltale={"conv1.weight_orig": 4, "conv8.weight_u": 1, "conv9.weight": 4},
)
LAYOUTS = (RRDBNET, COMPACT, SRRESNET, VGG_DISCRIMINATOR, UNET_DISCRIMINATOR)
