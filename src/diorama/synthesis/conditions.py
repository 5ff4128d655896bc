"""What samples are given: completing a condition, leaving it out, and one value that says it of every sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from diorama.core.contracts import BATCH_KEYS, Batch, Condition, ConditionSpec, MediaSpec
from diorama.core.errors import BadInput, WrongValue
from diorama.core.suggestions import did_you_mean, in_a_line
from diorama.data.dataset import Split
from diorama.data.partners import partners_of
from diorama.data.side_values import TARGET
from diorama.synthesis.labels import ALL, LabelLike, class_number, label_tensor
from diorama.synthesis.told_scale import KEY
from diorama.text.bytes import decode, encode

_TABLE_BYTES = 256 << 20
"""Of what records give to samples; the records of a split beyond them are not taken."""
_WHOLE = ("label", "tokens")
"""Keys of whole numbers."""

ConditionLike = Mapping[str, LabelLike]
"""A condition as people write it: tensors, and in their place class names or numbers for labels, texts for tokens."""


def in_tensors(specs: Sequence[ConditionSpec], given: ConditionLike, count: int, first: int = 0) -> dict[str, Tensor]:
    """A condition as a model reads it, of one that a person wrote.

    Tensors under keys of a batch that the model does not read are dropped, so that a whole batch may be handed on.

    Args:
        specs: what the model reads.
        given: for each key a tensor whose batch size is ``count``; of ``label`` also what
            :func:`diorama.synthesis.labels.label_tensor` takes; of ``tokens`` a text, or a list of texts.
        count: samples.
        first: index of the first sample.

    Raises:
        BadInput: there is no such key, class, or a text is too long; a list has another length than there are samples.
    """
    known, tensors = {spec.key: spec for spec in specs}, {}
    for key, value in given.items():
        if key in known:
            tensors[key] = _in_tensor(known[key], value, count, first)
        elif key not in BATCH_KEYS or not isinstance(value, Tensor):
            what = (
                f"this model is given {', '.join(known)}" if known else "this model was trained without any condition"
            )
            raise BadInput(f"condition: {key!r}{did_you_mean(key, known)}: {what}")
    return tensors


def _in_tensor(spec: ConditionSpec, value: LabelLike, count: int, first: int) -> Tensor:
    if spec.key == "label":
        return label_tensor(spec, value, count, first)
    texts = [value] if isinstance(value, str) else value
    if spec.key == "tokens" and isinstance(texts, (list, tuple)) and all(isinstance(text, str) for text in texts):
        if len(texts) not in (1, count):
            raise BadInput(f"condition: {count} samples are given {count} texts, or one for all, got {len(texts)}")
        tokens = _tokens(spec, texts)
        return tokens.expand(count, -1) if len(texts) == 1 else tokens
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if not isinstance(value, Tensor):
        kind = type(value).__name__
        raise BadInput(f"condition: {spec.key} must be a tensor, {BATCH_KEYS[spec.key]}, got {kind}")
    return value


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

    One draw for each sample decides over all its specs: what guidance leaves out is the whole condition at once.

    Reference: J. Ho, T. Salimans, arXiv:2207.12598, algorithm 1.
    """
    kept = {spec.key: condition[spec.key] for spec in specs}
    draw: Tensor | None = None
    for spec in specs:
        if not spec.dropout or spec.null is None:
            continue
        value = kept[spec.key]
        draw = torch.rand(len(value), device=value.device) if draw is None else draw
        left_out = (draw < spec.dropout).view(-1, *[1] * (value.dim() - 1))  # (b, 1, …)
        kept[spec.key] = value.masked_fill(left_out, spec.null)
    return kept


def _null(spec: ConditionSpec, count: int) -> Tensor:
    if spec.null is None:
        raise BadInput(f"condition: this model needs {_asked(spec)}")
    dtype = torch.int64 if spec.key in _WHOLE else torch.float32
    return torch.full((count, *spec.shape), spec.null, dtype=dtype)


def _asked(spec: ConditionSpec) -> str:
    """What must be given, and how the command line gives it."""
    if spec.key == "label":
        return f"a label, one of {in_a_line(spec.names)} (--label)"
    if spec.key == "tokens":
        return "texts (--prompt, or --records of data that have captions)"
    if spec.key == "image":
        return "image, a picture each (--records of data that have it; upscale, translate and inpaint take files)"
    return f"{spec.key}, {BATCH_KEYS[spec.key]} (--records of data that have it)"


