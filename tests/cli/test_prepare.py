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
