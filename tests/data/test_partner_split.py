"""What stands beside records, as records of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from diorama.data.partners import partners_of
from tests.data.pictures import folder_of, picture, prepared, save


def test_partners_are_records_of_their_own_media_and_name(tmp_path: Path) -> None:
    for number in range(6):
        save(picture(number, (16, 16)), tmp_path / "in" / "photos" / "train" / f"{number}.png")
        save(picture(100 + number, (16, 16), 1), tmp_path / "in" / "maps" / "train" / f"{number}.png")
    split = prepared(tmp_path / "in", tmp_path / "out", pair="maps", split=(1, 0, 0))[0].split("train")
    found, order = partners_of(split), np.array([4, 0, 2])
    assert found is not None
    assert (found.info.media.shape, found.info.sides, len(found)) == ((1, 16, 16), (), len(split))
    assert found.info.sha256 != split.info.sha256
    assert torch.equal(found.read(order)["image"], split.read(order)["target"])
    assert found.paths(order) == split.paths(order)
    assert np.array_equal(found[4].pixels, found.stored(order)[0])
    assert found.shapes() == [(16, 16, 1)] * 6


def test_of_a_second_set_they_are_its_records_and_without_any_there_are_none(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path / "a" / "train", 5), folder_of(tmp_path / "b" / "train", 3)
    both = prepared(first.parent, tmp_path / "both", unpaired=second.parent)[0].split("train")
    found = partners_of(both)
    assert found is both.second
    assert partners_of(prepared(first.parent, tmp_path / "one")[0].split("train")) is None
