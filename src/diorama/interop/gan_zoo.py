"""Progressive GAN in the layout of pytorch_GAN_zoo: ``GNet`` and ``DNet``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.layout import Arguments, Config, Layout, Shapes, Table, refuse_below
from diorama.networks.adversarial.progressive import (
    ProgressiveDiscriminatorConfig,
    ProgressiveGeneratorConfig,
    reached_scale,
)

PUBLISHER = "gan-zoo"
_FADES_FROM = 2
"""The published discriminator fades in no scale before this one."""


@dataclass(frozen=True, kw_only=True)
class GeneratorArguments:
    """Arguments of ``GNet``, and the scales that were added to it.

    Args:
        dimLatent: length of the latent vector.
        depthScale0: width of the coarsest scale.
        addScale: widths of the scales that were added, in their order.
        dimOutput: channels of the pictures.
        leakyReluLeak: slope below zero.
        equalizedlR: constants multiply what layers return.
        normalization: always on: without it the published class cannot be called.
        generationActivation: of the pictures' values: none or ``tanh``; the published class takes a function here.
        initBiasToZero: of training.
        alpha: share of the scale before, which says how samples are drawn and is no part of the network.
    """

    dimLatent: int  # noqa: N815
    depthScale0: int  # noqa: N815
    addScale: tuple[int, ...] = ()  # noqa: N815
    dimOutput: int = 3  # noqa: N815
    leakyReluLeak: float = 0.2  # noqa: N815
    equalizedlR: bool = True  # noqa: N815
    normalization: bool = True
    generationActivation: str | None = None  # noqa: N815
    initBiasToZero: bool = True  # noqa: N815
    alpha: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DiscriminatorArguments:
    """Arguments of ``DNet``, and the scales that were added to it.

    Args:
        depthScale0: width of the coarsest scale.
        addScale: widths of the scales that were added, in their order.
        sizeDecisionLayer: logits of each picture.
        miniBatchNormalization: how far samples differ is one more map of the coarsest scale.
        dimInput: channels of the pictures.
        leakyReluLeak: slope below zero.
        equalizedlR: constants multiply what layers return.
        initBiasToZero: of training.
        alpha: share of the scale before, which says how pictures are judged and is no part of the network.
    """

    depthScale0: int  # noqa: N815
    addScale: tuple[int, ...] = ()  # noqa: N815
    sizeDecisionLayer: int = 1  # noqa: N815
    miniBatchNormalization: bool = False  # noqa: N815
    dimInput: int = 3  # noqa: N815
    leakyReluLeak: float = 0.2  # noqa: N815
    equalizedlR: bool = True  # noqa: N815
    initBiasToZero: bool = True  # noqa: N815
    alpha: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class _OfOneSize(Layout[Arguments, Config]):
    """The published classes have the scales that were added; of a network that grows they are all, once it has."""

    def export_state(self, config: Config, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :meth:`Layout.export_state`.

        Raises:
            BadInput: the network is still growing.
        """
        if isinstance(config, ProgressiveGeneratorConfig | ProgressiveDiscriminatorConfig) and config.grows:
            reached, last = float(reached_scale(state["grown"])), len(config.widths) - 1
            if reached < last:
                raise BadInput(f"grown: scale {reached:g} of {last} has been reached; train it until it has grown")
            config = replace(config, grows=False)
        return super().export_state(config, state)

    def notes(self, config: Config) -> tuple[str, ...]:
        return ("it comes back as a network that has grown",) if getattr(config, "grows", False) else ()


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorLayout(_OfOneSize[GeneratorArguments, ProgressiveGeneratorConfig]):
    """``GNet``."""

    arguments = GeneratorArguments
    config = ProgressiveGeneratorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first, coarsest = shapes.get("formatLayer.module.weight"), shapes.get("groupScale0.0.module.weight")
        colour = shapes.get("toRGBLayers.0.module.weight")
        if first is None or coarsest is None or colour is None:
            return {}
        added = _added(shapes, 1, 0)
        return {"dimLatent": first[1], "depthScale0": coarsest[0], "addScale": added, "dimOutput": colour[0]}

    def to_ours(self, arguments: GeneratorArguments) -> ProgressiveGeneratorConfig:
        refuse_below(arguments, 1, "dimLatent", "depthScale0", "addScale", "dimOutput")
        if not arguments.normalization:
            raise BadInput("normalization: without it the published class cannot be called")
        return ProgressiveGeneratorConfig(
            widths=(arguments.depthScale0, *arguments.addScale),
            channels=arguments.dimOutput,
            latent=arguments.dimLatent,
            slope=arguments.leakyReluLeak,
            equalized=arguments.equalizedlR,
            limit=_limit(arguments.generationActivation),
        )

    def to_published(self, config: ProgressiveGeneratorConfig) -> GeneratorArguments:
        return GeneratorArguments(
            dimLatent=config.latent,
            depthScale0=config.widths[0],
            addScale=config.widths[1:],
            dimOutput=config.channels,
            leakyReluLeak=config.slope,
            equalizedlR=config.equalized,
            generationActivation=None if config.limit == "none" else config.limit,
        )

    def table(self, config: ProgressiveGeneratorConfig) -> Table:
        rows = {"first.layer": "formatLayer.module", "coarsest.layer": "groupScale0.0.module"}
        return rows | _scales(len(config.widths), "toRGBLayers")


