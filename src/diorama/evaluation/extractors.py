"""Features of samples: what an extractor is, the two feature networks, and the taking of features batch by batch."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from diorama.core import distributed
from diorama.core.contracts import Batch, pixels_of
from diorama.core.device import channels_last, full_float32
from diorama.core.errors import BadInput
from diorama.evaluation.catalog.entries import CLIP, ExtractorEntry, resolve
from diorama.evaluation.catalog.metrics import Metric
from diorama.evaluation.protocol import ExtractorStamp
from diorama.interop.inception_fid import load_inception
from diorama.media.convert import to_uint8
from diorama.networks.features import lite

_AT_ONCE, _AT_ONCE_ON_CPU = 1024, 64
"""Pictures of one forward pass. The frames of a batch of clips are thousands, whose activations a CPU must not hold."""


@dataclass(frozen=True)
class Extractor:
    """What turns a batch into features.

    Args:
        rows: features of a batch by view, (b, d) on the CPU; views of frames have b × t rows, and those of one clip
            follow one another.
        sha256: hash of the weights; empty where there are none.
        dtype: type that the features are computed in.
    """

    rows: Callable[[Batch], Mapping[str, Tensor]]
    sha256: str = ""
    dtype: str = "float32"


@cache
def load_extractor(entry: ExtractorEntry, device: str = "cpu") -> Extractor:
    """The extractor of an entry, loaded once for each device.

    Raises:
        BadInput: its weights cannot be had; the message says where to put them.
    """
    return resolve(entry.load)(device)


def stamp_of(entry: ExtractorEntry, extractor: Extractor) -> ExtractorStamp:
    """The protocol's name of an extractor; one without weights is none."""
    return ExtractorStamp(name=entry.name, sha256=extractor.sha256) if extractor.sha256 else ExtractorStamp()


def lite_extractor(device: str) -> Extractor:
    """The network that comes with the package."""
    return _lite(lite.LITE, device)


def lite2_extractor(device: str) -> Extractor:
    """The same network with its second weights, which are for ranking generators."""
    return _lite(lite.LITE2, device)


def _lite(weights: lite.LiteWeights, device: str) -> Extractor:
    network = lite.pretrained(weights).to(device)
    channels_last(network)
    return Extractor(of_pictures(network, lambda x: {"": network(x)}), sha256(weights.content()).hexdigest())


def inception_extractor(device: str) -> Extractor:
    """The network of FID; its class scores are the view ``logits``."""
    try:
        network, digest = load_inception()
    except BadInput as problem:
        raise BadInput(f"{problem}; fd@lite and the other metrics of lite need no download") from problem
    network = network.to(device)
    channels_last(network)

    def views(x: Tensor) -> dict[str, Tensor]:
        pooled = network(x)
        return {"": pooled, "logits": network.logits(pooled)}

    return Extractor(of_pictures(network, views), digest)


def of_pictures(
    network: nn.Module, views: Callable[[Tensor], Mapping[str, Tensor]]
) -> Callable[[Batch], Mapping[str, Tensor]]:
    """The rows of a network of pictures, through 8 bits: each frame of a clip is a picture, and clips have their own.

    Args:
        network: in evaluation mode, on its device.
        views: of pictures (b, c, h, w) in [-1, 1], (b, d) features by view; ``""`` is among them.
    """

    @torch.no_grad()
    def rows(batch: Batch) -> Mapping[str, Tensor]:
        eight_bit = to_uint8(pixels_of(batch))
        clips = eight_bit.dim() == 5
        pictures = eight_bit.transpose(1, 2).flatten(0, 1) if clips else eight_bit  # (b * t, c, h, w)
        device = next(network.parameters()).device
        parts: dict[str, list[Tensor]] = defaultdict(list)
        # TF32 would make numbers differ between cards by more than the features' own rounding.
        with full_float32(), torch.autocast(device.type, enabled=False):
            for some in pictures.split(_AT_ONCE_ON_CPU if device.type == "cpu" else _AT_ONCE):
                x = some.to(device).float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
                for view, features in views(x).items():
                    parts[view].append(features.float().cpu())
        found = {view: torch.cat(features) for view, features in parts.items()}
        if clips:
            found[CLIP] = clip_features(found[""].unflatten(0, (len(eight_bit), -1)))
        return found

    return rows


