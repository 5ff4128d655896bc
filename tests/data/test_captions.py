"""Captions on their way from a source to tokens."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.data.dataset import Dataset
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.sources.world import world_source
from diorama.text.bytes import decode
from tests.data.pictures import folder_of, picture, prepared, save


def _texts(dataset: Dataset) -> dict[str, list[str]]:
    """All captions of every record, by path, as they are read."""
    found = {}
    for name, count in dataset.splits.items():
        split = dataset.split(name)
        side = split.sides["tokens"]
        for record, path in enumerate(split.paths(np.arange(count))):
            numbers = side.firsts[record] + np.arange(side.counts[record])
            found[path] = decode(torch.from_numpy(side.stored(numbers)))
    return found


def _table(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder.with_suffix(".jsonl")
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.parametrize("word", ["world", "world-video"])
def test_the_world_has_captions(tmp_path: Path, word: str) -> None:
    dataset, audit = prepared(world_source(word, count=20, size=16, frames=2), tmp_path / "d", frames=2)  # type: ignore[arg-type]
    split = dataset.split("train")
    indices = np.arange(len(split))
    assert decode(split.read(indices)["tokens"]) == [fact["caption"] for fact in split.facts(indices)]
    assert "20 records have captions; they are read as `tokens`" in audit.notes
    (batch,) = Loader([(split, 1.0)], LoaderConfig(batch_size=4), "cpu")(0)
    assert decode(batch["tokens"]) == [split.facts(np.array([i]))[0]["caption"] for i in batch["index"]]


def test_rows_of_one_path_and_lists_are_several_captions(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", 10)
    rows: list[dict[str, object]] = [
        {"path": "000.png", "caption": ["one", " two \n", "one", "", "three"]},
        {"path": "001.png", "text": "first", "label": "a"},
        {"path": "001.png", "text": "second", "label": "b"},
        {"path": "002.png", "caption": "alone"},
    ]
    dataset, audit = prepared(source, tmp_path / "d", table=_table(source, rows))
    texts = _texts(dataset)
    assert texts["000.png"] == ["one", "two", "three"]
    assert texts["001.png"] == ["first", "second"]
    assert texts["002.png"] == ["alone"]
    assert all(texts[f"{number:03d}.png"] == [""] for number in range(3, 10))
    assert "3 records have captions, 2 of them several (up to 3); they are read as `tokens`" in audit.notes
    assert "7 records have no caption and are read with an empty one" in audit.notes
    assert dataset.info.sides[0].several == 3
    facts = {
        fact["path"]: fact
        for name, count in dataset.splits.items()
        for fact in dataset.split(name).facts(np.arange(count))
    }
    assert (facts["000.png"]["caption"], facts["000.png"]["captions"]) == ("one", ["one", "two", "three"])
    assert (facts["001.png"]["caption"], facts["001.png"]["label"]) == ("first", "b")
    assert "captions" not in facts["002.png"]


def test_long_captions_are_cut_between_characters_and_counted(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", 3)
    rows: list[dict[str, object]] = [{"path": f"00{n}.png", "caption": "ä" * 3 * (n + 1)} for n in range(3)]
    dataset, audit = prepared(source, tmp_path / "d", table=_table(source, rows), caption_bytes=9)
    assert _texts(dataset) == {"000.png": ["äää"], "001.png": ["ää" * 2], "002.png": ["ää" * 2]}
    assert "2 captions of more than 9 bytes were cut to that (--caption-bytes)" in audit.notes
    fact = next(
        fact
        for n in dataset.splits
        for fact in dataset.split(n).facts(np.arange(dataset.splits[n]))
        if fact["path"] == "002.png"
    )
    assert fact["caption"] == "ä" * 9


def test_data_without_captions_have_no_tokens(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", 3)
    rows: list[dict[str, object]] = [{"path": "000.png", "caption": " "}]
    dataset, audit = prepared(source, tmp_path / "d", table=_table(source, rows))
    assert dataset.info.sides == ()
    assert not any("caption" in note for note in audit.notes)
    assert not (tmp_path / "d" / "sides").exists()


def test_captions_stay_with_records_that_are_brought_to_one_form(tmp_path: Path) -> None:
    for number in range(6):
        save(picture(number, (20, 20 + number % 2)), tmp_path / "in" / f"{number}.png")
    rows: list[dict[str, object]] = [{"path": f"{n}.png", "caption": f"number {n}"} for n in (1, 2, 5)]
    dataset, _ = prepared(tmp_path / "in", tmp_path / "d", size=None, table=_table(tmp_path / "in", rows))
    assert not (tmp_path / "d" / "shards").exists()
    assert _texts(dataset) == {f"{n}.png": [f"number {n}" if n in (1, 2, 5) else ""] for n in range(6)}
    dataset.verify()


def test_frame_folders_and_stacks_have_the_captions_of_their_row(tmp_path: Path) -> None:
    for clip in "ab":
        for number in range(4):
            save(picture(number), tmp_path / "in" / clip / f"{number}.png")
    rows: list[dict[str, object]] = [{"path": "a", "caption": ["one", "two"]}, {"path": "b", "caption": "other"}]
    dataset, _ = prepared(tmp_path / "in", tmp_path / "d", frames=2, table=_table(tmp_path / "in", rows))
    assert _texts(dataset) == {"a#0": ["one", "two"], "a#1": ["one", "two"], "b#0": ["other"], "b#1": ["other"]}
    np.save(tmp_path / "stack.npy", np.stack([picture(n) for n in range(3)]))
    table = _table(tmp_path / "rows", [{"path": "stack.npy", "caption": ["one", "two"]}])
    stacked, _ = prepared(tmp_path / "stack.npy", tmp_path / "e", table=table)
    assert list(_texts(stacked).values()) == [["one", "two"]] * 3


def test_workers_do_not_change_tokens(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", 150)
    table = _table(source, [{"path": f"{n:03d}.png", "caption": ["x"] * n + [f"number {n}"]} for n in range(0, 150, 7)])
    hashes = {prepared(source, tmp_path / str(w), workers=w, table=table)[0].info.sha256 for w in (0, 3)}
    without, _ = prepared(source, tmp_path / "without")
    assert len(hashes) == 1
    assert without.info.sha256 not in hashes
