"""What samples are given: completing a condition, leaving it out, and one value that says it of every sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from diorama.core.contracts import BATCH_KEYS, Condition, ConditionSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import Split
from diorama.text.bytes import decode, encode

_RECORDS = 1_024
"""Records of a split that samples are given in turn, at most."""


def completed(specs: Sequence[ConditionSpec], given: Condition, count: int) -> dict[str, Tensor]:
    """A condition with everything that a model reads: its null where nothing is given.

    Args:
        specs: what the model reads; other keys are dropped.
        given: tensors whose batch size is ``count``.
        count: samples.

    Raises:
        BadInput: something that must be given is missing, has another shape, or is no label of the model.
    """
    return {spec.key: _checked(spec, given[spec.key], count) if spec.key in given else _null(spec, count)
            for spec in specs}  # fmt: skip


def without(specs: Sequence[ConditionSpec], condition: Condition) -> dict[str, Tensor]:
    """The condition with the null in place of everything that has one."""
    return {
        spec.key: condition[spec.key] if spec.null is None else torch.full_like(condition[spec.key], spec.null)
        for spec in specs
    }


def dropped(specs: Sequence[ConditionSpec], condition: Condition) -> dict[str, Tensor]:
    """A training condition in which each spec's share of samples is given the null, drawn from PyTorch's generator.

    Reference: J. Ho, T. Salimans, arXiv:2207.12598, algorithm 1.
    """
    kept = {spec.key: condition[spec.key] for spec in specs}
    for spec in specs:
        if spec.dropout and spec.null is not None:
            value = kept[spec.key]
            left_out = torch.rand(len(value), device=value.device) < spec.dropout
            kept[spec.key] = value.masked_fill(left_out.view(-1, *[1] * (value.dim() - 1)), spec.null)
    return kept


def _null(spec: ConditionSpec, count: int) -> Tensor:
    if spec.null is None:
        what = f"a label, one of {list(spec.names)}" if spec.key == "label" else f"{spec.key}, {BATCH_KEYS[spec.key]}"
        raise BadInput(f"condition: this model needs {what}")
    whole = spec.key in ("label", "tokens")
    return torch.full((count, *spec.shape), spec.null, dtype=torch.int64 if whole else torch.float32)


def _checked(spec: ConditionSpec, value: Tensor, count: int) -> Tensor:
    if tuple(value.shape) != (count, *spec.shape):
        raise BadInput(
            f"condition: {spec.key} must have shape {(count, *spec.shape)} (the first is the number of samples), "
            f"got {tuple(value.shape)}"
        )
    if spec.key == "label" and spec.names:
        known = (value >= 0) & (value < len(spec.names))
        if spec.null is not None:
            known |= value == spec.null
        if not bool(known.all()):
            raise BadInput(
                f"condition: label must be in 0 … {len(spec.names) - 1}, the index of one of {list(spec.names)}"
            )
    return value


@dataclass(frozen=True, kw_only=True)
class SampleConditions:
    """What sample *i* is given: row ``i % rows`` of a table. Without rows no sample is given anything.

    Args:
        table: by key, (rows, …).
        words: of every row, what people and ``samples.json`` are told of it.
    """

    table: Mapping[str, Tensor] = field(default_factory=dict)
    words: tuple[Mapping[str, str], ...] = ()

    def __post_init__(self) -> None:
        for key, rows in self.table.items():
            if len(rows) != len(self.words):
                raise ValueError(f"{key} has {len(rows)} rows, {len(self.words)} are described")

    def of(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """The condition of samples of these indices, in their order."""
        if not self.words:
            return {}
        rows = torch.tensor([index % len(self.words) for index in indices])
        return {key: table[rows] for key, table in self.table.items()}

    def in_words(self, index: int) -> dict[str, str]:
        """What a sample is given, in words."""
        return dict(self.words[index % len(self.words)]) if self.words else {}


NOTHING = SampleConditions()
"""No sample is given anything."""


def labels_in_turn(spec: ConditionSpec, asked: str = "all") -> SampleConditions:
    """Labels one after another.

    Args:
        spec: of the labels.
        asked: a class by name or number, or ``all`` for every class in turn.

    Raises:
        BadInput: there is no such class.
    """
    if asked in spec.names:
        chosen = [spec.names.index(asked)]
    elif asked == "all":
        chosen = list(range(len(spec.names)))
    elif asked.isdecimal() and int(asked) < len(spec.names):
        chosen = [int(asked)]
    else:
        raise BadInput(f"label {asked!r}: the model knows {', '.join(spec.names)}, or their numbers, or all")
    words = tuple({"label": spec.names[label]} for label in chosen)
    return SampleConditions(table={"label": torch.tensor(chosen)}, words=words)


def texts_in_turn(spec: ConditionSpec, texts: Sequence[str]) -> SampleConditions:
    """Texts one after another, as byte tokens.

    Raises:
        BadInput: a text is longer than the model reads.
    """
    (length,) = spec.shape
    for text in texts:
        if len(text.encode()) > length:
            raise BadInput(f"prompt {text[:40]!r}…: has {len(text.encode())} bytes, the model reads {length}")
    return SampleConditions(table={spec.key: encode(texts, length)}, words=tuple({"text": text} for text in texts))


def records_in_turn(specs: Sequence[ConditionSpec], split: Split, first: int = 0) -> SampleConditions:
    """What the records of a split have under the keys that a model reads, one record after another.

    Args:
        specs: what the model reads.
        split: the records.
        first: of them, for the sample of index 0.

    Raises:
        BadInput: the records lack a key, or hold it in another shape.
    """
    indices = (np.arange(min(len(split), _RECORDS)) + first) % len(split)
    batch = split.read(indices, [spec.key for spec in specs])
    for spec in specs:
        if spec.key not in batch:
            what = "captions" if spec.key == "tokens" else spec.key
            raise BadInput(f"{split.info.name}: its records have no {what}, which this model is given")
    table = {spec.key: _checked(spec, batch[spec.key], len(indices)) for spec in specs}
    paths = split.paths(indices)
    return SampleConditions(
        table=table, words=tuple(_record_words(specs, table, row, path) for row, path in enumerate(paths))
    )


def _record_words(
    specs: Sequence[ConditionSpec], table: Mapping[str, Tensor], row: int, path: str
) -> Mapping[str, str]:
    words = {"record": path}
    for spec in specs:
        if spec.key == "label":
            words["label"] = spec.names[int(table["label"][row])]
        elif spec.key == "tokens":
            words["text"] = decode(table["tokens"][row : row + 1])[0]
    return words


def usual(specs: Sequence[ConditionSpec], split: Split | None) -> SampleConditions:
    """What samples are given where nobody says: labels in turn, and of a model that reads more the records of a split.

    Previews, measurements and comparisons draw with it, so that they see what the model is for.

    Raises:
        BadInput: the model reads more than labels, and there is no split to take it from.
    """
    if not specs:
        return NOTHING
    (first, *others) = specs
    if first.key == "label" and not others:
        return labels_in_turn(first) if first.names else NOTHING
    if split is None:
        raise BadInput(f"this model is given {', '.join(s.key for s in specs)}, and there are no records to take it of")
    return records_in_turn(specs, split)