@dataclass(frozen=True, kw_only=True, eq=False)
class DiscriminatorLayout(_OfOneSize[DiscriminatorArguments, ProgressiveDiscriminatorConfig]):
    """``DNet``."""

    arguments = DiscriminatorArguments
    config = ProgressiveDiscriminatorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        coarsest, last = shapes.get("groupScaleZero.0.module.weight"), shapes.get("decisionLayer.module.weight")
        colour = shapes.get("fromRGBLayers.0.module.weight")
        if coarsest is None or last is None or colour is None:
            return {}
        told = {"depthScale0": coarsest[0], "miniBatchNormalization": coarsest[1] > coarsest[0]}
        return told | {"addScale": _added(shapes, 0, 1), "sizeDecisionLayer": last[0], "dimInput": colour[1]}

    def to_ours(self, arguments: DiscriminatorArguments) -> ProgressiveDiscriminatorConfig:
        refuse_below(arguments, 1, "depthScale0", "addScale", "sizeDecisionLayer", "dimInput")
        return ProgressiveDiscriminatorConfig(
            widths=(arguments.depthScale0, *arguments.addScale),
            channels=arguments.dimInput,
            outputs=arguments.sizeDecisionLayer,
            deviation=arguments.miniBatchNormalization,
            slope=arguments.leakyReluLeak,
            equalized=arguments.equalizedlR,
            fades_from=_FADES_FROM,
        )

    def to_published(self, config: ProgressiveDiscriminatorConfig) -> DiscriminatorArguments:
        return DiscriminatorArguments(
            depthScale0=config.widths[0],
            addScale=config.widths[1:],
            sizeDecisionLayer=config.outputs,
            miniBatchNormalization=config.deviation,
            dimInput=config.channels,
            leakyReluLeak=config.slope,
            equalizedlR=config.equalized,
        )

    def notes(self, config: ProgressiveDiscriminatorConfig) -> tuple[str, ...]:
        notes = super().notes(config)
        if config.fades_from == _FADES_FROM:
            return notes
        said = f"the published class fades in scales from {_FADES_FROM} on, this network from {config.fades_from}"
        return (*notes, said)

    def table(self, config: ProgressiveDiscriminatorConfig) -> Table:
        rows = {"coarsest.layer": "groupScaleZero.0.module", "last.layer": "groupScaleZero.1.module"}
        return rows | {"head.layer": "decisionLayer.module"} | _scales(len(config.widths), "fromRGBLayers")


def _limit(activation: str | None) -> Literal["none", "tanh"]:
    """What a function's name in a config says: ``tanh``, also as ``torch.tanh`` or ``nn.Tanh()``."""
    if activation is None:
        return "none"
    if activation.removesuffix("()").rpartition(".")[2].lower() != "tanh":
        raise BadInput(f"generationActivation: must be null or 'tanh', got {activation!r}")
    return "tanh"


def _added(shapes: Shapes, conv: int, axis: int) -> tuple[int, ...]:
    """Widths of the scales that were added: an axis of one convolution of each."""
    widths: list[int] = []
    while (shape := shapes.get(f"scaleLayers.{len(widths)}.{conv}.module.weight")) is not None:
        widths.append(shape[axis])
    return tuple(widths)


def _scales(count: int, colours: str) -> dict[str, str]:
    rows = {f"colours.{scale}.layer": f"{colours}.{scale}.module" for scale in range(count)}
    for scale in range(count - 1):
        rows |= {f"scales.{scale}.{conv}.layer": f"scaleLayers.{scale}.{conv}.module" for conv in (0, 1)}
    return rows


GENERATOR = GeneratorLayout(
    publisher=PUBLISHER,
    network="GNet",
    role="generator",
    telltale={"formatLayer.module.weight": 2, "groupScale0.0.module.weight": 4, "toRGBLayers.0.module.weight": 4},
)
DISCRIMINATOR = DiscriminatorLayout(
    publisher=PUBLISHER,
    network="DNet",
    role="discriminator",
    telltale={
        "decisionLayer.module.weight": 2,
        "groupScaleZero.0.module.weight": 4,
        "fromRGBLayers.0.module.weight": 4,
    },
)
LAYOUTS = (GENERATOR, DISCRIMINATOR)
