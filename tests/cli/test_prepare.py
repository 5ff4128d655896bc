"""What preparation prints adds up: what was seen was kept or skipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diorama.cli.main import run


def test_files_kept_and_skipped_are_those_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for i in range(6):
        pixels = np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(source / f"{i}.png")
    (source / "broken.png").write_bytes(b"no picture")
    (source / "notes.txt").write_text("not one either")
    assert run(["prepare", str(source), "--out", str(out), "--size", "8"]) == 0
    printed = capsys.readouterr()
    assert f"8 files seen: 6 kept, 2 skipped; 6 records in {out}" in printed.out
    assert "skipped broken.png" in printed.out
    # Items are what can be decoded: skips of other files are told at the end alone.
    assert "skipped" not in printed.err


def picture_files(folder: Path, count: int, size: tuple[int, int] = (8, 8)) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def test_it_says_what_stands_out_what_to_do_and_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture_files(tmp_path / "in" / "train" / "cat", 12)
    picture_files(tmp_path / "in" / "test" / "cat", 1)
    for number in range(7):
        (tmp_path / "in" / f"{number}.txt").write_text("no picture")
    out = tmp_path / "a place" / "out"
    assert run(["prepare", str(tmp_path / "in"), "--out", str(out), "--size", "8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "pictures of 8x8, 3 channels: train 12, test 1" in lines
    assert "1 class: cat (13)" in lines
    assert "skipped 7 like 0.txt, 1.txt, 2.txt, 3.txt, 4.txt: not a picture, clip or array" in lines
    assert any(line.startswith("No val split.") for line in lines)
    assert "  What to do: --split .9,.1,0 cuts one from train." in lines
    leak = next(line for line in lines if line.startswith("1 leak."))
    assert "train/cat/0.png" in leak
    assert any(line.startswith("1 group of duplicates, 1 record too many.") for line in lines)
    assert lines[-1] == f"next: diorama train ddpm_cpu --data '{out}' --out runs/first"


def test_of_small_copies_it_tells_their_size_and_nothing_of_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture_files(tmp_path / "in", 20, (16, 16))
    options = ["--size", "16", "--small", "8", "--split", ".8,.1,.1"]
    assert run(["prepare", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *options]) == 0
    told = capsys.readouterr().out
    assert "pictures of 8x8, 3 channels: train 16, val 2, test 2" in told.splitlines()
    assert "those of 16 x 16 are their partners" in told
    for where in (told, (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")):
        assert "fd@lite" not in where
    clips = ["prepare", str(tmp_path / "in"), "--out", str(tmp_path / "clips"), "--small", "8", "--frames", "4"]
    assert run(clips) == 2
    assert "small is of pictures, and frames asks for clips" in capsys.readouterr().err


def test_many_reasons_and_classes_are_cut_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        picture_files(tmp_path / "in" / f"class {number}", 1, (8 + number, 8))
    assert run(["prepare", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--size", "8"]) == 0
    printed = capsys.readouterr().out
    assert "12 classes: class 0 (1), class 1 (1)" in printed
    assert "… and 4 more" in printed


def test_on_a_terminal_lines_are_as_wide_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture_files(tmp_path / "in" / "train", 3)
    picture_files(tmp_path / "in" / "test", 1)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert run(["prepare", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--size", "8"]) == 0
    told = capsys.readouterr().out.partition("\n\n")[2].partition("\nnext")[0]
    assert "1 leak" in told
    assert max(map(len, told.splitlines())) <= 60
