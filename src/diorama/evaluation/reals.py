"""The real side by whatever name a user gives, and what is to be said of how it was read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.core.files import cache_folder
from diorama.data.dataset import Dataset, Split
from diorama.data.raw import MeasuredAs, is_raw, open_any, open_whole
from diorama.data.sources.base import Skip
from diorama.evaluation.catalog.metrics import MetricCatalog
from diorama.evaluation.samples import left_out
from diorama.evaluation.subjects import EvaluateOptions, in_words


@dataclass(frozen=True)
class Reals:
    """The real records.

    Args:
        split: they.
        notes: how they were read.
        warnings: what was left out.
        raw: they are files that nobody prepared.
    """

    split: Split
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    raw: bool = False


def open_reals(
    against: Path | str | Split, options: EvaluateOptions, catalog: MetricCatalog, *, held_out: bool = False
) -> Reals:
    """Open what samples are held against.

    A raw source is measured whole and at its own size; of prepared data, and of the words ``world`` and
    ``world-video``, one split is.

    Args:
        against: which.
        options: split and size.
        catalog: of the metrics that the options name.
        held_out: where the options name no split of prepared data, take one that nothing was trained on, if there is.

    Raises:
        WrongValue: the data have no such split.
        BadInput: there are no such data, or they have another size than is asked for.
    """
    if isinstance(against, Split):
        return Reals(_of_size(against, options))
    if not is_raw(against):
        dataset = open_any(against, cache_folder())
        kept = [name for name in ("test", "val") if held_out and dataset.splits.get(name)]
        split = _of_size(dataset.split(options.split or next(iter(kept), "train")), options)
        return Reals(split, [f"{against}: its split {split.name}, {in_words(len(split), split.info.media)}"])
    of_clips = [name for name in options.metrics if "clips" in catalog.metric(name).needs]
    # Otherwise what there is more of decides, and metrics of pictures are taken of the frames of clips.
    how = MeasuredAs(split=options.split, size=options.size, clips=bool(of_clips) or None)
    dataset = open_whole(against, cache_folder(), how)
    if of_clips and dataset.splits["train"] == 1:
        raise BadInput(
            f"{against}: {of_clips[0]} is of clips, and here is {in_words(1, dataset.info.media)}; clips are video "
            "files, or folders of pictures, one each"
        )
    return Reals(dataset.split("train"), [_words(against, dataset)], _skipped(against, dataset), raw=True)


def _of_size(split: Split, options: EvaluateOptions) -> Split:
    media = split.info.media
    if options.size is not None and (media.height, media.width) != (options.size, options.size):
        raise BadInput(
            f"{split.info.name}: is prepared at {media.width}x{media.height}, so --size {options.size} does not fit; "
            f"prepare it anew with --size {options.size}, or measure at its size"
        )
    return split


def _words(path: Path | str, dataset: Dataset) -> str:
    what = in_words(dataset.splits["train"], dataset.info.media)
    return "; ".join([f"{path}: read as it is, {what}", *dataset.manifest["notes"]])


def _skipped(path: Path | str, dataset: Dataset) -> list[str]:
    audit = json.loads((dataset.path / "audit.json").read_text(encoding="utf-8"))
    return left_out(path, [Skip(**skip) for skip in audit["skipped"]])
