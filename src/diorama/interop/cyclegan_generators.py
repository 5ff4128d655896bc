"""CycleGAN's and pix2pix's generators in the layout of their authors' PyTorch code.

``ResnetGenerator`` is one sequence, ``model.N``; ``UnetGenerator`` holds each level inside the one before it,
``model.model.1.model.3.model…``. The tensors tell nearly all: whether values are dropped only in ``ResnetGenerator``,
and whether its blocks reflect or replicate at the border not at all. The published programs always reflect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diorama.interop.layout import Shapes, Table, refuse_below
from diorama.interop.plain_norms import NormName, WithPlainNorms, published_norm, told_norm
from diorama.interop.resnet_layers import (
    PaddingName,
    padding_taken,
    refuse_many,
    resnet_facts,
    told_of_whole,
    whole_table,
)
from diorama.networks.adversarial.cyclegan import CycleGANGeneratorConfig
from diorama.networks.adversarial.pix2pix import LEAST_HALVINGS, Pix2PixGeneratorConfig

PUBLISHER = "cyclegan"
_MOST_DOWNS, _MOST_BLOCKS = 24, 1000


@dataclass(frozen=True, kw_only=True)
class ResnetArguments:
    """Arguments of ``ResnetGenerator``.

    Args:
        input_nc: channels of the pictures that are given.
        output_nc: channels of the pictures that are drawn.
        ngf: width of the first map.
        norm: as the published commands name it.
        use_dropout: half of the values inside residual blocks are dropped in training.
        n_blocks: residual blocks.
        padding_type: of the residual blocks.
    """

    input_nc: int
    output_nc: int
    ngf: int = 64
    norm: NormName = "batch"
    use_dropout: bool = False
    n_blocks: int = 6
    padding_type: PaddingName = "reflect"


@dataclass(frozen=True, kw_only=True)
class UnetArguments:
    """Arguments of ``UnetGenerator``.

    Args:
        input_nc: channels of the pictures that are given.
        output_nc: channels of the pictures that are drawn.
        num_downs: halvings; fewer than five are five.
        use_dropout: half of the values behind the inner enlarging layers are dropped, in training and, by the published
            commands, when it draws. Where a config leaves it out nothing is dropped; without a config it has to be
            said, since no tensor tells.
        ngf: width of the first map.
        norm: as the published commands name it.
    """

    input_nc: int
    output_nc: int
    num_downs: int
    use_dropout: bool
    ngf: int = 64
    norm: NormName = "batch"


@dataclass(frozen=True, kw_only=True, eq=False)
class ResnetLayout(WithPlainNorms[ResnetArguments, CycleGANGeneratorConfig]):
    """``ResnetGenerator``: two halvings."""

    arguments = ResnetArguments
    config = CycleGANGeneratorConfig

    def recognises(self, shapes: Shapes, published: Mapping[str, Any]) -> bool:
        # pix2pixHD's generator may have the same tensors, but its convolutions have biases before batch norm too.
        facts = resnet_facts(shapes, "model")
        others = "n_downsampling" in published or {"model.1.bias", "model.2.weight"} <= shapes.keys()
        return super().recognises(shapes, published) and facts is not None and facts.halvings == 2 and not others

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        facts = resnet_facts(shapes, "model")
        if facts is None:
            return {}
        return {**told_of_whole(shapes, facts), "use_dropout": facts.dropout}

    def taken(self, arguments: ResnetArguments, given: Mapping[str, Any]) -> tuple[str, ...]:
        return padding_taken(arguments.padding_type, arguments.n_blocks, given)

    def to_ours(self, arguments: ResnetArguments) -> CycleGANGeneratorConfig:
        refuse_below(arguments, 1, "input_nc", "output_nc", "ngf")
        refuse_below(arguments, 0, "n_blocks")
        refuse_many([("n_blocks", arguments.n_blocks)], _MOST_BLOCKS)
        return CycleGANGeneratorConfig(
            inputs=arguments.input_nc,
            outputs=arguments.output_nc,
            width=arguments.ngf,
            blocks=arguments.n_blocks,
            norm=arguments.norm,
            padding=arguments.padding_type,
            dropout=arguments.use_dropout,
        )

    def to_published(self, config: CycleGANGeneratorConfig) -> ResnetArguments:
        return ResnetArguments(
            input_nc=config.inputs,
            output_nc=config.outputs,
            ngf=config.width,
            norm=published_norm(config.norm),
            use_dropout=config.dropout,
            n_blocks=config.blocks,
            padding_type=config.padding,
        )

    def table(self, config: CycleGANGeneratorConfig) -> Table:
        return whole_table(config.halvings, config.blocks, config.layers)


@dataclass(frozen=True, kw_only=True, eq=False)
class UnetLayout(WithPlainNorms[UnetArguments, Pix2PixGeneratorConfig]):
    """``UnetGenerator``: the outermost level has no norms, the innermost one has a norm where it enlarges only."""

    arguments = UnetArguments
    config = Pix2PixGeneratorConfig
    config_hint = ', such as {"norm": "batch", "use_dropout": true}'

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first, last = shapes.get("model.model.0.weight"), shapes.get("model.model.3.weight")
        if first is None or last is None:
            return {}
        downs = 1
        while downs < _MOST_DOWNS and f"{_level(downs)}.1.weight" in shapes:
            downs += 1
        norm = told_norm(shapes, "model.model.0.bias", f"{_level(1)}.2.weight")
        told = {"input_nc": first[1], "ngf": first[0], "output_nc": last[1], "num_downs": downs, "norm": norm}
        # With five levels there is none that drops; a config that says nothing of it says what the class takes.
        return told | ({"use_dropout": False} if given or downs == LEAST_HALVINGS else {})

    def to_ours(self, arguments: UnetArguments) -> Pix2PixGeneratorConfig:
        refuse_below(arguments, 1, "input_nc", "output_nc", "ngf", "num_downs")
        refuse_many([("num_downs", arguments.num_downs)], _MOST_DOWNS)
        return Pix2PixGeneratorConfig(
            inputs=arguments.input_nc,
            outputs=arguments.output_nc,
            width=arguments.ngf,
            halvings=max(arguments.num_downs, LEAST_HALVINGS),
            norm=arguments.norm,
            dropout=arguments.use_dropout,
        )

    def to_published(self, config: Pix2PixGeneratorConfig) -> UnetArguments:
        return UnetArguments(
            input_nc=config.inputs,
            output_nc=config.outputs,
            num_downs=config.halvings,
            use_dropout=config.dropout,
            ngf=config.width,
            norm=published_norm(config.norm),
        )

    def table(self, config: Pix2PixGeneratorConfig) -> Table:
        rows = {"downs.0.conv": "model.model.0", "ups.0.conv": "model.model.3"}
        last = config.halvings - 1
        for level in range(1, last + 1):
            place, up = _level(level), 3 if level == last else 5
            rows |= {f"downs.{level}.conv": f"{place}.1", f"downs.{level}.norm": f"{place}.2"}
            rows |= {f"ups.{level}.conv": f"{place}.{up}", f"ups.{level}.norm": f"{place}.{up + 1}"}
        return rows


def _level(level: int) -> str:
    """Where the layers of a level lie: each level inside the one before, behind its halving layers."""
    return "model.model" + ".1.model" * min(level, 1) + ".3.model" * (level - 1)


RESNET = ResnetLayout(
    publisher=PUBLISHER,
    network="ResnetGenerator",
    role="picture",
    telltale={"model.1.weight": 4, "model.4.weight": 4},
    absent=("model1_1",),
)
UNET = UnetLayout(
    publisher=PUBLISHER,
    network="UnetGenerator",
    role="picture",
    telltale={"model.model.0.weight": 4, "model.model.3.weight": 4, f"{_level(1)}.1.weight": 4},
)
LAYOUTS = (RESNET, UNET)
