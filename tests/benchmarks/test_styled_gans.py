"""The rehearsal of the benchmark of StyleGAN2 and StyleGAN3 measures every system in both ways."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.long
def test_the_rehearsal_fills_both_tables(tmp_path: Path) -> None:
    table, script = tmp_path / "table.md", ROOT / "benchmarks" / "styled_gans.py"
    command = [sys.executable, script, "--tiny", "--device", "cpu", "--repeats", "1", "--table", table]
    subprocess.run(command, check=True, timeout=250)
    rows = [line.split(" | ") for line in table.read_text().splitlines()]
    calls = [(row[0].strip("| "), row[1]) for row in rows if "," in row[0]]
    assert calls == [
        (f"{system}, {call}", way)
        for system in ("stylegan2", "stylegan3-t")
        for call in ("forward", "step")
        for way in ("ours", "plain")
    ]
    for system in ("stylegan2", "stylegan3-t", "stylegan3-r"):
        timed = {row[1]: float(row[2]) for row in rows if row[0] == f"| {system}" and row[1] in ("ours", "plain")}
        assert timed.keys() == {"ours", "plain"}
        assert min(timed.values()) > 0
