"""Models, runs and data say what they are, one fact a line."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from diorama.cli.main import run
from diorama.comparison.mixture import fit
from diorama.comparison.ranking import ranking_lines
from diorama.comparison.report import write_report
from diorama.core.contracts import MediaSpec
from diorama.media.image import read_image, write_image
from diorama.media.stamp import SyntheticStamp
from diorama.synthesis import store
from diorama.synthesis.provenance import DataOrigin, Provenance
from tests.comparison.examples import comparison


def test_a_model_folder_is_described_by_its_parts_and_origin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    media = MediaSpec(kind="video", channels=3, height=4, width=4, frames=3, fps=5.0)
    model = fit(lambda: iter([torch.rand(30, 3, 3, 4, 4) * 2 - 1]), media)
    score = {
        "metric": "fd@lite",
        "value": 3.0,
        "interval": {"low": 2.0, "high": 4.0},
        "samples": 20,
        "reference": {"count": 30},
    }
    data = DataOrigin(name="shapes", sha256="ab")
    provenance = Provenance(recipe={"name": "mine"}, data=data, scores=(score,))
    store.save(tmp_path / "model", model.config, model.state_dict(), provenance, "a card")
    assert run(["describe", str(tmp_path / "model")]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["model"] == "Gaussian mixture"
    assert lines["video"] == "4 x 4, 3 channels, uint8, 3 frames at 5 a second"
    assert lines["recipe"] == "mine"
    assert lines["data"] == "shapes ab"
    assert lines["fd@lite"] == "3.0, true distance in [2.0, 4.0], 20 samples against 30"
    assert lines["sha256"] == store.model_hash(model)


def test_a_run_that_has_not_begun_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.json").write_text("{}")
    assert run(["describe", str(tmp_path)]) == 0
    assert "nothing has been logged yet" in capsys.readouterr().out


def test_a_sample_tells_how_it_was_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stamp = SyntheticStamp(model="ab", seed=7, recipe="mine", index=3, condition={"label": "cat"}, sampler="ddim",
                           steps=4, guidance=1.5)  # fmt: skip
    write_image(tmp_path / "000003.png", np.zeros((4, 4, 3), np.uint8), stamp)
    assert run(["describe", str(tmp_path / "000003.png")]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    expected = {"kind": "sample", "seed": "7", "index": "3", "label": "cat", "recipe": "mine", "sampler": "ddim"}
    assert lines == {**expected, "steps": "4", "guidance": "1.5", "model": "sha256  ab"}
    write_image(tmp_path / "photo.png", np.zeros((4, 4, 3), np.uint8))
    assert run(["describe", str(tmp_path / "photo.png")]) == 1
    assert "photo.png: carries no mark" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "message"), [("", "neither a model folder"), ("absent", "there is no such folder")])
def test_what_is_none_of_them_ends_with_one(
    tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["describe", str(tmp_path / name)]) == 1
    assert message in capsys.readouterr().err


def test_samples_tell_how_many_they_are_and_who_drew_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"file": f"{i:06d}.png", "seed": 7, "index": i, "condition": {}, "model": "ab"} for i in range(3)]
    sampling = {"sampler": "heun", "steps": 5, "guidance": 1.0}
    listed = {"format": 1, "model": "ab", "recipe": "mine", "sampling": sampling, "samples": rows}
    (tmp_path / "samples.json").write_text(json.dumps(listed))
    assert run(["describe", str(tmp_path)]) == 0
    lines = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    drawn = {"sampler": "heun", "steps": "5", "guidance": "1.0"}
    assert lines == {"kind": "samples", "count": "3", "seed": "7", "recipe": "mine", **drawn, "model sha256": "ab"}


@pytest.mark.parametrize("content", ["", "[]", '{"samples": [{}], "model": "", "recipe": ""}'])
def test_a_broken_list_of_samples_is_named(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "samples.json").write_text(content)
    assert run(["describe", str(tmp_path)]) == 1
    assert "is no list of samples" in capsys.readouterr().err


def test_losses_are_named_once_and_energy_in_its_unit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = {"seconds": 80.0, "images_per_second": 1.0, "joules": 12_340.0}
    losses = {"loss": 0.5, "generator": 0.25}
    line = {"kind": "report", "step": 1, "images": 16, "losses": losses, "rates": {}, "clock": clock}
    (tmp_path / "recipe.json").write_text("{}")
    (tmp_path / "log.jsonl").write_text(json.dumps(line) + "\n")
    assert run(["describe", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "loss loss" not in told
    assert "loss generator  0.25" in told
    assert "12.3 kJ" in told


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ('{"format": 2, "recipe": {"name": "ddpm_cpu", "images": 500000, "batch_size": 16}}', "16 of 500k images"),
        ("{}", "16 images"),
    ],
)
def test_a_run_tells_how_much_of_its_length_it_has_trained(
    tmp_path: Path, recipe: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {"kind": "report", "step": 1, "images": 16, "losses": {}, "rates": {}, "clock": {}}
    (tmp_path / "recipe.json").write_text(recipe)
    (tmp_path / "log.jsonl").write_text(json.dumps(line) + "\n")
    assert run(["describe", str(tmp_path)]) == 0
    assert words in capsys.readouterr().out


def write_log(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.json").write_text("{}")
    losses = {"generator": 0.5, "discriminator": 1.5, "discriminator/real_right": 0.75}
    lines: list[dict[str, object]] = [
        {"kind": "report", "step": i, "images": 16 * i, "losses": losses, "clock": {}} for i in range(1, 5)
    ]
    lines.append({"kind": "metric", "step": 4, "images": 64, "results": [{"metric": "fd@lite", "value": 9.0}]})
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def test_curves_of_a_run_name_every_loss_and_metric(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_log(tmp_path / "first")
    svg, png = tmp_path / "curves.svg", tmp_path / "deep" / "curves.png"
    assert run(["describe", str(folder), "--curves", str(svg)]) == 0
    assert f"curves              {svg}" in capsys.readouterr().out
    words = [element.text for element in ElementTree.fromstring(svg.read_text()).iter() if element.text]
    named = {"first", "generator", "discriminator", "discriminator/real_right", "fd@lite", "images seen"}
    assert named <= set(words)
    assert "Fréchet distance (lower is better)" in words
    assert run(["describe", str(folder), "--curves", str(png)]) == 0
    assert read_image(png.read_bytes(), png.name).pixels.shape[2] == 3


def test_curves_are_of_runs_alone_and_of_files_that_are_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_log(tmp_path / "first")
    assert run(["describe", str(folder), "--curves", str(tmp_path / "curves.pdf")]) == 2
    assert "is written as .png or .svg" in capsys.readouterr().err
    (folder / "log.jsonl").unlink()
    assert run(["describe", str(folder), "--curves", str(tmp_path / "curves.svg")]) == 1
    assert "nothing has been logged yet" in capsys.readouterr().err
    write_report([comparison()], tmp_path / "report")
    assert run(["describe", str(tmp_path / "report"), "--curves", str(tmp_path / "curves.svg")]) == 1
    assert "is no run" in capsys.readouterr().err
    assert not (tmp_path / "curves.svg").exists()


@pytest.mark.parametrize("name", ["", "report.json", "report.html"])
def test_a_report_tells_what_was_compared_and_how_it_ended(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report([comparison()], tmp_path, title="Mine")
    assert run(["describe", str(tmp_path / name)]) == 0
    told = capsys.readouterr().out
    assert "kind      report" in told
    assert "title     Mine" in told
    assert "command   diorama compare --data <mine> --out report" in told
    assert "measured  500 samples of each against 2,000 train records" in told
    assert all(line in told for line in ranking_lines(comparison()))
