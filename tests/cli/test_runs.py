"""Runs are listed from their small files alone, and removed only where nothing else can be lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from diorama.cli import runs as command
from diorama.cli.main import run
from diorama.core.locks import only_process
from diorama.core.run_list import find_runs


def write_run(folder: Path, *, images: int = 640, planned: int = 1_000, score: float | None = 12.5) -> Path:
    (folder / "checkpoints" / "000000010").mkdir(parents=True)
    (folder / "model").mkdir()
    evaluation = {"metric": "fd@lite"}
    recipe = {"kind": "Recipe", "name": "vae_toy", "images": planned, "batch_size": 64, "evaluation": evaluation}
    (folder / "recipe.json").write_text(json.dumps({"format": 2, "recipe": recipe}))
    lines = [json.dumps({"kind": "report", "step": i // 64, "images": i}) for i in (64, images)]
    (folder / "log.jsonl").write_text("\n".join(lines) + '\n{"kind": "rep')
    scores = [] if score is None else [{"metric": "kid@lite", "value": 1.0}, {"metric": "fd@lite", "value": score}]
    (folder / "model" / "provenance.json").write_text(json.dumps({"scores": scores}))
    return folder


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert run(["runs", *words, "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["runs"]
    return found


def test_runs_are_listed_with_what_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "deep" / "b", images=1_024, score=None)
    begun = write_run(tmp_path / "c", images=0)
    (begun / "log.jsonl").unlink()
    (begun / "checkpoints" / "000000010").rmdir()
    assert run(["runs", str(tmp_path)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].split()[:3] == ["run", "recipe", "images"]
    assert [row.split()[0] for row in rows[1:4]] == ["a", "c", "deep/b"]
    assert "fd@lite ↓ 12.5" in rows[1]
    assert [row.split()[-1] for row in rows[1:4]] == ["stopped", "begun", "finished"]
    assert rows[4].startswith("3 runs below ")
    first = listed(capsys, str(tmp_path))[0]
    assert (first["images"], first["planned"], first["state"]) == (640, 1_000, "stopped")
    assert first["score"] == {"metric": "fd@lite", "value": 12.5}
    assert first["bytes"] == sum(file.stat().st_size for file in (tmp_path / "a").rglob("*") if file.is_file())


def test_a_resume_state_may_be_newer_than_the_log(tmp_path: Path) -> None:
    run_folder = write_run(tmp_path / "a", planned=5_000)
    (run_folder / "checkpoints" / "000000040").mkdir()
    assert find_runs(tmp_path).runs[0].images == 40 * 64


def test_what_is_no_run_is_said_and_links_are_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = write_run(tmp_path / "elsewhere" / "x")
    here = tmp_path / "here"
    write_run(here / "a")
    (here / "link").symlink_to(elsewhere)
    (here / "cake").mkdir()
    (here / "cake" / "recipe.json").write_text('{"flour": 1}')
    (here / "pie").mkdir()
    (here / "pie" / "recipe.json").write_text(
        '{"format": 2, "recipe": {"name": "pie", "images": 1, "batch_size": "6"}}'
    )
    (here / "deep").mkdir()
    (here / "deep" / "recipe.json").write_text("[" * 100_000)
    assert run(["runs", str(here)]) == 0
    told = capsys.readouterr()
    assert "link" not in told.out
    assert all(f"{name}: its recipe.json is of no run" in told.err for name in ("cake", "pie", "deep"))


def test_the_folder_runs_is_looked_into_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "a")
    write_run(tmp_path / "other")
    assert [found["name"] for found in listed(capsys)] == ["a"]
    assert [found["name"] for found in listed(capsys, ".")] == ["other", "runs/a"]


def test_a_folder_without_runs_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", str(tmp_path)]) == 1
    assert "there is no run in it" in capsys.readouterr().err
    assert run(["runs", str(tmp_path / "absent")]) == 1
    assert "there is no such folder" in capsys.readouterr().err


def test_named_runs_are_removed_and_what_their_links_lead_to_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, precious = write_run(tmp_path / "kept"), tmp_path / "precious"
    precious.mkdir()
    (precious / "photo.png").write_bytes(b"x")
    for name in ("a", "b"):
        (write_run(tmp_path / "runs" / name) / "samples").symlink_to(precious)
    assert run(["runs", str(tmp_path), "--remove", "runs/a", "runs/b/", "--yes"]) == 0
    assert "removed runs/a (" in capsys.readouterr().out
    assert os.listdir(tmp_path / "runs") == []
    assert (precious / "photo.png").exists()
    assert (kept / "recipe.json").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("..", "is no run there"), ("../out", "is no run there"), ("link", "is a link"), ("cake", "is no run there")],
)
def test_only_listed_runs_are_removed_and_none_if_one_cannot_be(
    tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    here, out = tmp_path / "here", write_run(tmp_path / "out")
    fine = write_run(here / "fine")
    (here / "link").symlink_to(out)
    (here / "cake").mkdir()
    (here / "cake" / "recipe.json").write_text('{"flour": 1}')
    assert run(["runs", str(here), "--remove", "fine", name, "--yes"]) == 2
    assert message in capsys.readouterr().err
    assert (fine / "recipe.json").exists()
    assert (out / "recipe.json").exists()
    assert (here / "cake" / "recipe.json").exists()


def test_a_run_that_is_being_written_is_not_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    busy, idle = write_run(tmp_path / "busy"), write_run(tmp_path / "idle")
    with only_process(busy):
        assert [found["state"] for found in listed(capsys, str(tmp_path))] == ["running", "stopped"]
        assert run(["runs", str(tmp_path), "--remove", "idle", "busy", "--yes"]) == 1
        assert f"process {os.getpid()} is at work in this run" in capsys.readouterr().err
    assert (idle / "recipe.json").exists()
    assert (busy / "recipe.json").exists()


def test_files_that_no_training_wrote_keep_a_run_from_being_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = write_run(tmp_path / "a") / "notes.txt"
    notes.write_text("what I learned")
    assert run(["runs", str(tmp_path), "--remove", "a", "--yes"]) == 1
    assert "holds 'notes.txt', which no training wrote" in capsys.readouterr().err
    assert notes.exists()
    # A run of one's own in a run is found, and can go by itself.
    notes.unlink()
    write_run(tmp_path / "a" / "inner")
    assert [found.name for found in find_runs(tmp_path).runs] == ["a", "a/inner"]


def test_removing_asks_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_run(tmp_path / "a")
    assert run(["runs", str(tmp_path), "--remove", "a"]) == 2
    assert "add --yes" in capsys.readouterr().err
    monkeypatch.setattr(command.sys.stdin, "isatty", lambda: True, raising=False)
    for answer, code in (("", 1), ("n", 1), ("y", 0)):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: answer)
        assert folder.exists()
        assert run(["runs", str(tmp_path), "--remove", "a"]) == code
    assert not folder.exists()


def test_yes_alone_agrees_to_nothing(tmp_path: Path) -> None:
    assert run(["runs", str(tmp_path), "--yes"]) == 2


def test_five_hundred_runs_are_listed_without_torch_in_a_moment(tmp_path: Path) -> None:
    for i in range(500):
        write_run(tmp_path / f"r{i:03d}")
    program = (
        "import sys; from diorama.cli.main import run; "
        f"code = run(['runs', {str(tmp_path)!r}]); print('torch' in sys.modules); sys.exit(code)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert time.monotonic() - began < 20
    assert done.stdout.splitlines()[-2].startswith("500 runs")
    assert done.stdout.splitlines()[-1] == "False"
