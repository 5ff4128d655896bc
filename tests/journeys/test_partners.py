"""From pictures with partners to a model that draws partners, and a second set beside a first."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.data.pictures import picture, save
from tests.journeys.conftest import Run


def test_a_model_learns_to_draw_partners_of_pictures(diorama: Run, tmp_path: Path) -> None:
    for number in range(24):
        both = [picture(number, (16, 16)), picture(100 + number, (16, 16))]
        save(np.concatenate(both, axis=1), tmp_path / "maps" / f"{number}.png")
    told = diorama("prepare", tmp_path / "maps", "--size", 8, "--pair", "left", "--out", tmp_path / "pairs")
    assert "beside each its partner (side target): pictures of 8 x 8, 3 channels, uint8" in told
    assert "a partner of each: pictures of 8 x 8, 3 channels, uint8" in diorama("describe", tmp_path / "pairs")
    training = ("train", "edm_upscale_cpu", "--data", tmp_path / "pairs", "--out", tmp_path / "run", "--images", 64)
    diorama(*training, "--preview-every", 0)
    given = ("--records", tmp_path / "pairs", "--split", "test", "--count", 2, "--steps", 3)
    diorama("sample", tmp_path / "run", *given, "--out", tmp_path / "drawn")
    assert (tmp_path / "drawn" / "000001.png").is_file()


def test_missing_partners_are_listed_with_their_count(diorama: Run, tmp_path: Path) -> None:
    for number in range(12):
        save(picture(number, (16, 16)), tmp_path / "in" / "photos" / f"{number}.jpg")
        if number > 2:
            save(picture(100 + number, (16, 16), 1), tmp_path / "in" / "maps" / f"{number}.png")
    told = diorama("prepare", tmp_path / "in", "--size", 8, "--pair", "maps", "--out", tmp_path / "pairs")
    assert "skipped photos/0.jpg, photos/1.jpg, photos/2.jpg: no file of its name in maps" in told
    assert "note: 3 pictures without a partner left out" in told
    assert "note: 9 pictures with a partner: of the same name in maps" in told
    assert "beside each its partner (side target): pictures of 8 x 8, 1 channel, uint8" in told


def test_a_second_set_is_told_of_and_refused_where_it_does_not_fit(diorama: Run, tmp_path: Path) -> None:
    for number in range(12):
        save(picture(number, (16, 16)), tmp_path / "cats" / f"{number}.png")
        save(picture(100 + number, (16, 16)), tmp_path / "dogs" / f"{number}.png")
    given = ("prepare", tmp_path / "cats", "--size", 8, "--split", "1,0,0")
    told = diorama(*given, "--unpaired", tmp_path / "dogs", "--out", tmp_path / "both")
    assert "beside them 12 pictures of a second set, drawn on their own (side target): train 12" in told
    assert "second set" in diorama("describe", tmp_path / "both")
    refused = diorama("train", "edm_upscale_cpu", "--data", tmp_path / "both", "--out", tmp_path / "run", code=2)
    assert "have no larger ones beside them" in refused
    refused = diorama(*given, "--unpaired", "birds", "--out", tmp_path / "other", code=1)
    assert "--unpaired birds: there is no such file or folder, and no record of cats has this label" in refused
    refused = diorama(*given, "--unpaired", "dogs", "--pair", "left", "--out", tmp_path / "other", code=2)
    assert "pair and unpaired exclude each other" in refused
    assert not (tmp_path / "other").exists()
