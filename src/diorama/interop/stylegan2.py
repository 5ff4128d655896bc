"""StyleGAN2 in the layout of NVIDIA's PyTorch code: ``synthesis.b64.conv0.weight``, ``b64.conv0.weight``.

Blocks are named after their resolution, and every layer that may change it holds the filter among its tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diorama.interop.layout import Constant, Layout, Shapes, Table
from diorama.interop.stylegan2_arguments import NESTED, DiscriminatorArguments, GeneratorArguments, flattened
from diorama.networks.adversarial.style_mapping import StyleMappingConfig
from diorama.networks.adversarial.stylegan2 import StyleGAN2GeneratorConfig, resolutions
from diorama.networks.adversarial.stylegan2_discriminator import StyleGAN2DiscriminatorConfig
from diorama.nn.fir import fir_filter

PUBLISHER = "stylegan2"
_FILTER, _USUAL = "resample_filter", (1, 3, 3, 1)
_FOR_SPEED = ("fp16_channels_last", "fused_modconv_default")


def mapping_table(mapping: StyleMappingConfig) -> dict[str, str | tuple[str, ...]]:
    """Names of a mapping's layers, which StyleGAN3's has as well."""
    rows: dict[str, str | tuple[str, ...]] = {"mapping.average": "mapping.w_avg"}
    return rows | {f"mapping.layers.{i}": f"mapping.fc{i}" for i in range(mapping.layers)}


def observed_mapping(shapes: Shapes, style: int) -> dict[str, Any]:
    """What the tensors of a mapping to styles of that width say of its ``mapping_kwargs``, and of ``c_dim``."""
    layers = sum(1 for name in shapes if name.startswith("mapping.fc") and name.endswith(".weight"))
    embed, first = shapes.get("mapping.embed.weight"), shapes.get("mapping.fc0.weight")
    told: dict[str, Any] = {"num_layers": layers} if layers else {}
    if embed and embed[0] != style:
        told["embed_features"] = embed[0]
    if first and layers > 1 and first[0] != style:
        told["layer_features"] = first[0]
    return {"c_dim": embed[1] if embed else 0, "mapping_kwargs": told}


def observed_latent(shapes: Shapes) -> dict[str, int]:
    """``z_dim``: what of the first layer's inputs is not the label's."""
    first, embed = shapes.get("mapping.fc0.weight"), shapes.get("mapping.embed.weight")
    return {"z_dim": first[1] - (embed[0] if embed else 0)} if first else {}


def filter_constants(told: Iterable[str], untold: Iterable[str], taps: Sequence[float]) -> dict[str, Constant]:
    """The filters that modules hold: of those that are told the config's, and of those that have the usual one."""
    given = Constant(fir_filter(taps), f"filter than the config's {_FILTER}, {list(taps)}")
    usual = Constant(fir_filter(_USUAL), f"filter than {list(_USUAL)}, which stands there whatever the config says")
    named = {f"{module}.{_FILTER}": given for module in told}
    return named | {f"{module}.{_FILTER}": usual for module in untold}


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorLayout(Layout[GeneratorArguments, StyleGAN2GeneratorConfig]):
    """``Generator``."""

    arguments = GeneratorArguments
    config = StyleGAN2GeneratorConfig
    untold = (
        "no file says the arguments of its class: limits (conv_clamp), activation and the like are taken as the newer "
        "generation of the published code has them; --config says them"
    )
    unused = (*_FOR_SPEED, *(f"{NESTED}.{name}" for name in _FOR_SPEED))

    def read_arguments(self, published: Mapping[str, Any], shapes: Shapes) -> GeneratorArguments:
        return super().read_arguments(flattened(published), shapes)

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        const = shapes.get("synthesis.b4.const")
        if const is None:
            return {}
        sides = _sides(shapes, "synthesis.b")
        finest = max(sides)
        picture = shapes.get(f"synthesis.b{finest}.torgb.weight")
        style = shapes.get("synthesis.b4.conv1.affine.weight")
        if not (picture and style):
            return {}
        kind = "skip" if "synthesis.b4.torgb.weight" in shapes and finest > 4 else "orig"
        widths = {side: shapes.get(f"synthesis.b{side}.conv1.weight", (0,))[0] for side in sides}
        return {
            **observed_mapping(shapes, style[1]),
            **observed_latent(shapes),
            **_observed_widths(widths),
            "w_dim": style[1],
            "img_resolution": finest,
            "img_channels": picture[0],
            "architecture": "resnet" if "synthesis.b8.skip.weight" in shapes else kind,
            "use_noise": "synthesis.b4.conv1.noise_strength" in shapes,
        }

    def to_ours(self, arguments: GeneratorArguments) -> StyleGAN2GeneratorConfig:
        return arguments.to_ours()

    def to_published(self, config: StyleGAN2GeneratorConfig) -> GeneratorArguments:
        return GeneratorArguments.of(config)

    def table(self, config: StyleGAN2GeneratorConfig) -> Table:
        rows = mapping_table(config.mapping)
        for i, side in enumerate(resolutions(config.size)):
            ours, theirs = f"blocks.{i}", f"synthesis.b{side}"
            rows |= {f"{ours}.const": f"{theirs}.const", f"{ours}.skip": f"{theirs}.skip"}
            for layer in ("conv0", "conv1", "torgb"):
                rows[f"{ours}.{layer}"] = f"{theirs}.{layer}"
                rows[f"{ours}.{layer}.affine"] = f"{theirs}.{layer}.affine"
                rows[f"{ours}.{layer}.noise"] = f"{theirs}.{layer}.noise_const"
                rows[f"{ours}.{layer}.strength"] = f"{theirs}.{layer}.noise_strength"
        return rows

    def constants(self, config: StyleGAN2GeneratorConfig) -> Mapping[str, Constant]:
        blocks = [f"synthesis.b{side}" for side in resolutions(config.size)]
        enlarging = [f"{block}.conv0" for block in blocks[1:]]
        if config.architecture == "resnet":
            enlarging += [f"{block}.skip" for block in blocks[1:]]
        return filter_constants([*blocks, *enlarging], [f"{block}.conv1" for block in blocks], config.resample_filter)


