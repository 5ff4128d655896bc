"""What the list in a folder of samples says of its files: their indices, and what each was drawn of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diorama.data.sources.sidecars import SAMPLES as LIST
from diorama.text.bytes import encode

_LARGEST = 256 << 20
"""Bytes of a list that is read: about a million samples."""
_LONGEST_TEXT = 4_096
"""Characters of a text that is taken for a caption: all texts are padded to the longest."""


@dataclass(frozen=True)
class SampleList:
    """What is known of the files of a folder.

    Args:
        index: by file name, its sample's index; empty where nothing is known, and samples are numbered as they come.
        given: by key of a batch, what each file's sample was given.
        note: what could not be used, for people; empty where there is nothing to say.
    """

    index: Mapping[str, int] = field(default_factory=dict)
    given: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    note: str = ""

    def of(self, file: str, place: int) -> dict[str, Tensor]:
        """Index and condition of a file's sample, as tensors without the batch axis.

        Args:
            file: its name.
            place: among all files, which is its index where nothing is known.
        """
        if not self.index:
            return {"index": torch.tensor(place)}
        return {"index": torch.tensor(self.index[file]), **{key: rows[file] for key, rows in self.given.items()}}


UNKNOWN = SampleList()
"""Nothing is known of the files."""


def read_list(folder: Path, files: Sequence[str], classes: Sequence[str]) -> SampleList:
    """The list of a folder, as far as it can be used for these files.

    Anybody may have written it, so what does not fit is left out and said, and nothing is refused.

    Args:
        folder: of the samples.
        files: names of all samples in it.
        classes: of the reference: a label is the place of its name among them.
    """
    path = folder / LIST
    if not path.is_file():
        return UNKNOWN
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is too large")
        document = json.loads(path.read_text(encoding="utf-8"))
        rows = {_text(row["file"]): (_number(row["index"]), dict(row["condition"])) for row in document["samples"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        return SampleList(note=f"{path}: is no list that Diorama wrote ({problem}), so samples count as they come")
    missing = [file for file in files if file not in rows]
    if missing:
        return SampleList(
            note=f"{path}: does not list {len(missing)} of {len(files)} files, first {missing[0]}; samples count as "
            "they come"
        )
    listed = {file: rows[file] for file in files}
    tokens, note = _tokens(listed)
    return SampleList(
        {file: index for file, (index, _) in listed.items()},
        {**_labels(listed, classes), **tokens},
        f"{path}: {note}" if note else "",
    )


_Rows = Mapping[str, tuple[int, Mapping[str, Any]]]


def _labels(rows: _Rows, classes: Sequence[str]) -> dict[str, dict[str, Tensor]]:
    """Labels, where every sample has one and the reference knows them all."""
    names = {file: condition.get("label") for file, (_, condition) in rows.items()}
    if not all(name in classes for name in names.values()):
        return {}
    return {"label": {file: torch.tensor(classes.index(str(name))) for file, name in names.items()}}


def _tokens(rows: _Rows) -> tuple[dict[str, dict[str, Tensor]], str]:
    """Texts as byte tokens, where every sample has one; and why they are left out, where that must be said."""
    texts = [condition.get("text") for _, condition in rows.values()]
    # JSON can hold halves of characters, which no UTF-8 has.
    known = [text.encode("utf-8", "replace").decode() for text in texts if isinstance(text, str)]
    if len(known) < len(texts) or not known:
        return {}, ""
    too_long = sum(len(text) > _LONGEST_TEXT for text in known)
    if too_long:
        return {}, f"{too_long} texts are longer than {_LONGEST_TEXT:,} characters, so samples count as drawn of none"
    tokens = encode(known, max(1, *(len(text.encode()) for text in known)))
    return {"tokens": dict(zip(rows, tokens, strict=True))}, ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a file's name is {value!r}")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ValueError(f"an index is {value!r}")
    return value
