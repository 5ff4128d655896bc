"""`diorama evaluate` on folders of files that nobody prepared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diorama.cli.main import DONE, NOTHING_DONE, WRONG, run
from tests.data.pictures import picture, save


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """20 real and 21 drawn pictures of 40 x 32."""
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "cache"))
    for number in range(41):
        save(picture(number, (32, 40)), tmp_path / ("real" if number < 20 else "fake") / f"{number}.png")
    return tmp_path / "real", tmp_path / "fake"


def test_scores_are_one_table_and_the_file_has_all_digits(
    sides: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real, fake = map(str, sides)
    scores = tmp_path / "scores.json"
    assert run(["evaluate", fake, "--against", real, "--metrics", "FD,Recall", "--json", str(scores)]) == DONE
    names, read, head, *rows = capsys.readouterr().out.splitlines()
    assert names == "metrics: FD is fd@lite; Recall is recall@lite"
    assert read == f"{real}: read as it is, 20 pictures of 40x32"
    assert head.startswith("metric ")
    assert ["↓" in rows[0], "↑" in rows[1], rows[2]] == [True, True, ""]
    results = json.loads(scores.read_text())["results"]
    assert [(r["metric"], r["samples"], r["reference"]["count"]) for r in results] == [
        ("fd@lite", 21, 20),
        ("recall@lite", 21, 20),
    ]
    assert set(results[0]) == {
        *("metric", "value", "interval", "extractor", "resize", "dtype", "samples", "reference", "seed")
    }


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--metrics", "fvd"), WRONG, "the nearest that there is: fd@lite-clip"),
        (("--metrics", "LPIPS"), NOTHING_DONE, "needs a model that makes one of them"),
        (("--metrics", "psnr"), NOTHING_DONE, "needs a model that makes one of them"),
        (("--metrics", "SSIM"), NOTHING_DONE, "needs a model that makes one of them"),
        (("--split", "test"), NOTHING_DONE, "names no splits"),
        (("--subject-split", "test"), NOTHING_DONE, "names no splits"),
        (("--size", "0"), WRONG, "--size must be at least 1"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_line(
    options: tuple[str, str], code: int, message: str, sides: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    real, fake = map(str, sides)
    assert run(["evaluate", fake, "--against", real, *options]) == code
    told = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("measuring")]
    assert len(told) == 1
    assert message in told[0]
