"""What prepare was asked for is done or refused, and what it made of the files is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from diorama.core.errors import BadInput
from diorama.data.findings import findings
from diorama.data.prepare import PrepareOptions, prepare
from tests.data.pictures import folder_of, picture, prepared, save


@pytest.mark.parametrize("option", ["label", "caption", "group"])
def test_a_column_is_not_asked_for_in_vain_where_no_table_is_read(tmp_path: Path, option: str) -> None:
    source = folder_of(tmp_path / "in", 3)
    (source / "index.csv").write_text("path,gender\n000.png,f\n")
    words = f"--{option} gender: no table has this column; no table was read; --table names one, such as index.csv"
    with pytest.raises(BadInput, match=words):
        list(prepare([source], tmp_path / "out", PrepareOptions(**{option: "gender"})))  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_table_that_was_read_is_not_said_to_be_skipped(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", 20)
    inside = source / "index.csv"
    inside.write_text("path,gender\n" + "".join(f"{number:03d}.png,f\n" for number in range(20)))
    data, audit = prepared(source, tmp_path / "out", table=inside, label="gender")
    assert data.info.classes == ("f",)
    assert audit.skipped == ()


def test_pictures_that_a_wish_for_clips_makes_frames_are_counted(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        folder_of(tmp_path / "in" / name, 8)
    _, audit = prepared(tmp_path / "in", tmp_path / "out", frames=4)
    assert "16 pictures were read as the frames of 2 clips, one for each folder of pictures" in audit.notes


def test_groups_that_the_sources_splits_tear_apart_stand_out(tmp_path: Path) -> None:
    for place, split in enumerate(("train", "val", "test")):
        for number in range(4):
            save(picture(100 * place + number), tmp_path / "in" / split / f"{number:03d}.png")
    rows = [f"{split}/{number:03d}.png,{number}" for split in ("train", "val", "test") for number in range(4)]
    (tmp_path / "t.csv").write_text("\n".join(["path,patient", *rows]))
    data, audit = prepared(tmp_path / "in", tmp_path / "out", table=tmp_path / "t.csv", group="patient")
    found = findings(audit, data.info.media, cropped=True)
    assert "4 groups on several sides of the source's own splits" in [finding.title for finding in found]