def _checked(spec: ConditionSpec, value: Tensor, count: int) -> Tensor:
    if spec.key in _WHOLE and (value.is_floating_point() or value.dtype == torch.bool):
        raise BadInput(f"condition: {spec.key} holds whole numbers, got {value.dtype}")
    if tuple(value.shape) != (count, *spec.shape):
        raise BadInput(
            f"condition: {spec.key} must have shape {(count, *spec.shape)} (the first is the number of samples), "
            f"got {tuple(value.shape)}"
        )
    if spec.bounds is not None and not bool(((value >= spec.bounds[0]) & (value <= spec.bounds[1])).all()):
        raise BadInput(f"condition: {spec.key} must be from {spec.bounds[0]:g} to {spec.bounds[1]:g}")
    if spec.key == "label" and spec.names:
        known = (value >= 0) & (value < len(spec.names))
        if spec.null is not None:
            known |= value == spec.null
        if not bool(known.all()):
            raise BadInput(f"condition: label must be in 0 … {len(spec.names) - 1}, for {in_a_line(spec.names)}")
    return value


@dataclass(frozen=True, kw_only=True)
class SampleConditions:
    """What sample *i* is given: row ``i % rows`` of a table. Without rows no sample is given anything.

    Args:
        table: by key, (rows, …).
        words: of every row, what people and ``samples.json`` are told of it.
        records: of every row, the number of the record that it was taken of; empty where it was taken of none.
    """

    table: Mapping[str, Tensor] = field(default_factory=dict)
    words: tuple[Mapping[str, str], ...] = ()
    records: tuple[int, ...] = ()

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


def labels_in_turn(spec: ConditionSpec, asked: str = ALL) -> SampleConditions:
    """Labels one after another.

    Args:
        spec: of the labels.
        asked: a class by name, by number where no class name is one, or ``all`` for every class in turn.

    Raises:
        BadInput: there is no such class.
    """
    everything = asked == ALL and ALL not in spec.names
    chosen = list(range(len(spec.names))) if everything else [class_number(spec.names, asked)]
    words = tuple({"label": spec.names[label]} for label in chosen)
    return SampleConditions(table={"label": torch.tensor(chosen)}, words=words)


def texts_in_turn(spec: ConditionSpec, texts: Sequence[str]) -> SampleConditions:
    """Texts one after another, as byte tokens.

    Raises:
        BadInput: a text is longer than the model reads.
    """
    return SampleConditions(table={spec.key: _tokens(spec, texts)}, words=tuple({"text": text} for text in texts))


def _tokens(spec: ConditionSpec, texts: Sequence[str]) -> Tensor:
    (length,) = spec.shape
    for text in texts:
        size = len(text.encode(errors="replace"))
        if size > length:
            raise WrongValue(f"prompt {text[:40]!r}…: has {size} bytes, the model reads {length}")
    return encode(texts, length)


