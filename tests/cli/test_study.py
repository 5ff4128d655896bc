"""``diorama study``: made, served, bundled, taken away, from the command line."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from diorama.cli import main as program
from diorama.data.answers import read_answers
from diorama.study.design import FILE, read_design
from diorama.study.folder import open_study
from diorama.study.listening import listen
from diorama.study.simulate import ExposedRaters
from diorama.study.simulated_answers import SimulatedStudy, staircase_answers
from diorama.study.staircase import Staircase
from tests.study.studies import write_clips, write_pictures
from tests.study.test_bundle import saved


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    return [f"{name}={write_pictures(tmp_path / 'of' / name, i)}" for i, name in enumerate(("real", "one"))]


def made(folder: Path, sources: list[str], *more: str) -> int:
    short = ["--items", "4", "--judgements", "3", "--repeats", "1", "--attention", "1", "--practice", "1"]
    return program.run(["study", "new", str(folder), "--systems", *sources, *short, *more])


def test_a_study_is_made_and_its_power_is_said(
    tmp_path: Path, sources: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert made(tmp_path / "pairs", sources, "--kind", "2afc", "--raters", "9", "--title", 'Real "or" not') == 0
    said = capsys.readouterr().out
    assert "9 raters with 3 judgements each find right answers in 60 % of choices with probability" in said
    assert "8 pictures of 32x32" in said
    design = read_design(tmp_path / "pairs" / FILE)
    assert (design.name, design.kind, design.title) == ("pairs", "2afc", 'Real "or" not')
    assert design.stop.raters == 9


def test_a_staircase_is_made_and_its_precision_is_said(
    tmp_path: Path, sources: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert made(tmp_path / "timed", sources, "--kind", "real_or_fake", "--staircase", "--raters", "30") == 0
    said = capsys.readouterr().out
    assert "30 raters tell HYPE_time to within 67 ms" in said
    assert "with fewer than 50 in each" in said
    assert "[staircase]\nstart_ms = 500\n" in (tmp_path / "timed" / FILE).read_text()
    assert program.run(["study", "bundle", str(tmp_path / "timed"), "--out", str(tmp_path / "pages")]) == 1
    assert "serve the study" in capsys.readouterr().err


def test_clips_and_files_of_options_make_studies_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [f"{name}={write_clips(tmp_path / name, i)}" for i, name in enumerate(("a", "b"))]
    (tmp_path / "options.toml").write_text('title = "Moving"\nclips = true\nno-ties = true\n')
    assert made(tmp_path / "clips", folders, "--config", str(tmp_path / "options.toml")) == 0
    study = open_study(tmp_path / "clips")
    assert study.collection.medium == "clips"
    assert (study.design.title, study.design.ties) == ("Moving", False)
    assert "8 clips of 32x32" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--kind", "2afc", "--truth", "none"), "--truth: 'none' is none of the systems"),
        (("--repeats", "9"), "--repeats must be in [0, 3]"),
        (("--effect", "1.5"), "--effect is a share"),
        (("--return-address", "javascript:x"), "--return-address must be https"),
        (("--exposure-ms", "1"), "--exposure-ms must be in"),
        (("--staircase",), "--staircase needs the kind real_or_fake"),
        (("--staircase", "--kind", "real_or_fake", "--order", "adaptive"), "--staircase needs order"),
        (("--staircase", "--kind", "real_or_fake", "--exposure-ms", "200"), "--staircase chooses the exposures"),
        (("--name", "a b"), "--name must be letters"),
        (("--items", "0"), "--items must be at least 1, got 0"),
        (("--size", "0"), "--size must be in [1, 4,096], got 0"),
        (("--size", "100000000"), "--size must be in"),
        (("--clips", "--fps", "0"), "--fps must be in (0, 240], got 0"),
        (("--clips", "--fps", "nan"), "--fps must be in"),
        (("--systems", "one=elsewhere"), "two of them have the same name"),
        (("--systems", "one"), "expected NAME=FOLDER"),
    ],
)
def test_what_does_not_fit_is_the_command_lines_fault(
    tmp_path: Path, sources: list[str], more: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert made(tmp_path / "study", sources, *more) == program.WRONG
    assert message in capsys.readouterr().err
    assert not (tmp_path / "study").exists()


def test_a_bundles_answers_come_back_by_export(
    tmp_path: Path, sources: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "pairs"
    made(study, sources)
    assert program.run(["study", "bundle", str(study), "--out", str(tmp_path / "pages"), "--raters", "2"]) == 0
    files = [saved(tmp_path / "pages" / f"rater-000{i}.html", tmp_path / f"{i}.json", "tie") for i in range(2)]
    words = ["study", "export", str(study), "--out", str(tmp_path / "answers.csv"), "--downloads", *map(str, files)]
    assert program.run([*words, str(tmp_path / "none.json")]) == 0
    caught = capsys.readouterr()
    assert "10 answers of 2 raters, 0 left open" in caught.out
    assert "left out" in caught.err
    assert {row.choice for row in read_answers(tmp_path / "answers.csv").rows} == {"tie"}
    before = (tmp_path / "answers.csv").read_bytes()
    assert program.run([*words[:6], str(tmp_path / "none.json")]) == program.NOTHING_DONE
    assert "answers.csv is not written" in capsys.readouterr().err
    assert (tmp_path / "answers.csv").read_bytes() == before
    more = ["study", "bundle", str(study), "--out", str(tmp_path / "more"), "--raters", "0"]
    assert program.run(more) == program.WRONG
    assert "--raters must be in [1, 10,000]" in capsys.readouterr().err
    assert program.run(["study", "export", str(study), "--out", str(tmp_path / "x.csv")]) == program.NOTHING_DONE
    assert "study serve" in capsys.readouterr().err


def test_the_program_serves_until_it_is_interrupted_and_its_database_is_exported(
    tmp_path: Path, sources: list[str]
) -> None:
    study = tmp_path / "pairs"
    made(study, sources)
    command = [sys.executable, "-m", "diorama", "study", "serve", str(study), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    try:
        said = server.stdout.readline() + server.stdout.readline()
        _, admin = re.findall(r"http://\S+", said)
        with urlopen(Request(f"{admin}/links", data=b"count=2", method="POST"), timeout=20) as reply:
            assert "Links for raters" in reply.read().decode()
        with urlopen(f"{admin}/links", timeout=20) as reply:
            link = json.load(reply)["links"][0]["link"]
        with urlopen(Request(f"{link}/consent", method="POST"), timeout=20) as reply:
            assert 'id="given"' in reply.read().decode()
        server.send_signal(signal.SIGINT)
        assert server.wait(30) in (0, 130, -signal.SIGINT)
        assert "Traceback" not in server.stdout.read()
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    # Links of raters and the administrator's are nobody else's.
    assert (study / "admin-token").stat().st_mode & 0o077 == 0
    assert (study / "answers.sqlite").stat().st_mode & 0o077 == 0
    assert program.run(["study", "export", str(study), "--out", str(tmp_path / "answers.json")]) == 0
    # The one trial that was shown was practice.
    assert read_answers(tmp_path / "answers.json").rows == ()
    words = ["study", "export", str(study), "--out", str(tmp_path / "x.csv"), "--version", "2"]
    assert program.run(words) == program.NOTHING_DONE


def test_a_study_without_any_picture_or_with_a_broken_database_is_not_served(
    tmp_path: Path, sources: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "pairs"
    made(study, sources)
    for path in (study / "media").iterdir():
        path.unlink()
    capsys.readouterr()
    assert program.run(["study", "serve", str(study), "--port", "0"]) == program.NOTHING_DONE
    assert "media: none of the study's 16 files is there, or whole; put them back" in capsys.readouterr().err
    (study / "answers.sqlite").write_bytes(b"no database" * 100)
    for mark in ("-wal", "-shm"):
        (study / f"answers.sqlite{mark}").unlink(missing_ok=True)
    assert program.run(["study", "export", str(study), "--out", str(tmp_path / "x.csv")]) == program.NOTHING_DONE
    assert "answers.sqlite: the study's database refuses" in capsys.readouterr().err


def test_without_its_packages_a_study_says_what_to_install(
    tmp_path: Path, sources: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "pairs", sources)
    monkeypatch.setattr("diorama.study.serve.find_spec", lambda name: None)
    assert program.run(["study", "serve", str(tmp_path / "pairs")]) == program.NOTHING_DONE
    assert "pip install 'diorama[study]'" in capsys.readouterr().err


def test_a_server_starts_without_what_takes_seconds_to_import() -> None:
    # After a crash raters wait for it.
    code = "import sys, diorama.study.server; sys.exit(not {'torch', 'scipy.stats'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_small_parts_of_a_reply_are_sent_at_once() -> None:
    # Without it every reply waits for the other side's delayed acknowledgement, 40 ms.
    with listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
        with socket.create_connection(listening.getsockname()):
            pass


def test_exposures_that_a_csv_has_no_place_for_are_told(
    tmp_path: Path, sources: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made(tmp_path / "timed", sources, "--kind", "real_or_fake", "--staircase") == 0
    study = SimulatedStudy(systems=("one",), items=("a", "b"), raters=1, judgements=4)
    answers = staircase_answers(study, ExposedRaters(threshold_ms=300), Staircase())
    monkeypatch.setattr("diorama.study.serve.exported", lambda *_: answers)
    capsys.readouterr()
    for name, told in (("a.csv", True), ("a.json", False)):
        assert program.run(["study", "export", str(tmp_path / "timed"), "--out", str(tmp_path / name)]) == 0
        assert ("exposures are left out" in capsys.readouterr().err) is told
