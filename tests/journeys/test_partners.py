"""From pictures with partners to a model that draws partners, and a second set beside a first."""

from __future__ import annotations

from pathlib import Path

from tests.data.pictures import picture, save
from tests.journeys.conftest import Run


def test_a_model_learns_to_draw_partners_of_pictures(diorama: Run, tmp_path: Path) -> None:
    for number in range(24):
        save(picture(number, (8, 8)), tmp_path / "in" / "small" / f"{number}.png")
        save(picture(100 + number, (16, 16)), tmp_path / "in" / "large" / f"{number}.png")
    given = ("prepare", tmp_path / "in", "--size", "None", "--pair", "large", "--out", tmp_path / "pairs")
    told = diorama(*given)
    assert "beside each its partner (side target): pictures of 16 x 16, 3 channels, uint8" in told
    assert "a partner of each: pictures of 16 x 16, 3 channels, uint8" in diorama("describe", tmp_path / "pairs")
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


def test_pairs_are_learned_translated_and_measured(diorama: Run, tmp_path: Path) -> None:
    for number in range(30):
        save(picture(number, (32, 32)), tmp_path / "in" / "photos" / f"{number}.png")
        save(picture(100 + number, (32, 32), 1), tmp_path / "in" / "maps" / f"{number}.png")
    split = ("--size", 32, "--split", ".2,0,.8")
    told = diorama("prepare", tmp_path / "in", *split, "--pair", "maps", "--out", tmp_path / "pairs")
    assert "next: diorama train pix2pix_cpu" in told
    training = ("train", "pix2pix_cpu", "--data", tmp_path / "pairs", "--images", 4, "--out", tmp_path / "run")
    told = diorama(*training, "--method.direction", "to_record")
    assert f"To draw from it: diorama translate {tmp_path / 'run'} PICTURES" in told
    diorama("translate", tmp_path / "run", tmp_path / "in" / "maps" / "3.png", "--out", tmp_path / "drawn")
    assert (tmp_path / "drawn" / "000000.png").is_file()
    told = diorama("evaluate", tmp_path / "run", "--against", tmp_path / "pairs")
    assert "its split test, 24 pictures of 32x32" in told
    assert "\nssim " in told
    refused = diorama(
        "translate", tmp_path / "run", tmp_path / "in" / "maps", "--back", "--out", tmp_path / "none", code=1
    )
    assert "this model has no network of the other way; a CycleGAN's has one" in refused


def test_sets_without_pairs_are_learned_and_translated_both_ways(diorama: Run, tmp_path: Path) -> None:
    for number in range(4):
        save(picture(number, (32, 32)), tmp_path / "cats" / "train" / f"{number}.png")
        save(picture(100 + number, (32, 32)), tmp_path / "dogs" / "train" / f"{number}.png")
    sets = ("--unpaired", tmp_path / "dogs", "--size", 32)
    diorama("prepare", tmp_path / "cats", *sets, "--out", tmp_path / "sets")
    training = ("train", "cyclegan_cpu", "--data", tmp_path / "sets", "--images", 2, "--out", tmp_path / "run")
    diorama(*training, "--preview-every", 0)
    for name, way in {"there": (), "back": ("--back",)}.items():
        diorama("translate", tmp_path / "run", tmp_path / "cats" / "train", *way, "--out", tmp_path / name)
    drawn = [(tmp_path / name / "000000.png").read_bytes() for name in ("there", "back")]
    assert drawn[0] != drawn[1]
    refused = diorama("train", "pix2pix_cpu", "--data", tmp_path / "sets", "--out", tmp_path / "none", code=2)
    assert "or take cyclegan, which learns without pairs" in refused
