"""StyleGAN3's generator in the layout of NVIDIA's code: ``synthesis.L5_52_1024.weight``.

Layers are named after their number, size and channels, and hold the filters that were designed for them. Its
discriminator is StyleGAN2's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from diorama.interop.layout import Constant, Layout, Shapes, Table
from diorama.interop.stylegan2 import mapping_table, observed_latent, observed_mapping
from diorama.networks.adversarial.style_mapping import StyleMappingConfig
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.networks.adversarial.stylegan3_geometry import Bands

PUBLISHER = "stylegan3"
_LAYER = re.compile(r"synthesis\.L(\d{1,3})_(\d{1,5})_(\d{1,5})\.weight")
_BANDS = tuple(each.name for each in fields(Bands))


@dataclass(frozen=True, kw_only=True)
class MappingArguments:
    """``mapping_kwargs``."""

    num_layers: int = 2
    lr_multiplier: float = 0.01
    w_avg_beta: float = 0.998

    def to_ours(self) -> StyleMappingConfig:
        """Our config."""
        return StyleMappingConfig(
            layers=self.num_layers, lr_multiplier=self.lr_multiplier, w_avg_beta=self.w_avg_beta
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class GeneratorArguments:
    """Arguments of ``Generator`` with their defaults. ``fused_modconv_default`` is another class's and read by none."""

    z_dim: int
    c_dim: int
    w_dim: int
    img_resolution: int
    img_channels: int
    mapping_kwargs: MappingArguments = MappingArguments()
    channel_base: int = 32768
    channel_max: int = 512
    num_layers: int = 14
    num_critical: int = 2
    first_cutoff: float = 2
    first_stopband: float = 2**2.1
    last_stopband_rel: float = 2**0.3
    margin_size: int = 10
    output_scale: float = 0.25
    num_fp16_res: int = 4
    conv_kernel: int = 3
    filter_size: int = 6
    lrelu_upsampling: int = 2
    use_radial_filters: bool = False
    conv_clamp: float | None = 256
    magnitude_ema_beta: float = 0.999


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorLayout(Layout[GeneratorArguments, StyleGAN3GeneratorConfig]):
    """``Generator``."""

    arguments = GeneratorArguments
    config = StyleGAN3GeneratorConfig
    untold = (
        "no file says the arguments of its class: limits (conv_clamp), frequencies (first_cutoff, …) and the like are "
        "taken as the published code has them; --config says them"
    )

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        named = {int(found[1]): found for name in shapes if (found := _LAYER.fullmatch(name))}
        style, first = shapes.get("synthesis.input.affine.weight"), named.get(0)
        last = max(named, default=0)
        if not (style and first and last and last - 1 in named):
            return {}
        size = int(named[last][2])
        return {
            **observed_mapping(shapes, style[1]),
            **observed_latent(shapes),
            "w_dim": style[1],
            "img_resolution": size,
            "img_channels": int(named[last][3]),
            "num_layers": last,
            "channel_base": int(named[last - 1][3]) * size,
            "channel_max": int(first[3]),
            "conv_kernel": shapes[first[0]][-1],
            "use_radial_filters": len(shapes.get(first[0].replace(".weight", ".down_filter"), ())) == 2,
        }

    def to_ours(self, arguments: GeneratorArguments) -> StyleGAN3GeneratorConfig:
        return StyleGAN3GeneratorConfig(
            size=arguments.img_resolution,
            channels=arguments.img_channels,
            latent=arguments.z_dim,
            style=arguments.w_dim,
            classes=arguments.c_dim,
            mapping=arguments.mapping_kwargs.to_ours(),
            bands=Bands(**{name: getattr(arguments, name) for name in _BANDS}),
            channel_base=arguments.channel_base,
            channel_max=arguments.channel_max,
            output_scale=arguments.output_scale,
            num_fp16_res=arguments.num_fp16_res,
            conv_clamp=arguments.conv_clamp,
            magnitude_ema_beta=arguments.magnitude_ema_beta,
        )

    def to_published(self, config: StyleGAN3GeneratorConfig) -> GeneratorArguments:
        mapping = config.mapping
        plain = StyleMappingConfig(
            layers=mapping.layers, lr_multiplier=mapping.lr_multiplier, w_avg_beta=mapping.w_avg_beta
        )  # fmt: skip
        if mapping != plain:
            raise ValueError("mapping: the published class has no other embedding, hidden and activation than its own")
        return GeneratorArguments(
            z_dim=config.latent,
            c_dim=config.classes,
            w_dim=config.style,
            img_resolution=config.size,
            img_channels=config.channels,
            mapping_kwargs=MappingArguments(
                num_layers=mapping.layers, lr_multiplier=mapping.lr_multiplier, w_avg_beta=mapping.w_avg_beta
            ),
            channel_base=config.channel_base,
            channel_max=config.channel_max,
            output_scale=config.output_scale,
            num_fp16_res=config.num_fp16_res,
            conv_clamp=config.conv_clamp,
            magnitude_ema_beta=config.magnitude_ema_beta,
            **{name: getattr(config.bands, name) for name in _BANDS},
        )

    def table(self, config: StyleGAN3GeneratorConfig) -> Table:
        rows = mapping_table(config.mapping) | {
            "input": "synthesis.input",
            "input.affine": "synthesis.input.affine",
            "input.frequencies": "synthesis.input.freqs",
        }
        for i, name in enumerate(layer_names(config)):
            ours, theirs = f"layers.{i}", f"synthesis.{name}"
            rows |= {ours: theirs, f"{ours}.affine": f"{theirs}.affine", f"{ours}.magnitude": f"{theirs}.magnitude_ema"}
        return rows

    def constants(self, config: StyleGAN3GeneratorConfig) -> Mapping[str, Constant]:
        found = {}
        for name, layer in zip(layer_names(config), config.layers, strict=True):
            for kind, designed in (("up_filter", layer.up_filter), ("down_filter", layer.down_filter)):
                if designed is not None:
                    found[f"synthesis.{name}.{kind}"] = Constant(designed, "filter than the config's numbers give")
        return found


def layer_names(config: StyleGAN3GeneratorConfig) -> tuple[str, ...]:
    """What layers are called, from their number, size and channels."""
    return tuple(f"L{i}_{layer.after.size}_{layer.after.channels}" for i, layer in enumerate(config.layers))


GENERATOR = GeneratorLayout(
    publisher=PUBLISHER,
    network="Generator",
    role="generator",
    telltale={"synthesis.input.freqs": 2, "synthesis.input.transform": 2, "mapping.fc0.weight": 2},
)
LAYOUTS: tuple[Layout[Any, Any], ...] = (GENERATOR,)
