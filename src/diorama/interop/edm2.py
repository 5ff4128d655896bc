"""The U-Net of Karras et al. 2024 (EDM2) in the layout of NVIDIA's code: ``enc.64x64_block0.conv_res0.weight``.

Tensors are named after the resolution that a level has for the pictures the network was made for. Queries, keys and
values lie there head by head and channel by channel, with the three of a channel side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.edm_arguments import MOST_BLOCKS, made, refuse_picture
from diorama.interop.interleaved import apart, interleaved
from diorama.interop.layout import Layout, Table
from diorama.networks.denoisers.edm2 import EDM2UNetConfig

PUBLISHER = "edm2"
_QKV = "attn_qkv.weight"
_PARTS = {
    "inner": "conv_res0",
    "outer": "conv_res1",
    "embedding": "emb_linear",
    "shortcut": "conv_skip",
    "attention.qkv": "attn_qkv",
    "attention.out": "attn_proj",
}
"""Of a block."""


@dataclass(frozen=True, kw_only=True)
class EDM2UNetArguments:
    """Arguments of ``UNet`` and of its blocks, with their defaults."""

    img_resolution: int
    img_channels: int
    label_dim: int
    model_channels: int = 192
    channel_mult: tuple[int, ...] = (1, 2, 3, 4)
    channel_mult_noise: int | None = None
    channel_mult_emb: int | None = None
    num_blocks: int = 3
    attn_resolutions: tuple[int, ...] = (16, 8)
    label_balance: float = 0.5
    concat_balance: float = 0.5
    resample_filter: tuple[float, ...] = (1.0, 1.0)
    channels_per_head: int = 64
    dropout: float = 0.0
    res_balance: float = 0.3
    attn_balance: float = 0.3
    clip_act: float | None = 256.0

    def to_ours(self) -> EDM2UNetConfig:
        """Our network's config.

        Raises:
            BadInput: there can be no such network; the message names the argument.
        """
        if self.num_blocks > MOST_BLOCKS:
            raise BadInput(f"num_blocks: {self.num_blocks} are more than {MOST_BLOCKS}")
        return made(
            lambda: EDM2UNetConfig(
                size=self.img_resolution,
                in_channels=self.img_channels,
                out_channels=self.img_channels,
                width=self.model_channels,
                growth=self.channel_mult,
                depth=self.num_blocks,
                attention=tuple(
                    self.img_resolution >> level in self.attn_resolutions for level in range(len(self.channel_mult))
                ),
                head=self.channels_per_head,
                features=self.channel_mult_noise,
                vector=self.channel_mult_emb,
                classes=self.label_dim,
                dropout=self.dropout,
                label_share=self.label_balance,
                skip_share=self.concat_balance,
                residual_share=self.res_balance,
                attention_share=self.attn_balance,
                clip=self.clip_act,
                taps=self.resample_filter,
            )
        )

    @staticmethod
    def of(config: EDM2UNetConfig) -> EDM2UNetArguments:
        """The published arguments; :meth:`to_ours` reads them back, but for the labels that training leaves out.

        Raises:
            BadInput: the published network puts out what it takes in, and no other number of channels.
        """
        if config.in_channels != config.out_channels:
            raise BadInput(f"out_channels: must be in_channels, {config.in_channels}, got {config.out_channels}")
        if config.patch != 1:
            raise BadInput(f"patch: the published network has places of one pixel, not of {config.patch}")
        refuse_picture(config.picture)
        if config.label_dropout:
            raise BadInput("label_dropout: the published network knows no label that is left out")
        return EDM2UNetArguments(
            img_resolution=config.size,
            img_channels=config.in_channels,
            label_dim=config.classes,
            model_channels=config.width,
            channel_mult=config.growth,
            channel_mult_noise=config.features,
            channel_mult_emb=config.vector,
            num_blocks=config.depth,
            attn_resolutions=tuple(config.size >> i for i, attends in enumerate(config.attention) if attends),
            label_balance=config.label_share,
            concat_balance=config.skip_share,
            resample_filter=config.taps,
            channels_per_head=config.head,
            dropout=config.dropout,
            res_balance=config.residual_share,
            attn_balance=config.attention_share,
            clip_act=config.clip,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class EDM2UNetLayout(Layout[EDM2UNetArguments, EDM2UNetConfig]):
    """``UNet`` of EDM2."""

    arguments = EDM2UNetArguments
    config = EDM2UNetConfig

    def to_ours(self, arguments: EDM2UNetArguments) -> EDM2UNetConfig:
        return arguments.to_ours()

    def to_published(self, config: EDM2UNetConfig) -> EDM2UNetArguments:
        return EDM2UNetArguments.of(config)

    def import_state(self, config: EDM2UNetConfig, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :meth:`Layout.import_state`."""
        return super().import_state(
            config, {name: apart(t, _heads(config, t)) if name.endswith(_QKV) else t for name, t in published.items()}
        )

    def export_state(self, config: EDM2UNetConfig, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :meth:`Layout.export_state`."""
        tensors = super().export_state(config, state)
        return {name: interleaved(t, _heads(config, t)) if name.endswith(_QKV) else t for name, t in tensors.items()}

    def table(self, config: EDM2UNetConfig) -> Table:
        rows: dict[str, str | tuple[str, ...]] = {
            "embedding.features.frequencies": "emb_fourier.freqs",
            "embedding.features.phases": "emb_fourier.phases",
            "embedding.level": "emb_noise",
            "embedding.label": "emb_label",
            "conv_in": f"enc.{config.size}x{config.size}_conv",
            "conv_out": "out_conv",
            "gain": "out_gain",
        }
        for place, published in _blocks(config):
            rows |= {f"{place}.{ours}": f"{published}.{theirs}" for ours, theirs in _PARTS.items()}
            rows[f"{place}.gain"] = f"{published}.emb_gain"
        return rows


def _heads(config: EDM2UNetConfig, qkv: Tensor) -> int:
    return config.heads(qkv.shape[0] // 3)


def _blocks(config: EDM2UNetConfig) -> Iterator[tuple[str, str]]:
    """Our blocks and the published ones, by their places."""
    sides = [config.size >> level for level in range(len(config.growth))]
    down, up = [], []
    for level, side in enumerate(sides):
        down += [
            f"{side}x{side}_{name}" for name in ["down"] * (level > 0) + [f"block{i}" for i in range(config.depth)]
        ]
    for level, side in reversed(list(enumerate(sides))):
        enter = ["in0", "in1"] if level == len(sides) - 1 else ["up"]
        up += [f"{side}x{side}_{name}" for name in enter + [f"block{i}" for i in range(config.depth + 1)]]
    yield from ((f"down.{i}", f"enc.{name}") for i, name in enumerate(down))
    yield from ((f"up.{i}", f"dec.{name}") for i, name in enumerate(up))


EDM2_UNET = EDM2UNetLayout(
    publisher=PUBLISHER,
    network="UNet",
    role="denoiser",
    telltale={"emb_fourier.freqs": 1, "emb_noise.weight": 2, "out_gain": 0},
)
LAYOUTS = (EDM2_UNET,)
