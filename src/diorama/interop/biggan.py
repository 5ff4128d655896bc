"""BigGAN and BigGAN-deep in the layout of the authors' PyTorch code: bare state dicts, ``blocks.N.M.…``.

The tensors tell all that a network is, but for the epsilons and how its weights were drawn. Modules are called alike
here and there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.biggan_arguments import (
    DeepDiscriminatorArguments,
    DeepGeneratorArguments,
    DiscriminatorArguments,
    GeneratorArguments,
    attention_words,
    our_discriminator,
    our_generator,
    published_discriminator,
    published_generator,
)
from diorama.interop.layout import Arguments, Config, Layout, Shapes, Table, numbered
from diorama.networks.adversarial import biggan, biggan_deep
from diorama.networks.adversarial.biggan import BigGANDiscriminatorConfig, BigGANGeneratorConfig
from diorama.networks.adversarial.biggan_deep import BigGANDeepDiscriminatorConfig, BigGANDeepGeneratorConfig

PUBLISHER = "biggan-pytorch"
_GENERATOR_WIDTHS = {resolution: widths for resolution, widths in biggan.GENERATOR_WIDTHS.items() if resolution >= 32}
_COUNTERS = ("accumulation_counter", ".bn.num_batches_tracked")
_STATISTICS = {
    ".bn.stored_mean": ".stored_mean",
    ".bn.stored_var": ".stored_var",
    ".bn.running_mean": ".stored_mean",
    ".bn.running_var": ".stored_var",
}
"""Names of norms that were computed otherwise in training (``mybn``, ``cross_replica``), and of the plain ones."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _SameNames(Layout[Arguments, Config]):
    """Modules are called alike."""

    def table(self, config: Config) -> Table:
        return {}

    def current_name(self, name: str) -> str:
        ending = next((ending for ending in _STATISTICS if name.endswith(ending)), None)
        return name if ending is None else name.removesuffix(ending) + _STATISTICS[ending]

    def import_state(self, config: Config, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """As of any layout; what norms counted in training is left out, since nothing reads it once trained."""
        return super().import_state(config, {k: v for k, v in published.items() if not k.endswith(_COUNTERS)})


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorLayout(_SameNames[GeneratorArguments, BigGANGeneratorConfig]):
    """``BigGAN.Generator``."""

    arguments = GeneratorArguments
    config = BigGANGeneratorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        blocks = numbered(shapes, "blocks.{}.0.conv1.weight")
        gain, first = shapes.get("blocks.0.0.bn1.gain.weight"), shapes.get("linear.weight")
        told = _generator(shapes, 4 << blocks, 1)
        if not told or gain is None or first is None:
            return {}
        table = shapes.get("shared.weight")
        if table is None:
            return told | {"G_shared": False, "n_classes": gain[0], "hier": False, "dim_z": first[1]}
        part = gain[1] - table[1]
        latent = {"hier": True, "dim_z": part * (blocks + 1)} if part > 0 else {"hier": False, "dim_z": first[1]}
        return told | latent | {"G_shared": True, "n_classes": table[0], "shared_dim": table[1]}

    def to_ours(self, arguments: GeneratorArguments) -> BigGANGeneratorConfig:
        if arguments.hier and not arguments.G_shared:
            raise BadInput("hier: needs G_shared, since parts of z are joined to the shared embedding")
        parts = len(_widths(_GENERATOR_WIDTHS, arguments.resolution))
        return BigGANGeneratorConfig(
            **our_generator(arguments, [8 << block for block in range(parts - 1)]),
            # The published class drops what cannot be shared out evenly.
            latent=arguments.dim_z // parts * parts if arguments.hier else arguments.dim_z,
            shared=_shared(arguments) if arguments.G_shared else None,
            hierarchical=arguments.hier,
        )

    def to_published(self, config: BigGANGeneratorConfig) -> GeneratorArguments:
        return GeneratorArguments(
            **published_generator(config, self.network),
            G_shared=config.shared is not None,
            shared_dim=config.shared or 0,
            hier=config.hierarchical,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class DeepGeneratorLayout(_SameNames[DeepGeneratorArguments, BigGANDeepGeneratorConfig]):
    """``BigGANdeep.Generator``."""

    arguments = DeepGeneratorArguments
    config = BigGANDeepGeneratorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        table, first = shapes.get("shared.weight"), shapes.get("linear.weight")
        blocks = numbered(shapes, "blocks.{}.0.conv4.weight")
        if not blocks or table is None or first is None:
            return {}
        inner, outer = ([shapes.get(f"blocks.{i}.0.{conv}.weight", (0, 0)) for i in range(blocks)]
                        for conv in ("conv1", "conv4"))  # fmt: skip
        # The first block that changes the width is the last of the second stage; of 32 pixels, in three stages, none.
        change = next((i for i in range(blocks) if inner[i][1] != outer[i][0]), None)
        depth = max(1, blocks // 3 if change is None else (change + 1) // 2)
        told = _generator(shapes, 4 << blocks // depth, depth)
        latent = {"hier": True, "dim_z": first[1] - table[1]}
        labels = {"G_shared": True, "n_classes": table[0], "shared_dim": table[1]}
        return told | latent | labels | {"G_depth": depth} if told else {}

    def to_ours(self, arguments: DeepGeneratorArguments) -> BigGANDeepGeneratorConfig:
        if not (arguments.hier and arguments.G_shared):
            raise BadInput("hier, G_shared: the first layer of BigGANdeep.Generator fits both alone; set them")
        parts = len(_widths(_GENERATOR_WIDTHS, arguments.resolution))
        return BigGANDeepGeneratorConfig(
            **our_generator(arguments, [8 << stage for stage in range(parts - 1)]),
            depth=arguments.G_depth,
            latent=arguments.dim_z,
            shared=_shared(arguments),
        )

    def to_published(self, config: BigGANDeepGeneratorConfig) -> DeepGeneratorArguments:
        return DeepGeneratorArguments(
            **published_generator(config, self.network), G_depth=config.depth, shared_dim=config.shared
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class DiscriminatorLayout(_SameNames[DiscriminatorArguments, BigGANDiscriminatorConfig]):
    """``BigGAN.Discriminator``."""

    arguments = DiscriminatorArguments
    config = BigGANDiscriminatorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        blocks = numbered(shapes, "blocks.{}.0.conv1.weight")
        inner, outer = (shapes.get(f"blocks.0.0.{conv}.weight", (0,))[0] for conv in ("conv1", "conv2"))
        told = _discriminator(shapes, 2 << blocks, biggan.DISCRIMINATOR_WIDTHS)
        return told | {"D_wide": inner == outer} if told else {}

    def to_ours(self, arguments: DiscriminatorArguments) -> BigGANDiscriminatorConfig:
        _widths(biggan.DISCRIMINATOR_WIDTHS, arguments.resolution)
        plain = BigGANDiscriminatorConfig(resolution=arguments.resolution, attention=())  # type: ignore[arg-type]
        return BigGANDiscriminatorConfig(**our_discriminator(arguments, plain.sides), wide=arguments.D_wide)

    def to_published(self, config: BigGANDiscriminatorConfig) -> DiscriminatorArguments:
        return DiscriminatorArguments(**published_discriminator(config, self.network), D_wide=config.wide)


@dataclass(frozen=True, kw_only=True, eq=False)
class DeepDiscriminatorLayout(_SameNames[DeepDiscriminatorArguments, BigGANDeepDiscriminatorConfig]):
    """``BigGANdeep.Discriminator``."""

    arguments = DeepDiscriminatorArguments
    config = BigGANDeepDiscriminatorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        stages = numbered(shapes, "blocks.{}.0.conv1.weight")
        told = _discriminator(shapes, 4 << stages, biggan_deep.DISCRIMINATOR_WIDTHS)
        return told | {"D_depth": numbered(shapes, "blocks.0.{}.conv1.weight")} if told else {}

    def to_ours(self, arguments: DeepDiscriminatorArguments) -> BigGANDeepDiscriminatorConfig:
        _widths(biggan_deep.DISCRIMINATOR_WIDTHS, arguments.resolution)
        plain = BigGANDeepDiscriminatorConfig(resolution=arguments.resolution, attention=())  # type: ignore[arg-type]
        return BigGANDeepDiscriminatorConfig(**our_discriminator(arguments, plain.sides), depth=arguments.D_depth)

    def to_published(self, config: BigGANDeepDiscriminatorConfig) -> DeepDiscriminatorArguments:
        return DeepDiscriminatorArguments(**published_discriminator(config, self.network), D_depth=config.depth)


def _widths(widths: Mapping[int, tuple[int, ...]], resolution: int) -> tuple[int, ...]:
    if resolution not in widths:
        raise BadInput(f"resolution: is one of {', '.join(map(str, widths))}, got {resolution}")
    return widths[resolution]


def _shared(arguments: GeneratorArguments) -> int:
    """Length of the embedding of labels: that of z, undivided, where it is not said."""
    return arguments.shared_dim if arguments.shared_dim > 0 else arguments.dim_z


def _generator(shapes: Shapes, resolution: int, depth: int) -> dict[str, Any]:
    """Arguments of a generator that the tensors tell; empty where they cannot be of this resolution."""
    widths = _GENERATOR_WIDTHS.get(resolution)
    last, first = shapes.get("output_layer.0.gain"), shapes.get("linear.weight")
    if widths is None or last is None or first is None or last[0] < widths[-1]:
        return {}
    width = last[0] // widths[-1]
    blocks = range((len(widths) - 1) * depth)
    return {
        "resolution": resolution,
        "G_ch": width,
        "bottom_width": math.isqrt(first[0] // (width * widths[0])),
        "G_attn": attention_words([8 << i // depth for i in blocks if f"blocks.{i}.1.gamma" in shapes]),
        "G_param": "SN" if "linear.u0" in shapes else "none",
        "num_G_SVs": max(1, numbered(shapes, "linear.u{}")),
    }


def _discriminator(shapes: Shapes, resolution: int, known: Mapping[int, tuple[int, ...]]) -> dict[str, Any]:
    """Arguments of a discriminator that the tensors tell; empty where they cannot be of this resolution."""
    widths, last, table = known.get(resolution), shapes.get("linear.weight"), shapes.get("embed.weight")
    if widths is None or last is None or table is None:
        return {}
    attentive = [int(name.split(".")[1]) for name in shapes if name.endswith(".gamma")]
    sides = [16 if resolution == 32 else resolution >> (block + 1) for block in attentive]
    return {
        "resolution": resolution,
        "D_ch": last[1] // widths[-1],
        "D_attn": attention_words([max(side, 4) for side in sides]),
        "n_classes": table[0],
        "output_dim": last[0],
        "num_D_SVs": max(1, numbered(shapes, "linear.u{}")),
    }


GENERATOR = GeneratorLayout(
    publisher=PUBLISHER,
    network="BigGAN.Generator",
    role="generator",
    telltale={"linear.weight": 2, "blocks.0.0.conv_sc.weight": 4, "output_layer.0.gain": 1},
)
DEEP_GENERATOR = DeepGeneratorLayout(
    publisher=PUBLISHER,
    network="BigGANdeep.Generator",
    role="generator",
    telltale={"shared.weight": 2, "blocks.0.0.conv4.weight": 4, "output_layer.0.gain": 1},
)
DISCRIMINATOR = DiscriminatorLayout(
    publisher=PUBLISHER,
    network="BigGAN.Discriminator",
    role="discriminator",
    telltale={"embed.weight": 2, "linear.weight": 2, "blocks.0.0.conv_sc.weight": 4},
    absent=("input_conv.", "output_layer."),
)
DEEP_DISCRIMINATOR = DeepDiscriminatorLayout(
    publisher=PUBLISHER,
    network="BigGANdeep.Discriminator",
    role="discriminator",
    telltale={"embed.weight": 2, "input_conv.weight": 4, "blocks.0.0.conv4.weight": 4},
)
LAYOUTS = (GENERATOR, DEEP_GENERATOR, DISCRIMINATOR, DEEP_DISCRIMINATOR)
