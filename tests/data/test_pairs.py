"""Small pictures with the larger ones beside them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import open_dataset
from diorama.data.pairs import pair_notes
from diorama.data.prepare import PrepareOptions
from diorama.media.resize import resize
from tests.data.pictures import picture, prepared, save


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Pictures of two classes and two sizes, with captions."""
    rows = ["path,caption"]
    for number in range(12):
        name = f"{'cat' if number % 2 else 'dog'}/{number}.png"
        save(picture(number, (20, 16) if number < 3 else (16, 16)), tmp_path / "in" / name)
        rows.append(f"{name},number {number}")
    (tmp_path / "rows.csv").write_text("\n".join(rows))
    return tmp_path / "in"


def test_records_are_the_shrunk_pictures_and_the_whole_ones_stand_beside_them(source: Path, tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    whole, _ = prepared(source, tmp_path / "whole", size=16, table=table)
    pairs, audit = prepared(source, tmp_path / "pairs", size=16, small=4, table=table)
    assert pairs.info.media == replace(whole.info.media, height=4, width=4)
    assert pairs.splits == whole.splits
    assert any("shrunk to 4 x 4; those of 16 x 16 are their partners" in note for note in audit.notes)
    for name in whole.splits:
        indices = np.arange(whole.splits[name])
        large, both = whole.split(name).read(indices), pairs.split(name).read(indices)
        assert torch.equal(both["target"], large["image"])
        assert torch.equal(both["label"], large["label"])
        assert torch.equal(both["tokens"], large["tokens"])
        stored = ((large["image"] + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        small = torch.from_numpy(resize(stored, (4, 4))).permute(0, 3, 1, 2) / 127.5 - 1
        torch.testing.assert_close(both["image"], small)
    open_dataset(tmp_path / "pairs").verify()
    assert [path.name for path in (tmp_path / "pairs").iterdir() if path.is_dir()].count("shards") == 0


def test_boxes_are_those_of_the_small_pictures_and_so_is_the_card(source: Path, tmp_path: Path) -> None:
    boxes = [{"image_id": 5, "category_id": 1, "bbox": [0, 4, 8, 8]}]
    document = {
        "images": [{"id": 5, "file_name": "cat/5.png", "height": 16, "width": 16}],
        "annotations": boxes,
        "categories": [{"id": 1, "name": "corner"}],
    }
    (source / "annotations.json").write_text(json.dumps(document))
    pairs, _ = prepared(source, tmp_path / "pairs", size=16, small=4)
    facts = [fact for name in pairs.splits for fact in pairs.split(name).facts(np.arange(pairs.splits[name]))]
    (objects,) = (fact["objects"] for fact in facts if fact.get("objects"))
    assert objects[0]["bbox"] == [0, 1, 2, 2]
    assert "pictures of 4 x 4 pixels" in (tmp_path / "pairs" / "README.md").read_text()


def test_equal_options_give_equal_pairs(source: Path, tmp_path: Path) -> None:
    one, _ = prepared(source, tmp_path / "one", size=16, small=8, name="p")
    other, _ = prepared(source, tmp_path / "two", size=16, small=8, name="p", workers=2)
    smaller, _ = prepared(source, tmp_path / "three", size=16, small=4, name="p")
    assert one.info.sha256 == other.info.sha256 != smaller.info.sha256


@pytest.mark.parametrize("small", [0, 16, 20])
def test_small_is_less_than_the_size(small: int) -> None:
    with pytest.raises(ValueError, match="small must be at least 1 pixel and less than the size, 16"):
        PrepareOptions(size=16, small=small)


def test_small_clips_are_refused_before_anything_is_read() -> None:
    with pytest.raises(ValueError, match="small is of pictures, and frames asks for clips"):
        PrepareOptions(size=16, small=8, frames=16)


@pytest.mark.parametrize(
    ("media", "told"),
    [
        (MediaSpec(kind="video", channels=3, height=16, width=16, frames=4), "these are clips"),
        (MediaSpec(kind="image", channels=3, height=16, width=12), "12 x 16 are not square; give --size"),
        (MediaSpec(kind="image", channels=3, height=4, width=4), "8 must be less than the 4 pixels"),
    ],
)
def test_what_has_no_pairs_is_refused(media: MediaSpec, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        pair_notes(media, 8)
