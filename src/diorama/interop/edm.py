"""The networks of Karras et al. 2022 (EDM) in the layout of NVIDIA's code: ``enc.32x32_block0.conv0.weight``.

Tensors are named after the resolution that a level has for the pictures the network was made for. Queries, keys and
values lie there head by head and channel by channel, with the three of a channel side by side; filters are buffers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from diorama.interop.edm_arguments import DhariwalUNetArguments, SongUNetArguments, UNetBlockArguments
from diorama.interop.interleaved import apart, interleaved
from diorama.interop.layout import Constant, Layout, NetworkConfig, Table, tensors_of
from diorama.networks.denoisers.edm import DhariwalUNetConfig, EDMUNetConfig, SongUNetConfig
from diorama.nn.resample import Taps
from diorama.nn.unet_block import UNetBlockConfig

PUBLISHER = "edm"
_FILTER = "resample_filter"
_ATTENTION = (".qkv.weight", ".qkv.bias", ".proj.weight")

Arguments = TypeVar("Arguments")
Config = TypeVar("Config", bound=NetworkConfig)


@dataclass(frozen=True, kw_only=True, eq=False)
class EDMLayout(Layout[Arguments, Config]):
    """What the published classes have in common: filters among the tensors, and interleaved queries, keys, values."""

    @abstractmethod
    def filters(self, config: Config) -> Mapping[str, Taps]:
        """The filters by the names of their buffers."""

    @abstractmethod
    def heads(self, config: Config, channels: int) -> int:
        """Heads of the attention over so many channels."""

    def constants(self, config: Config) -> Mapping[str, Constant]:
        """See :meth:`Layout.constants`: the filters."""
        return {
            name: Constant(published_filter(taps), f"filter than the config's {_FILTER}, {list(taps)}")
            for name, taps in self.filters(config).items()
        }

    def import_state(self, config: Config, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :meth:`Layout.import_state`."""
        return super().import_state(config, {name: self._read(config, name, t) for name, t in published.items()})

    def export_state(self, config: Config, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :meth:`Layout.export_state`."""
        tensors = super().export_state(config, state)
        return {name: self._written(config, name, tensor) for name, tensor in tensors.items()}

    def _read(self, config: Config, name: str, tensor: Tensor) -> Tensor:
        """A published tensor as ours: projections are linear layers, and have heads below queries, keys, values."""
        if not f".{name}".endswith(_ATTENTION):
            return tensor
        if tensor.shape[2:] == (1, 1):
            tensor = tensor.flatten(1)
        heads = self.heads(config, tensor.shape[0] // 3)
        return tensor if ".proj." in f".{name}" else apart(tensor, heads)

    def _written(self, config: Config, name: str, tensor: Tensor) -> Tensor:
        """The inverse of :meth:`_read`."""
        if not f".{name}".endswith(_ATTENTION):
            return tensor
        if ".proj." not in f".{name}":
            tensor = interleaved(tensor, self.heads(config, tensor.shape[0] // 3))
        return tensor[:, :, None, None] if tensor.dim() == 2 else tensor


def published_filter(taps: Taps) -> Tensor:
    """The buffer that holds a filter: (1, 1, n, n)."""
    row = torch.tensor(taps, dtype=torch.float32)
    return (row[:, None] * row / row.sum().square())[None, None]


UNetArguments = TypeVar("UNetArguments", bound=SongUNetArguments | DhariwalUNetArguments)
UNetConfig = TypeVar("UNetConfig", bound=EDMUNetConfig)


@dataclass(frozen=True, kw_only=True, eq=False)
class EDMUNetLayout(EDMLayout[UNetArguments, UNetConfig]):
    """A whole network."""

    def heads(self, config: UNetConfig, channels: int) -> int:
        return config.heads(channels)

    def table(self, config: UNetConfig) -> Table:
        places = {name.rpartition(".")[0] for name in tensors_of(config)}
        rows: dict[str, str | tuple[str, ...]] = {place: _published_place(config, place) for place in sorted(places)}
        return rows | {"embedding.features.frequencies": "map_noise.freqs"}

    def filters(self, config: UNetConfig) -> Mapping[str, Taps]:
        return dict.fromkeys((f"{place}.{_FILTER}" for place in _filtering(config)), config.style.taps)


def _filtering(config: EDMUNetConfig) -> Iterator[str]:
    """The published modules that change the resolution by a filter."""
    song = config if isinstance(config, SongUNetConfig) else None
    pictures = {"skip": "aux_down", "residual": "aux_residual"}
    for level in range(1, len(config.widths)):
        coarser, finer = _resolution(config, level), _resolution(config, level - 1)
        for block in (f"enc.{coarser}_down", f"dec.{finer}_up"):
            yield from (f"{block}.conv0", f"{block}.skip")
        if song is not None and song.encoder in pictures:
            yield f"enc.{coarser}_{pictures[song.encoder]}"
        if song is not None and song.decoder == "skip":
            yield f"dec.{finer}_aux_up"


def _resolution(config: EDMUNetConfig, level: int) -> str:
    side = config.size >> level
    return f"{side}x{side}"


@dataclass(frozen=True, kw_only=True, eq=False)
class SongUNetLayout(EDMUNetLayout[SongUNetArguments, SongUNetConfig]):
    """``SongUNet``: DDPM++ and NCSN++."""

    arguments = SongUNetArguments
    config = SongUNetConfig

    def to_ours(self, arguments: SongUNetArguments) -> SongUNetConfig:
        return arguments.to_ours()

    def to_published(self, config: SongUNetConfig) -> SongUNetArguments:
        return SongUNetArguments.of(config)


@dataclass(frozen=True, kw_only=True, eq=False)
class DhariwalUNetLayout(EDMUNetLayout[DhariwalUNetArguments, DhariwalUNetConfig]):
    """``DhariwalUNet``: ADM."""

    arguments = DhariwalUNetArguments
    config = DhariwalUNetConfig

    def to_ours(self, arguments: DhariwalUNetArguments) -> DhariwalUNetConfig:
        return arguments.to_ours()

    def to_published(self, config: DhariwalUNetConfig) -> DhariwalUNetArguments:
        return DhariwalUNetArguments.of(config)


@dataclass(frozen=True, kw_only=True, eq=False)
class UNetBlockLayout(EDMLayout[UNetBlockArguments, UNetBlockConfig]):
    """``UNetBlock``, of which both are made. Nobody publishes one alone, so that no file is recognised as one."""

    arguments = UNetBlockArguments
    config = UNetBlockConfig

    def to_ours(self, arguments: UNetBlockArguments) -> UNetBlockConfig:
        return arguments.to_ours()

    def to_published(self, config: UNetBlockConfig) -> UNetBlockArguments:
        return UNetBlockArguments.of(config)

    def table(self, config: UNetBlockConfig) -> Table:
        places = {name.rpartition(".")[0] for name in tensors_of(config)}
        return {place: _within_block(place) for place in sorted(places)}

    def heads(self, config: UNetBlockConfig, channels: int) -> int:
        return config.heads

    def filters(self, config: UNetBlockConfig) -> Mapping[str, Taps]:
        places = () if config.resample == "keep" else ("conv0", "skip")
        return dict.fromkeys((f"{place}.{_FILTER}" for place in places), config.style.taps)


SONG_UNET = SongUNetLayout(
    publisher=PUBLISHER,
    network="SongUNet",
    role="denoiser",
    telltale={"map_layer0.weight": 2, "map_layer1.weight": 2},
    absent=("out_conv", "model."),
)
DHARIWAL_UNET = DhariwalUNetLayout(
    publisher=PUBLISHER,
    network="DhariwalUNet",
    role="denoiser",
    telltale={"map_layer0.weight": 2, "map_layer1.weight": 2, "out_norm.weight": 1, "out_conv.weight": 4},
)
UNET_BLOCK = UNetBlockLayout(publisher=PUBLISHER, network="UNetBlock", role="denoiser", telltale={})
LAYOUTS: tuple[Layout[Any, Any], ...] = (SONG_UNET, DHARIWAL_UNET)

_WITHIN = {
    "norm_in": "norm0",
    "conv_in": "conv0",
    "time": "affine",
    "norm_out": "norm1",
    "conv_out": "conv1",
    "shortcut": "skip",
    "norm": "norm2",
    "qkv": "qkv",
    "out": "proj",
}
_OUTSIDE = {
    "embedding.label": "map_label",
    "embedding.augment": "map_augment",
    "embedding.mlp.inner": "map_layer0",
    "embedding.mlp.outer": "map_layer1",
    "embedding.features": "map_noise",
}


def _within_block(place: str) -> str:
    """``residual.norm_in`` -> ``norm0``."""
    return _WITHIN[place.rpartition(".")[2]]


def _published_place(config: EDMUNetConfig, place: str) -> str:
    """The published module that ours is."""
    if place in _OUTSIDE:
        return _OUTSIDE[place]
    song = isinstance(config, SongUNetConfig)
    first, last = f"enc.{_resolution(config, 0)}", f"dec.{_resolution(config, 0)}_aux" if song else "out"
    ends = {"conv_in": f"{first}_conv", "norm_out": f"{last}_norm", "conv_out": f"{last}_conv"}
    if place in ends:
        return ends[place]
    direction, *rest = place.split(".")
    if direction == "middle":
        coarsest = _resolution(config, len(config.widths) - 1)
        return f"dec.{coarsest}_{'in1' if rest[0] == 'second' else 'in0'}.{_within_block(place)}"
    level = int(rest[0]) if direction == "down" else len(config.widths) - 1 - int(rest[0])
    stem = f"{'enc' if direction == 'down' else 'dec'}.{_resolution(config, level)}"
    match rest[1]:
        case "blocks":
            return f"{stem}_block{rest[2]}.{_within_block(place)}"
        case "enter":
            return f"{stem}_{'down' if direction == 'down' else 'up'}.{_within_block(place)}"
        case "picture":
            return f"{stem}_aux_{config.encoder if isinstance(config, SongUNetConfig) else ''}"
    return f"{stem}_aux_{rest[2]}"
