"""Arguments of the published classes of EDM, between which and our networks' configs there is one way each.

What no network can have is refused by our config, and said here with the published names.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from diorama.core.errors import BadInput
from diorama.interop.layout import refuse_below
from diorama.networks.denoisers.edm import DhariwalUNetConfig, EDMUNetConfig, SongUNetConfig
from diorama.nn.resample import checked_taps
from diorama.nn.residual import BlockStyle, Resample
from diorama.nn.unet_block import UNetBlockConfig

MOST_BLOCKS = 64
"""Of a level; a config from anybody may ask for any number of modules."""

_PUBLISHED_NAMES = {
    "size": "img_resolution",
    "width": "model_channels",
    "growth": "channel_mult",
    "depth": "num_blocks",
    "attention": "attn_resolutions",
    "vector": "channel_mult_emb",
    "features": "channel_mult_noise",
    "classes": "label_dim",
    "augment": "augment_dim",
    "taps": "resample_filter",
    "heads": "num_heads, channels_per_head",
    "head": "channels_per_head",
    "clip": "clip_act",
    "label_share": "label_balance",
    "skip_share": "concat_balance",
    "residual_share": "res_balance",
    "attention_share": "attn_balance",
}

Built = TypeVar("Built")


def made(make: Callable[[], Built]) -> Built:
    """A config of ours, whose refusals begin with its fields.

    Raises:
        BadInput: it cannot be; the message names the published arguments.
    """
    try:
        return make()
    except ValueError as problem:
        fields, _, what = str(problem).partition(": ")
        names = ", ".join(_PUBLISHED_NAMES.get(field, field) for field in fields.split(", "))
        raise BadInput(f"{names}: {what}") from problem


@dataclass(frozen=True, kw_only=True)
class UNetArguments:
    """Arguments that both networks have.

    Args:
        attn_resolutions: sides of the features with attention; those that no level has change nothing.
    """

    img_resolution: int
    in_channels: int
    out_channels: int
    label_dim: int = 0
    augment_dim: int = 0
    model_channels: int
    channel_mult: tuple[int, ...]
    channel_mult_emb: int = 4
    num_blocks: int
    attn_resolutions: tuple[int, ...]
    dropout: float = 0.1
    label_dropout: float = 0.0

    def _common(self) -> dict[str, Any]:
        """Fields of our configs."""
        if self.num_blocks > MOST_BLOCKS:
            raise BadInput(f"num_blocks: {self.num_blocks} are more than {MOST_BLOCKS}")
        return {
            "size": self.img_resolution,
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "width": self.model_channels,
            "growth": self.channel_mult,
            "depth": self.num_blocks,
            "attention": tuple(
                self.img_resolution >> level in self.attn_resolutions for level in range(len(self.channel_mult))
            ),
            "vector": self.channel_mult_emb,
            "classes": self.label_dim,
            "label_dropout": self.label_dropout,
            "augment": self.augment_dim,
            "dropout": self.dropout,
        }


def refuse_picture(channels: int) -> None:
    """Refuse a network that is given a picture beside the noisy one.

    Args:
        channels: of that picture; 0 where the network is given none.

    Raises:
        BadInput: it is given one.
    """
    if channels:
        raise BadInput("picture: the published networks are given no picture, and this one enlarges one")


def _common_of(config: EDMUNetConfig) -> dict[str, Any]:
    """Published arguments of what both networks have.

    Raises:
        BadInput: the network is given a picture.
    """
    refuse_picture(config.picture)
    return {
        "img_resolution": config.size,
        "in_channels": config.in_channels,
        "out_channels": config.out_channels,
        "label_dim": config.classes,
        "augment_dim": config.augment,
        "model_channels": config.width,
        "channel_mult": config.growth,
        "channel_mult_emb": config.vector,
        "num_blocks": config.depth,
        "attn_resolutions": tuple(config.size >> level for level, attends in enumerate(config.attention) if attends),
        "dropout": config.dropout,
        "label_dropout": config.label_dropout,
    }


@dataclass(frozen=True, kw_only=True)
class SongUNetArguments(UNetArguments):
    """Arguments of ``SongUNet`` with their defaults."""

    model_channels: int = 128
    channel_mult: tuple[int, ...] = (1, 2, 2, 2)
    num_blocks: int = 4
    attn_resolutions: tuple[int, ...] = (16,)
    embedding_type: Literal["positional", "fourier"] = "positional"
    channel_mult_noise: int = 1
    encoder_type: Literal["standard", "skip", "residual"] = "standard"
    decoder_type: Literal["standard", "skip"] = "standard"
    resample_filter: tuple[float, ...] = (1.0, 1.0)

    def to_ours(self) -> SongUNetConfig:
        """Our network's config.

        Raises:
            BadInput: there can be no such network; the message names the argument.
        """
        return made(
            lambda: SongUNetConfig(
                **self._common(),
                time="fourier" if self.embedding_type == "fourier" else "sinusoidal",
                features=self.channel_mult_noise,
                encoder=self.encoder_type,
                decoder=self.decoder_type,
                taps=self.resample_filter,
            )
        )

    @staticmethod
    def of(config: SongUNetConfig) -> SongUNetArguments:
        """The published arguments; :meth:`to_ours` reads them back."""
        return SongUNetArguments(
            **_common_of(config),
            embedding_type="fourier" if config.time == "fourier" else "positional",
            channel_mult_noise=config.features,
            encoder_type=config.encoder,
            decoder_type=config.decoder,
            resample_filter=config.taps,
        )


@dataclass(frozen=True, kw_only=True)
class DhariwalUNetArguments(UNetArguments):
    """Arguments of ``DhariwalUNet`` with their defaults."""

    model_channels: int = 192
    channel_mult: tuple[int, ...] = (1, 2, 3, 4)
    num_blocks: int = 3
    attn_resolutions: tuple[int, ...] = (32, 16, 8)

    def to_ours(self) -> DhariwalUNetConfig:
        """Our network's config.

        Raises:
            BadInput: there can be no such network; the message names the argument.
        """
        return made(lambda: DhariwalUNetConfig(**self._common()))

    @staticmethod
    def of(config: DhariwalUNetConfig) -> DhariwalUNetArguments:
        """The published arguments; :meth:`to_ours` reads them back."""
        return DhariwalUNetArguments(**_common_of(config))


@dataclass(frozen=True, kw_only=True)
class UNetBlockArguments:
    """Arguments of ``UNetBlock`` with their defaults."""

    in_channels: int
    out_channels: int
    emb_channels: int
    up: bool = False
    down: bool = False
    attention: bool = False
    num_heads: int | None = None
    channels_per_head: int = 64
    dropout: float = 0.0
    skip_scale: float = 1.0
    eps: float = 1e-5
    resample_filter: tuple[float, ...] = (1.0, 1.0)
    resample_proj: bool = False
    adaptive_scale: bool = True

    def to_ours(self) -> UNetBlockConfig:
        """Our block's config.

        Raises:
            BadInput: there can be no such block; the message names the argument.
        """
        refuse_below(self, 1, "in_channels", "out_channels", "emb_channels", "channels_per_head")
        refuse_below(self, 0, "num_heads")
        if self.up and self.down:
            raise BadInput("up, down: a block changes the resolution one way, not both")
        for name, value in (("skip_scale", self.skip_scale), ("eps", self.eps)):
            if not 0 < value < math.inf:
                raise BadInput(f"{name}: must be positive and finite, got {value:g}")
        if not 0 <= self.dropout < 1:
            raise BadInput(f"dropout: must be in [0, 1), got {self.dropout:g}")
        own_heads = self.out_channels // self.channels_per_head if self.num_heads is None else self.num_heads
        resample: Resample = "fir_up" if self.up else "fir_down" if self.down else "keep"
        style = made(
            lambda: BlockStyle(
                embedding=self.emb_channels,
                eps=self.eps,
                dropout=self.dropout,
                scale_shift=self.adaptive_scale,
                divide=1 / self.skip_scale,
                taps=checked_taps(self.resample_filter),
            )
        )
        return made(
            lambda: UNetBlockConfig(
                in_channels=self.in_channels,
                out_channels=self.out_channels,
                style=style,
                resample=resample,
                project=self.resample_proj and resample != "keep",
                heads=own_heads if self.attention else 0,
            )
        )

    @staticmethod
    def of(config: UNetBlockConfig) -> UNetBlockArguments:
        """The published arguments; :meth:`to_ours` reads them back."""
        style = config.style
        return UNetBlockArguments(
            in_channels=config.in_channels,
            out_channels=config.out_channels,
            emb_channels=style.embedding,
            up=config.resample == "fir_up",
            down=config.resample == "fir_down",
            attention=config.heads > 0,
            num_heads=config.heads,
            dropout=style.dropout,
            skip_scale=1 / style.divide,
            eps=style.eps,
            resample_filter=style.taps,
            resample_proj=config.project,
            adaptive_scale=style.scale_shift,
        )