def clip_features(frames: Float[Tensor, "b t d"]) -> Float[Tensor, "b d2"]:
    """What a clip shows and how it moves: the mean of its frames' features, and the root mean square of their
    changes from frame to frame; (b, t, d) to (b, 2 d). A clip of one frame does not move."""
    if frames.shape[1] == 1:
        return torch.cat([frames[:, 0], torch.zeros_like(frames[:, 0])], 1)
    change = frames.diff(dim=1).square().mean(1).sqrt()
    return torch.cat([frames.mean(1), change], 1)


@dataclass(frozen=True)
class SampleFeatures:
    """Features of samples.

    Args:
        rows: by kind (``lite``, ``lite-clip``), (n, d) in the order of the samples' indices; the frames of a clip
            follow one another.
        index: (n,) int64, ascending, of the samples.
    """

    rows: Mapping[str, Tensor]
    index: Int[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.index)


class FeatureTaker:
    """Takes every kind of features that some metrics need from batches of samples.

    Args:
        metrics: those without features are passed over.
        device: where the networks run.
    """

    def __init__(self, metrics: Iterable[Metric], device: str) -> None:
        kinds = {metric.features: (metric.extractor, metric.view) for metric in metrics if metric.extractor is not None}
        self.kinds: Mapping[str, tuple[ExtractorEntry, str]] = dict(sorted(kinds.items()))
        entries = dict.fromkeys(entry for entry, _ in self.kinds.values())
        self.extractors = {entry: load_extractor(entry, device) for entry in entries}

    def only(self, metrics: Sequence[Metric]) -> FeatureTaker:
        """The same extractors, for some of the metrics."""
        other = copy.copy(self)
        wanted = {metric.features for metric in metrics}
        other.kinds = {kind: found for kind, found in self.kinds.items() if kind in wanted}
        entries = {entry for entry, _ in other.kinds.values()}
        other.extractors = {entry: loaded for entry, loaded in self.extractors.items() if entry in entries}
        return other

    def take(self, batch: Batch) -> dict[str, Float[Tensor, "n d"]]:
        """Features by kind of a batch with ``image`` or ``video`` in [-1, 1].

        Raises:
            BadInput: the extractor has no such features of these samples.
        """
        views = {entry: extractor.rows(batch) for entry, extractor in self.extractors.items()}
        found = {}
        for kind, (entry, view) in self.kinds.items():
            if view not in views[entry]:
                what = "clips, and these are pictures" if view == CLIP else "other samples than these"
                raise BadInput(f"metrics: {kind} features are of {what}")
            found[kind] = views[entry][view].float()
        return found

    def take_all(self, batches: Iterable[Batch]) -> SampleFeatures:
        """Features of all batches, in the order of the samples' indices, whatever the batches were."""
        parts: dict[str, list[Tensor]] = defaultdict(list)
        indices = [torch.empty(0, dtype=torch.int64)]
        for batch in batches:
            indices.append(batch["index"].cpu())
            for kind, features in self.take(batch).items():
                parts[kind].append(features)
        return in_order({kind: torch.cat(found) for kind, found in parts.items()}, torch.cat(indices))


def in_order(rows: Mapping[str, Tensor], index: Int[Tensor, " n"]) -> SampleFeatures:
    """Features brought into the order of their samples' indices.

    Args:
        rows: by kind, one or as many rows for each sample, in the order of ``index``.
        index: (n,) of the samples.
    """
    if not len(index):
        return SampleFeatures(rows, index)
    order = index.argsort(stable=True)
    sorted_rows = {
        kind: part.unflatten(0, (len(index), -1))[order].flatten(0, 1)  # (n, rows of one, d) and back
        for kind, part in rows.items()
    }
    return SampleFeatures(sorted_rows, index[order])


def gathered(taken: SampleFeatures, kinds: Iterable[str]) -> SampleFeatures | None:
    """The features that all processes took of their shares, in the first process; ``None`` in the others.

    Args:
        taken: by this process, possibly of no samples.
        kinds: that all processes take, in the same order.
    """
    index = distributed.gather_rows(taken.index[:, None])  # (n, 1)
    # A process without samples does not know how many features there are.
    rows = {kind: distributed.gather_rows(taken.rows.get(kind, torch.zeros(0, 0))) for kind in kinds}
    if index is None:
        return None
    return in_order({kind: part for kind, part in rows.items() if part is not None}, index[:, 0])