def records_in_turn(
    specs: Sequence[ConditionSpec], split: Split, most: int | None = None, *, shuffled: bool = False
) -> SampleConditions:
    """What the records of a split have under the keys that a model reads, one record after another.

    Args:
        specs: what the model reads.
        split: the records.
        most: of them that are read: no more than there are samples.
        shuffled: in an order that is always the same and has nothing to do with the stored one, in which the records
            of a class follow one another; a few samples are then given something of everything.

    Raises:
        BadInput: the records lack a key, hold it in another shape or longer than the model reads, or have labels that
            the model does not know.
    """
    specs = _of_records(specs)
    count = min(len(split), most or len(split), max(1, _TABLE_BYTES // sum(_bytes_of(spec) for spec in specs)))
    order = np.random.default_rng(0).permutation(len(split)) if shuffled else np.arange(len(split))
    indices = order[:count]
    table = record_condition(specs, split.read(indices, [spec.key for spec in specs]), split)
    return SampleConditions(
        table=table,
        words=tuple(_record_words(specs, table, row, path) for row, path in enumerate(_paths(specs, split, indices))),
        records=tuple(indices.tolist()),
    )


def _paths(specs: Sequence[ConditionSpec], split: Split, indices: NDArray[np.int64]) -> list[str]:
    """Where what samples are given came from: of pictures of a second set, their own places."""
    if split.second is not None and any(spec.key == TARGET for spec in specs):
        return split.second.paths(indices % len(split.second))
    return split.paths(indices)


def record_condition(specs: Sequence[ConditionSpec], batch: Batch, split: Split) -> dict[str, Tensor]:
    """What a model reads of a batch of a split's records.

    Raises:
        BadInput: as :func:`records_in_turn`.
    """
    condition = {}
    for spec in _of_records(specs):
        if spec.key not in batch:
            what = "captions" if spec.key == "tokens" else spec.key
            raise BadInput(f"{split.info.name}: its records have no {what}, which this model is given")
        condition[spec.key] = _checked(spec, _as_read(spec, batch[spec.key], split), len(batch["index"]))
    return condition


def _of_records(specs: Sequence[ConditionSpec]) -> Sequence[ConditionSpec]:
    """What records can have of what a model reads: all but the scale of a guidance, and masks that may be left out."""
    return [spec for spec in specs if spec.key != KEY and not _own_mask(spec)]


def _own_mask(spec: ConditionSpec) -> bool:
    """Whether a model draws masks of its own where it is given none."""
    return spec.key == "mask" and spec.null is not None


def draws_partners(media: MediaSpec, specs: Sequence[ConditionSpec]) -> bool:
    """Whether a model is given the records' own pictures to draw their partners (larger ones, say), and not to fill
    holes in them."""
    return any(spec.key == media.kind for spec in specs) and not any(map(_own_mask, specs))


def drawn_key(media: MediaSpec, specs: Sequence[ConditionSpec]) -> str:
    """The key of a batch under which stands what a model learns to draw."""
    return TARGET if draws_partners(media, specs) else media.kind


def given_picture(specs: Sequence[ConditionSpec]) -> str | None:
    """The key of the picture that a model is given, the record itself or what stands beside it; ``None`` for none."""
    return next((spec.key for spec in specs if spec.key in ("image", TARGET)), None)


def reals_for(media: MediaSpec, specs: Sequence[ConditionSpec], split: Split) -> Split:
    """Real ones of what a model draws: the records of a split, or what stands beside them.

    Raises:
        BadInput: the model draws what stands beside records, and there is nothing.
    """
    if not draws_partners(media, specs):
        return split
    found = partners_of(split)
    if found is None:
        raise BadInput(
            f"{split.info.name}: nothing stands beside the records of its split {split.name} (side {TARGET}), and the "
            "model draws that; diorama prepare makes pairs with --pair, for models that enlarge with --small"
        )
    return found


def draws_of_pairs(media: MediaSpec, specs: Sequence[ConditionSpec], split: Split) -> bool:
    """Whether a model is given a picture of a split whose own partner shows what it should draw."""
    return given_picture(specs) is not None and TARGET in split.sides and media.kind == split.info.media.kind


def _bytes_of(spec: ConditionSpec) -> int:
    """Of one sample's, as a tensor."""
    return math.prod(spec.shape) * (8 if spec.key in _WHOLE else 4)


def _as_read(spec: ConditionSpec, value: Tensor, split: Split) -> Tensor:
    """What records hold, as the model reads it: labels by the model's numbers, ragged values of the model's length."""
    if spec.key == "label" and spec.names and split.info.classes != spec.names:
        unknown = [name for name in split.info.classes if name not in spec.names]
        if unknown:
            raise BadInput(
                f"{split.info.name}: its records have the label {unknown[0]!r}, and this model knows "
                f"{in_a_line(spec.names)}"
            )
        numbers = torch.tensor([spec.names.index(name) for name in split.info.classes])
        return numbers[value]
    side = split.sides.get(spec.key)
    if side is None or not side.spec.ragged or not spec.shape:
        return value
    length, longest = spec.shape[0], value.shape[1]
    if longest <= length:
        return F.pad(value, (0, 0) * (value.dim() - 2) + (0, length - longest))
    # Padding to the longest of these records may be cut; more than the model reads may not.
    if bool(value[:, length:].any()):
        raise BadInput(f"{split.info.name}: its longest {spec.key} have {longest} values, the model reads {length}")
    return value[:, :length]


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


def usual(specs: Sequence[ConditionSpec], split: Split | None, most: int | None = None) -> SampleConditions:
    """What samples are given where nobody says: labels in turn, and of a model that reads more the records of a split.

    Previews, measurements and comparisons draw with it, so that they see what the model is for.

    Raises:
        BadInput: the model reads more than labels, and there is no split to take it from.
    """
    specs = _of_records(specs)
    if not specs:
        return NOTHING
    (first, *others) = specs
    if first.key == "label" and not others:
        return labels_in_turn(first) if first.names else NOTHING
    if split is None:
        raise BadInput(f"this model is given {', '.join(s.key for s in specs)}, and there are no records to take it of")
    return records_in_turn(specs, split, most, shuffled=True)
