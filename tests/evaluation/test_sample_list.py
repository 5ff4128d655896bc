"""The list in a folder of samples tells what each was drawn of; what does not fit is left out and said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from diorama.evaluation.sample_list import UNKNOWN, read_list
from diorama.text.bytes import decode

FILES = ["000004.png", "000007.png"]


def _write(folder: Path, *conditions: dict[str, Any], rows: Any = None) -> Path:
    listed = [
        {"file": file, "seed": 0, "index": int(file[:6]), "condition": condition, "model": "m"}
        for file, condition in zip(FILES, conditions or ({}, {}), strict=True)
    ]
    (folder / "samples.json").write_text(json.dumps({"format": 1, "samples": listed if rows is None else rows}))
    return folder


def test_indices_are_those_of_the_samples(tmp_path: Path) -> None:
    listed = read_list(_write(tmp_path), FILES, ())
    assert [int(listed.of(file, place)["index"]) for place, file in enumerate(FILES)] == [4, 7]
    assert listed.note == ""


def test_without_a_list_samples_are_numbered_as_they_come(tmp_path: Path) -> None:
    listed = read_list(tmp_path, FILES, ())
    assert listed is UNKNOWN
    assert [int(listed.of(file, place)["index"]) for place, file in enumerate(FILES)] == [0, 1]


def test_labels_are_places_among_the_references_classes(tmp_path: Path) -> None:
    folder = _write(tmp_path, {"label": "star"}, {"label": "ring"})
    listed = read_list(folder, FILES, ("ring", "star"))
    assert [int(listed.of(file, 0)["label"]) for file in FILES] == [1, 0]
    assert "label" not in read_list(folder, FILES, ("star",)).of(FILES[0], 0)


def test_texts_are_byte_tokens(tmp_path: Path) -> None:
    listed = read_list(_write(tmp_path, {"text": "a réd ball"}, {"text": "a ball", "record": "3"}), FILES, ())
    tokens = torch.stack([listed.of(file, 0)["tokens"] for file in FILES])
    assert decode(tokens) == ["a réd ball", "a ball"]


def test_what_only_some_were_given_is_left_out(tmp_path: Path) -> None:
    listed = read_list(_write(tmp_path, {"text": "a", "label": "star"}, {}), FILES, ("star",))
    assert set(listed.of(FILES[0], 0)) == {"index"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"samples": 3}',
        '{"samples": [{"file": "000004.png", "index": -1, "condition": {}}]}',
        '{"samples": [{"file": "000004.png", "index": true, "condition": {}}]}',
        '{"samples": [{"file": "000004.png", "index": 1, "condition": 3}]}',
        '{"samples": [{"file": ["x"], "index": 1, "condition": {}}]}',
        "[" * 200_000,
    ],
)
def test_foreign_lists_are_passed_over_and_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "samples.json").write_text(content)
    listed = read_list(tmp_path, FILES, ())
    assert "no list that Diorama wrote" in listed.note
    assert int(listed.of(FILES[1], 1)["index"]) == 1


def test_a_file_that_is_not_listed_is_said(tmp_path: Path) -> None:
    listed = read_list(_write(tmp_path), [*FILES, "more.png"], ())
    assert "does not list 1 of 3 files, first more.png" in listed.note
    assert int(listed.of("more.png", 2)["index"]) == 2


def test_halves_of_characters_do_no_harm(tmp_path: Path) -> None:
    listed = read_list(_write(tmp_path, {"text": "\ud800"}, {"text": "b"}), FILES, ())
    assert decode(listed.of(FILES[0], 0)["tokens"][None]) == ["?"]


def test_a_text_that_is_no_caption_takes_no_memory(tmp_path: Path) -> None:
    listed = read_list(_write(tmp_path, {"text": "x" * 5_000_000}, {"text": "a ball"}), FILES, ())
    assert "tokens" not in listed.of(FILES[0], 0)
    assert "1 texts are longer than 4,096 characters" in listed.note
