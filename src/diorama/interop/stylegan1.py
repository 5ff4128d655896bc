"""StyleGAN in the layout of its widespread PyTorch port: ``generator.progression.3.conv2.conv.weight_orig``.

The published classes have nine levels and fixed widths. ``channel_plan`` stands for narrower ones: it says what stands
for each of the published widths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.layout import Constant, Layout, Shapes, Table, refuse_below
from diorama.networks.adversarial.stylegan1 import (
    COARSEST,
    FUSED_FROM,
    WIDTHS,
    StyleGAN1DiscriminatorConfig,
    StyleGAN1Generator,
    StyleGAN1GeneratorConfig,
    mixed,
)
from diorama.nn.fir import fir_filter

PUBLISHER = "stylegan1-pytorch"
_LEVELS = len(WIDTHS)


@dataclass(frozen=True, kw_only=True)
class GeneratorArguments:
    """Arguments of ``StyledGenerator``.

    Args:
        code_dim: length of the latent vector, and width of styles.
        n_mlp: layers of the mapping.
        channel_plan: of each published width, by its digits, the width that stands for it.
    """

    code_dim: int = 512
    n_mlp: int = 8
    channel_plan: Mapping[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class DiscriminatorArguments:
    """Arguments of ``Discriminator``.

    Args:
        fused: convolutions of the finest levels halve the resolution themselves.
        from_rgb_activate: a non-linearity follows what reads pictures.
        channel_plan: of each published width, by its digits, the width that stands for it.
    """

    fused: bool = True
    from_rgb_activate: bool = False
    channel_plan: Mapping[str, int] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorLayout(Layout[GeneratorArguments, StyleGAN1GeneratorConfig]):
    """``StyledGenerator``."""

    arguments = GeneratorArguments
    config = StyleGAN1GeneratorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first = shapes.get("style.1.linear.weight_orig")
        layers = sum(1 for name in shapes if name.startswith("style.") and name.endswith(".weight_orig"))
        widths = [shapes.get(f"generator.to_rgb.{i}.conv.weight_orig", (0, 0))[1] for i in range(_LEVELS)]
        return {"code_dim": first[0], "n_mlp": layers, "channel_plan": _plan(widths)} if first else {}

    def to_ours(self, arguments: GeneratorArguments) -> StyleGAN1GeneratorConfig:
        refuse_below(arguments, 1, "code_dim", "n_mlp")
        widths = _widths(arguments.channel_plan)
        return StyleGAN1GeneratorConfig(latent=arguments.code_dim, layers=arguments.n_mlp, widths=widths)

    def to_published(self, config: StyleGAN1GeneratorConfig) -> GeneratorArguments:
        _only_colour(config.channels, self.network)
        return GeneratorArguments(
            code_dim=config.latent, n_mlp=config.layers, channel_plan=_published_plan(config.widths, self.network)
        )  # fmt: skip

    def table(self, config: StyleGAN1GeneratorConfig) -> Table:
        rows: dict[str, str | tuple[str, ...]] = {}
        for i in range(config.layers):
            rows |= _scaled(f"mapping.{i}", f"style.{2 * i + 1}.linear")
        for i in range(len(config.widths)):
            ours, theirs = f"levels.{i}", f"generator.progression.{i}"
            rows |= _scaled(f"to_rgb.{i}", f"generator.to_rgb.{i}.conv")
            rows |= _scaled(f"{ours}.conv2", f"{theirs}.conv2.conv")
            for k in (1, 2):
                rows |= _scaled(f"{ours}.norm{k}.style", f"{theirs}.adain{k}.style.linear")
                rows[f"{ours}.norm{k}.strength"] = f"{theirs}.noise{k}.weight_orig"
            # A layer that enlarges stands before an unfused convolution.
            fused = {f"{ours}.conv1": f"{theirs}.conv1.0"}
            rows |= fused if _fused(i) else _scaled(f"{ours}.conv1", f"{theirs}.conv1.1.conv")
        return rows | {"levels.0.const": "generator.progression.0.conv1.input"}

    def constants(self, config: StyleGAN1GeneratorConfig) -> Mapping[str, Constant]:
        return _blurs(
            (f"generator.progression.{i}.conv1.{1 if _fused(i) else 2}", config.widths[i]) for i in range(1, _LEVELS)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class DiscriminatorLayout(Layout[DiscriminatorArguments, StyleGAN1DiscriminatorConfig]):
    """``Discriminator``, whose levels are numbered from the finest on."""

    arguments = DiscriminatorArguments
    config = StyleGAN1DiscriminatorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        activated = "from_rgb.0.0.conv.weight_orig" in shapes
        ending = ".0.conv.weight_orig" if activated else ".conv.weight_orig"
        widths = [shapes.get(f"from_rgb.{_LEVELS - 1 - i}{ending}", (0,))[0] for i in range(_LEVELS)]
        return {
            "fused": "progression.0.conv2.1.weight" in shapes,
            "from_rgb_activate": activated,
            "channel_plan": _plan(widths),
        }

    def to_ours(self, arguments: DiscriminatorArguments) -> StyleGAN1DiscriminatorConfig:
        return StyleGAN1DiscriminatorConfig(
            widths=_widths(arguments.channel_plan),
            fused=arguments.fused,
            from_rgb_activate=arguments.from_rgb_activate,
        )

    def to_published(self, config: StyleGAN1DiscriminatorConfig) -> DiscriminatorArguments:
        _only_colour(config.channels, self.network)
        return DiscriminatorArguments(
            fused=config.fused,
            from_rgb_activate=config.from_rgb_activate,
            channel_plan=_published_plan(config.widths, self.network),
        )

    def table(self, config: StyleGAN1DiscriminatorConfig) -> Table:
        rows = _scaled("end", "linear.linear")
        for i in range(_LEVELS):
            ours, number = f"levels.{i}", _LEVELS - 1 - i
            theirs = f"progression.{number}"
            reading = f"from_rgb.{number}.0.conv" if config.from_rgb_activate else f"from_rgb.{number}.conv"
            rows |= _scaled(f"from_rgb.{i}", reading) | _scaled(f"{ours}.conv1", f"{theirs}.conv1.0.conv")
            if config.fused and _fused(i):
                rows[f"{ours}.conv2"] = f"{theirs}.conv2.1"
            else:
                rows |= _scaled(f"{ours}.conv2", f"{theirs}.conv2.{1 if i else 0}.conv")
        return rows

    def constants(self, config: StyleGAN1DiscriminatorConfig) -> Mapping[str, Constant]:
        return _blurs((f"progression.{_LEVELS - 1 - i}.conv2.0", config.widths[i - 1]) for i in range(1, _LEVELS))


def published_picture(
    network: StyleGAN1Generator,
    styles: tuple[Tensor, ...],
    noise: tuple[Tensor, ...],
    call: Mapping[str, Any],
    mean: Tensor | None = None,
) -> Tensor:
    """What the published generator draws of its own arguments.

    Args:
        network: ours.
        styles: one or two, (b, latent) each.
        noise: of every level.
        call: ``step``, ``alpha`` (below 0 for no blending), and where there is one ``style_weight`` of truncation, and
            of two styles ``mixing_range`` (the first and last level that have the second) or ``inject_index`` (the
            last level of the first).
        mean: the style that truncation moves towards.
    """
    step, alpha, count = call["step"], call["alpha"], len(network.levels)
    if "style_weight" in call and mean is not None:
        styles = tuple(mean.lerp(style, call["style_weight"]) for style in styles)
    levels = range(0)
    if len(styles) > 1 and "mixing_range" in call:
        levels = range(call["mixing_range"][0], call["mixing_range"][1] + 1)
    elif len(styles) > 1:
        levels = range(call["inject_index"][0] + 1, count)
    every = mixed(styles[0], styles[-1], levels, count)
    return network.draw(every, noise, level=step, alpha=alpha if 0 <= alpha < 1 else 1.0)


def _scaled(ours: str, theirs: str) -> dict[str, str | tuple[str, ...]]:
    """Names of a layer whose weights are scaled when they are used."""
    return {f"{ours}.weight": f"{theirs}.weight_orig", f"{ours}.bias": f"{theirs}.bias"}


def _fused(level: int) -> bool:
    return COARSEST << level >= FUSED_FROM


def _blurs(places: Iterable[tuple[str, int]]) -> dict[str, Constant]:
    """The filters of modules, for so many channels."""
    found = {}
    for name, channels in places:
        blur = fir_filter((1, 2, 1)).expand(channels, 1, 3, 3)
        for kind in ("weight", "weight_flip"):
            found[f"{name}.{kind}"] = Constant(blur, "filter than [1, 2, 1]")
    return found


def _widths(plan: Mapping[str, int] | None) -> tuple[int, ...]:
    if plan is None:
        return WIDTHS
    lacking = sorted({str(width) for width in WIDTHS} - set(plan))
    if lacking:
        raise BadInput(f"channel_plan: says nothing of {', '.join(lacking)}")
    return tuple(plan[str(width)] for width in WIDTHS)


def _plan(widths: Iterable[int]) -> dict[str, int] | None:
    plan = {str(published): width for published, width in zip(WIDTHS, widths, strict=True)}
    return None if all(width == int(published) for published, width in plan.items()) else plan


def _published_plan(widths: tuple[int, ...], network: str) -> dict[str, int] | None:
    if len(widths) != _LEVELS:
        raise BadInput(f"widths: the published {network} has {_LEVELS} levels, this network {len(widths)}")
    plan = _plan(widths)
    if _widths(plan) != widths:
        raise BadInput(f"widths: the published {network} is equally wide up to 32 pixels, this network is not")
    return plan


def _only_colour(channels: int, network: str) -> None:
    if channels != 3:
        raise BadInput(f"channels: the published {network} has pictures of 3, this network of {channels}")


GENERATOR = GeneratorLayout(
    publisher=PUBLISHER,
    network="StyledGenerator",
    role="generator",
    telltale={"generator.progression.0.conv1.input": 4, "style.1.linear.weight_orig": 2},
)
DISCRIMINATOR = DiscriminatorLayout(
    publisher=PUBLISHER,
    network="Discriminator",
    role="discriminator",
    telltale={"progression.8.conv1.0.conv.weight_orig": 4, "linear.linear.weight_orig": 2},
)
LAYOUTS: tuple[Layout[Any, Any], ...] = (GENERATOR, DISCRIMINATOR)
