"""The networks of Y. Song's published score SDEs (2021) in their layout: a flat list ``all_modules.N.…``.

Modules are numbered in the order in which they are built, those without weights too. Products over channels (``NIN``)
have matrices that lie transposed to a linear layer's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import count
from typing import Any

import torch
from torch import Tensor

from diorama.core.config import encode
from diorama.interop.layout import Layout, Shapes, Table
from diorama.interop.score_sde_arguments import (
    DDPM_GROUPS,
    DataArguments,
    ModelArguments,
    ScoreSDEArguments,
    TrainingArguments,
    arguments_of,
)
from diorama.interop.score_sde_schedule import SamplingArguments
from diorama.networks.denoisers.score_unet import ScoreUNetConfig, SigmaSeries

PUBLISHER = "score-sde"
_SIGMAS = "sigmas"
"""A buffer with the series of standard deviations, the largest first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreSDELayout(Layout[ScoreSDEArguments, ScoreUNetConfig]):
    """``NCSNpp`` or ``DDPM``, which share names of tensors; the config says which it is.

    Args:
        name: in the config's ``model.name``.
    """

    arguments = ScoreSDEArguments
    config = ScoreUNetConfig
    says_model = True
    config_hint = (
        ", in which json.dumps(config.to_dict()) of the published Python config stands: its sections data, model, "
        "training and sampling"
    )

    name: str

    def recognises(self, shapes: Shapes, published: Mapping[str, Any]) -> bool:
        """See :meth:`Layout.recognises`; a config of another network's name is none of this one's."""
        model = published.get("model")
        named = model.get("name", self.name) if isinstance(model, Mapping) else self.name
        return named == self.name and ("all_modules.0.weight" in shapes or "all_modules.0.W" in shapes)

    def read_arguments(self, published: Mapping[str, Any], shapes: Shapes) -> ScoreSDEArguments:
        """See :meth:`Layout.read_arguments`; of ``data`` and ``training`` what is not read is left aside."""
        read: dict[str, Any] = {}
        for section, kind in _SECTIONS.items():
            given = published.get(section)
            if isinstance(given, Mapping):
                known, strict = {f.name for f in fields(kind)}, section in ("model", "sampling")
                read[section] = {key: value for key, value in given.items() if strict or key in known}
        return super().read_arguments(read, {})

    def taken(self, arguments: ScoreSDEArguments, given: Mapping[str, Any]) -> tuple[str, ...]:
        """See :meth:`Layout.taken`: settings that change what is drawn, where the config lacks them."""
        read = {
            "data": {"centered": arguments.data.centered},
            "training": asdict(arguments.training),
            "sampling": asdict(arguments.sampling),
        }
        said = {name: section for name in read if isinstance(section := given.get(name), Mapping)}
        missing = [
            f"{section}.{name} {str(value).lower()}"
            for section, values in read.items()
            for name, value in values.items()
            if name not in said.get(section, ())
        ]
        return (f"the config does not say all; taken is {', '.join(missing)}",) if missing else ()

    def to_ours(self, arguments: ScoreSDEArguments) -> ScoreUNetConfig:
        return arguments.ddpm() if self.name == "ddpm" else arguments.ncsnpp()

    def to_published(self, config: ScoreUNetConfig) -> ScoreSDEArguments:
        return arguments_of(config)

    def holds(self, config: Any) -> bool:
        return isinstance(config, ScoreUNetConfig) and config.groups == (DDPM_GROUPS if self.name == "ddpm" else None)

    def table(self, config: ScoreUNetConfig) -> Table:
        return dict(_rows(config))

    def published_shape(self, config: ScoreUNetConfig, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape[:2] if name.endswith(".W") else shape

    def import_state(self, config: ScoreUNetConfig, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :meth:`Layout.import_state`; a network that is told nothing reads no weights of what it would be told."""
        tensors = dict(published)
        sigmas = tensors.pop(_SIGMAS, None)
        if sigmas is not None and isinstance(config.divide_by, SigmaSeries):
            wanted = _series(config.divide_by)
            if sigmas.shape != wanted.shape or not torch.allclose(sigmas.double(), wanted, rtol=1e-5):
                raise self._misfit(f"tensor {_SIGMAS!r} is another series than the config's")
        state = super().import_state(config, {name: _turned(name, tensor) for name, tensor in tensors.items()})
        if not config.conditional:
            state |= {name: torch.zeros_like(t) for name, t in state.items() if ".time." in name}
        return state

    def export_state(self, config: ScoreUNetConfig, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :meth:`Layout.export_state`."""
        tensors = super().export_state(config, state)
        model = arguments_of(config).model
        series = SigmaSeries(first=model.sigma_max, last=model.sigma_min, count=model.num_scales)
        return {name: _turned(name, tensor) for name, tensor in tensors.items()} | {_SIGMAS: _series(series)}

    def written(self, arguments: ScoreSDEArguments) -> dict[str, Any]:
        """See :meth:`Layout.written`."""
        sections = {key: value for key, value in encode(arguments).items() if key != "kind"}
        return {name: {k: v for k, v in section.items() if k != "kind"} for name, section in sections.items()}


_SECTIONS: Mapping[str, type] = {
    "data": DataArguments,
    "model": ModelArguments,
    "training": TrainingArguments,
    "sampling": SamplingArguments,
}


def _turned(name: str, tensor: Tensor) -> Tensor:
    """The matrix of a product over channels as that of a linear layer, or the other way round."""
    return tensor.transpose(0, 1).contiguous() if name.endswith(".W") and tensor.dim() == 2 else tensor


def _series(series: SigmaSeries) -> Tensor:
    return series.at(torch.arange(series.count, dtype=torch.float64))


Row = tuple[str, str | tuple[str, ...]]


def _rows(config: ScoreUNetConfig) -> Iterator[Row]:
    """What our modules are called, in the order of the published list."""
    numbers = count()

    def following() -> str:
        return f"all_modules.{next(numbers)}"

    if config.time == "fourier":
        yield "features.frequencies", f"{following()}.W"
    if config.conditional:
        yield from (("inner", following()), ("outer", following()))
    yield "conv_in", following()
    levels = len(config.growth)
    for level in range(levels):
        if level:
            yield from _entry(config, f"down.{level}", following)
        for block in range(config.depth):
            yield from _block(config, f"down.{level}.blocks.{block}", following())
            if config.attention[level]:
                yield from _attention(f"down.{level}.attention.{block}", following())
    yield from _block(config, "middle.first", following())
    yield from _attention("middle.attention", following())
    yield from _block(config, "middle.second", following())
    for place in range(levels):
        yield from _up(config, place, following)
    if config.decoder == "standard":
        yield from (("norm_out", following()), ("conv_out", following()))


def _entry(config: ScoreUNetConfig, level: str, following: Callable[[], str]) -> Iterator[Row]:
    """What leads down to a level, and how it is shown the picture."""
    yield from _resampling(config, f"{level}.enter", following())
    if config.encoder == "residual":
        yield f"{level}.picture.conv", f"{following()}.{'Conv_0' if config.taps is None else 'Conv2d_0'}"
    elif config.encoder != "standard":
        yield f"{level}.picture.conv", f"{following()}.Conv_0"


def _up(config: ScoreUNetConfig, place: int, following: Callable[[], str]) -> Iterator[Row]:
    """A level on the way up, the coarsest at place 0."""
    level = len(config.growth) - 1 - place
    if place:
        yield from _resampling(config, f"up.{place}.enter", following())
    for block in range(config.depth + 1):
        yield from _block(config, f"up.{place}.blocks.{block}", following())
    if config.attention[level]:
        yield from _attention(f"up.{place}.attention", following())
    if config.decoder == "skip":
        norm, conv = (f"up.{place}.norm", f"up.{place}.conv") if level else ("norm_out", "conv_out")
        yield from ((norm, following()), (conv, following()))


def _resampling(config: ScoreUNetConfig, ours: str, theirs: str) -> Iterator[Row]:
    if config.resampling == "residual":
        yield from _block(config, ours, theirs)
    elif config.resampling == "conv":
        yield f"{ours}.layer.conv", f"{theirs}.Conv_0"


def _block(config: ScoreUNetConfig, ours: str, theirs: str) -> Iterator[Row]:
    names = {
        "norm_in": "GroupNorm_0",
        "conv_in": "Conv_0",
        "time": "Dense_0",
        "norm_out": "GroupNorm_1",
        "conv_out": "Conv_1",
    }
    for name, published in names.items():
        yield f"{ours}.{name}", f"{theirs}.{published}"
    if config.resampling == "residual":
        yield f"{ours}.shortcut", f"{theirs}.Conv_2"
    else:
        yield f"{ours}.shortcut.weight", f"{theirs}.NIN_0.W"
        yield f"{ours}.shortcut.bias", f"{theirs}.NIN_0.b"


def _attention(ours: str, theirs: str) -> Iterator[Row]:
    yield f"{ours}.norm", f"{theirs}.GroupNorm_0"
    for kind, published in (("weight", "W"), ("bias", "b")):
        yield f"{ours}.qkv.{kind}", tuple(f"{theirs}.NIN_{i}.{published}" for i in range(3))
        yield f"{ours}.out.{kind}", f"{theirs}.NIN_3.{published}"


NCSNPP = ScoreSDELayout(publisher=PUBLISHER, network="NCSNpp", role="denoiser", telltale={}, name="ncsnpp")
DDPM = ScoreSDELayout(publisher=PUBLISHER, network="DDPM", role="denoiser", telltale={}, name="ddpm")
LAYOUTS: tuple[Layout[Any, Any], ...] = (NCSNPP, DDPM)