@dataclass(frozen=True, kw_only=True, eq=False)
class DiscriminatorLayout(Layout[DiscriminatorArguments, StyleGAN2DiscriminatorConfig]):
    """``Discriminator``."""

    arguments = DiscriminatorArguments
    config = StyleGAN2DiscriminatorConfig
    unused = ("block_kwargs.fp16_channels_last", "block_kwargs.freeze_layers")

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        conv, out = shapes.get("b4.conv.weight"), shapes.get("b4.out.weight")
        sides = _sides(shapes, "b")
        picture = shapes.get(f"b{max(sides, default=0)}.fromrgb.weight")
        if not (conv and picture and out):
            return {}
        widths = {side: shapes.get(f"b{side}.conv0.weight", (0,))[0] for side in sides if side > 4} | {4: conv[0]}
        kind = "skip" if "b4.fromrgb.weight" in shapes else "orig"
        told: dict[str, Any] = {
            **observed_mapping(shapes, out[0]),
            **_observed_widths(widths),
            "img_resolution": max(sides),
            "img_channels": picture[1],
            "architecture": "resnet" if "b8.skip.weight" in shapes else kind,
            "epilogue_kwargs": {"mbstd_num_channels": conv[1] - conv[0]},
        }
        if told["c_dim"] and out[0] != conv[0]:
            told["cmap_dim"] = out[0]
        return told

    def to_ours(self, arguments: DiscriminatorArguments) -> StyleGAN2DiscriminatorConfig:
        return arguments.to_ours()

    def to_published(self, config: StyleGAN2DiscriminatorConfig) -> DiscriminatorArguments:
        return DiscriminatorArguments.of(config)

    def table(self, config: StyleGAN2DiscriminatorConfig) -> Table:
        rows = mapping_table(config.mapping)
        for i, side in enumerate(reversed(resolutions(config.size)[1:])):
            layers = ("fromrgb", "conv0", "conv1", "skip")
            rows |= {f"blocks.{i}.{layer}": f"b{side}.{layer}" for layer in layers}
        return rows | {f"end.{layer}": f"b4.{layer}" for layer in ("fromrgb", "conv", "fc", "out")}

    def constants(self, config: StyleGAN2DiscriminatorConfig) -> Mapping[str, Constant]:
        blocks = [f"b{side}" for side in resolutions(config.size)[1:]]
        thinning = [f"{block}.conv1" for block in blocks]
        if config.architecture == "resnet":
            thinning += [f"{block}.skip" for block in blocks]
        seeing = [*blocks, "b4"] if config.architecture == "skip" else blocks[-1:]
        others = [f"{block}.conv0" for block in blocks] + [f"{block}.fromrgb" for block in seeing]
        return filter_constants([*blocks, *thinning], ["b4.conv", *others], config.resample_filter)


def _sides(shapes: Shapes, start: str) -> set[int]:
    """The resolutions that blocks are named after."""
    names = (name.removeprefix(start).partition(".")[0] for name in shapes if name.startswith(start))
    return {int(name) for name in names if name.isdecimal() and len(name) < 6}


def _observed_widths(widths: Mapping[int, int]) -> dict[str, int]:
    """``channel_base`` and ``channel_max`` that give these channels at these resolutions."""
    finest = max(widths)
    return {"channel_base": widths[finest] * finest, "channel_max": max(widths.values())}


GENERATOR = GeneratorLayout(
    publisher=PUBLISHER,
    network="Generator",
    role="generator",
    telltale={"synthesis.b4.const": 3, "synthesis.b4.conv1.affine.weight": 2, "mapping.fc0.weight": 2},
)
DISCRIMINATOR = DiscriminatorLayout(
    publisher=PUBLISHER,
    network="Discriminator",
    role="discriminator",
    telltale={"b4.conv.weight": 4, "b4.fc.weight": 2, "b4.out.weight": 2},
)
LAYOUTS: tuple[Layout[Any, Any], ...] = (GENERATOR, DISCRIMINATOR)
