"""Editing from the command line, and drawing with a guide."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from diorama.core.contracts import MediaSpec
from diorama.data.pack import pack_arrays
from diorama.media.image import read_image, write_image
from diorama.synthesis import store
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.provenance import Provenance
from tests.journeys.conftest import Run
from tests.synthesis.models import enlarger, filler, tiny_diffusion, tiny_gan

MASK = np.zeros((8, 8, 1), np.uint8)
MASK[:, 4:] = 255


def saved(folder: Path, model: Synthesizer) -> Path:
    store.save(folder, model.config, model.state_dict(), Provenance(), "# untrained\n")
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Models, two pictures of the smaller one's size, and a mask."""
    for name, model in {
        "model": tiny_diffusion(("cat", "dog")),
        "guide": tiny_diffusion(("cat", "dog")),
        "enlarger": enlarger(),
        "filler": filler(),
        "gan": tiny_gan(),
    }.items():
        saved(tmp_path / name, model)
    (tmp_path / "pictures").mkdir()
    random = np.random.default_rng(0)
    for name in ("one", "two"):
        write_image(tmp_path / "pictures" / f"{name}.png", random.integers(0, 256, (8, 8, 1), np.uint8))
    write_image(tmp_path / "mask.png", MASK)
    return tmp_path


def test_pictures_are_inpainted_varied_and_enlarged(diorama: Run, place: Path) -> None:
    source = place / "pictures"
    words = ("inpaint", place / "model", source, "--mask", place / "mask.png", "--out", place / "whole")
    assert f"2 pictures in {place / 'whole'}" in diorama(*words, "--label", "dog", "--guidance", 2)
    for name, file in (("one", "000000.png"), ("two", "000001.png")):
        given, drawn = (read_image(path.read_bytes(), "") for path in (source / f"{name}.png", place / "whole" / file))
        assert (given.pixels[:, :4] == drawn.pixels[:, :4]).all()
    words = ("inpaint", place / "filler", source, "--mask", place / "mask.png", "--out", place / "filled")
    assert f"2 pictures in {place / 'filled'}" in diorama(*words)
    diorama("vary", place / "model", source / "one.png", "--out", place / "others", "--strength", 0.5, "--count", 3)
    assert len(json.loads((place / "others" / "samples.json").read_text())["samples"]) == 3
    diorama("upscale", place / "enlarger", source, "--out", place / "large", "--format", "webp")
    assert (place / "large" / "000001.webp").is_file()
    told = diorama("describe", place / "others" / "000000.png")
    assert "one.png" in told


def test_what_cannot_be_edited_is_told_in_a_line(diorama: Run, place: Path) -> None:
    source, out = place / "pictures", place / "out"
    mask = ("--mask", place / "mask.png")
    for words, code, message in (
        (("inpaint", place / "gan", source, *mask), 1, "inpaint: needs a diffusion model"),
        (("inpaint", place / "model", source, "--mask", place / "no.png"), 1, "no.png: there is no such mask"),
        (("inpaint", place / "model", source, *mask, "--rounds", 0), 2, "rounds must be at least 1"),
        (("inpaint", place / "filler", source, *mask, "--rounds", 3), 2, "draws in one pass and takes no steps"),
        (("inpaint", place / "filler", source, *mask, "--count", 2), 2, "makes the same picture every time"),
        (("translate", place / "filler", source), 1, "this is a network that fills holes in pictures"),
        (("vary", place / "model", place / "nothing"), 1, "nothing: there is no such picture or folder"),
        (("vary", place / "model", source, "--strength", 1.5), 2, "strength must be in (0, 1]"),
        (("vary", place / "model", source, "--count", 0), 2, "count must be at least 1"),
        (("vary", place / "model", source, "--label", "cow"), 2, "cow"),
        (("vary", place / "model", source, "--steps", 5_000), 2, "steps can be taken"),
        (("vary", place / "gan", source, "--steps", 5), 1, "vary: needs a diffusion model"),
        (("vary", place / "model", source, "--guide", place / "guide"), 2, "at a guidance of 1 it changes nothing"),
        (("colour", place / "model", source), 1, "colour: needs a model of colour pictures"),
        (("upscale", place / "model", source), 1, "reads no low-resolution picture"),
    ):
        told = diorama(*words, "--out", out, code=code).splitlines()
        assert message in told[-1], (words, told)
        assert not out.exists()


def test_a_guide_is_drawn_with_and_drawn_with_again(diorama: Run, place: Path) -> None:
    words = ("sample", place / "model", "--guide", place / "guide", "--label", "cat", "--count", 2)
    told = diorama(*words, "--out", place / "none", code=2)
    assert "at a guidance of 1 it changes nothing; give --guidance above 1" in told
    diorama(*words, "--guidance", 2, "--out", place / "guided")
    sampling = json.loads((place / "guided" / "samples.json").read_text())["sampling"]
    assert (sampling["guidance"], sampling["guidance_kind"]) == (2, "autoguidance")
    file = place / "guided" / "000001.png"
    diorama("sample", place / "model", "--guide", place / "guide", "--like", file, "--out", place / "again")
    assert (place / "again" / "000001.png").read_bytes() == file.read_bytes()
    told = diorama("sample", place / "model", "--like", file, "--out", place / "other", code=1)
    assert "was drawn by another model" in told


def test_kinds_of_guidance_are_named_and_kept_in_the_file(diorama: Run, place: Path) -> None:
    words = ("sample", place / "model", "--label", "cat", "--count", 1, "--guidance", 3)
    diorama(*words, "--guidance-kind", "apg:longest=5", "--out", place / "apg")
    file = place / "apg" / "000000.png"
    assert "apg:longest=5.0" in diorama("describe", file)
    diorama("sample", place / "model", "--like", file, "--out", place / "again")
    assert (place / "again" / "000000.png").read_bytes() == file.read_bytes()
    told = diorama(*words, "--guidance-kind", "afg", "--out", place / "none", code=2)
    assert "guidance-kind: there is no 'afg'" in told.splitlines()[-1]


def test_a_guided_model_is_measured_as_it_draws(diorama: Run, place: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 8, 8, 1), np.uint8)
    media = MediaSpec(kind="image", channels=1, height=8, width=8)
    labels = np.arange(40) % 2
    pack_arrays(
        place / "data",
        {"train": pixels[:20], "val": pixels[20:]},
        media,
        labels={"train": labels[:20], "val": labels[20:]},
        classes=("cat", "dog"),
    )
    words = ("evaluate", place / "model", "--against", place / "data", "--metrics", "fd@lite", "--count", 20)
    guide = ("--guide", place / "guide")
    told = diorama(*words, *guide, code=2)
    assert "at a guidance of 1 it changes nothing" in told
    diorama(*words, *guide, "--guidance", 2, "--json", place / "guided.json")
    (result,) = json.loads((place / "guided.json").read_text())["results"]
    assert result["sampling"]["guidance_kind"] == "autoguidance"
    diorama(*words, "--guidance", 2, "--json", place / "plain.json")
    (result,) = json.loads((place / "plain.json").read_text())["results"]
    assert "guidance_kind" not in result["sampling"]
    told = diorama("evaluate", place / "pictures", *words[2:], *guide, code=1)
    assert "is no model" in told


def test_an_edit_is_not_drawn_again_from_noise(diorama: Run, place: Path) -> None:
    diorama("vary", place / "model", place / "pictures", "--out", place / "others")
    file = place / "others" / "000000.png"
    told = diorama("sample", place / "model", "--like", file, "--out", place / "again", code=1)
    assert "is an edit of another picture" in told


def test_pictures_are_reconstructed_from_what_is_measured_of_them(diorama: Run, place: Path) -> None:
    words = ("reconstruct", place / "model", place / "pictures", "--count", 3)
    for operator, method, plain in (
        ("mri:acceleration=2,centre=0.2", "ddrm", "zero_filling"),
        ("ct:angles=5", "dps:step=0.5", "filtered_back_projection"),
        ("blur:sigma=1", "pigdm", "measurement"),
        ("down:factor=2", "ddrm:eta=0.5", "pseudo_inverse"),
        ("mask", "ddrm", "pseudo_inverse"),
    ):
        out = place / operator[:3]
        more = ("--mask", place / "mask.png") if operator == "mask" else ()
        given = ("--operator", operator, "--method", method, "--noise", 0.05, *more)
        told = diorama(*words, *given, "--sampler", "ancestral", "--out", out)
        assert f"2 pictures in {out}" in told
        assert "PSNR in dB: mean " in told
        assert f", {plain} " in told
        assert ("sampler: ddrm takes steps of its own" in told) == method.startswith("ddrm")
        described = diorama("describe", out)
        assert "report of reconstruct" in described
        assert f"gain over {plain}" in described
        report = json.loads((out / "report.json").read_text())
        assert [row["input"] for row in report["pictures"]] == ["one.png", "two.png"]
        assert set(report["summary"]["gain"]) == {plain, "total_variation"}
        assert report["settings"]["noise"] == 0.05
        names = {f"{name}.png" for name in ("mean", "sample_00", "sample_01", "sample_02", plain, "total_variation")}
        names |= {"deviation.png", "deviation.npy"}
        assert {path.name for path in (out / "000001").iterdir()} == names
    # The same folder takes a new report, and the folder of pictures none.
    diorama(*words, "--operator", "down:factor=4", "--out", place / "dow")
    assert json.loads((place / "dow" / "report.json").read_text())["settings"]["operator"]["factor"] == 4
    told = diorama(*words, "--operator", "down", "--out", place / "pictures", code=1)
    assert "holds the pictures that are given" in told


def test_what_cannot_be_reconstructed_is_told_in_a_line(diorama: Run, place: Path) -> None:
    source, out = place / "pictures", place / "out"
    write_image(place / "black.png", np.zeros((8, 8, 1), np.uint8))
    words = ("reconstruct", place / "model", source, "--operator")
    for more, code, message in (
        (("mir",), 2, "operator: there is no 'mir'"),
        (("ct:angle=3",), 2, "operator: ct has no 'angle'"),
        (("down:factor=3",), 2, "factor: 3 does not divide pictures of 8 x 8"),
        (("mri:acceleration=8,centre=0.9",), 2, "centre: 0.9 of 8 lines"),
        (("mask",), 2, "mask: this operator needs one; name it with --mask"),
        (("mask", "--mask", place / "black.png"), 1, "the mask is black all over"),
        (("down", "--mask", place / "mask.png"), 2, "mask: only the operator mask takes one"),
        (("down", "--noise", -1), 2, "noise must be at least 0 and finite"),
        (("mri:acceleration=nan",), 2, "acceleration of mri is a number, got 'nan'"),
        (("down", "--method", "ddpm"), 2, "method: there is no 'ddpm'"),
        (("down", "--method", "dps", "--sampler", "dpmpp_2m"), 2, "does not take its steps one at a time"),
    ):
        told = diorama(*words, *more, "--out", out, code=code).splitlines()
        assert message in told[-1], (more, told)
        assert not out.exists()
    told = diorama("reconstruct", place / "gan", source, "--operator", "down", "--out", out, code=1)
    assert "reconstruct: needs a diffusion model" in told


def test_anomalies_are_mapped_and_scored(diorama: Run, place: Path) -> None:
    out = place / "unusual"
    words = ("anomaly", place / "model", place / "pictures", "--out", out, "--count", 2)
    told = diorama(*words, "--strength", 0.5, "--label", "cat", "--guide", place / "guide", "--guidance", 2)
    assert f"2 pictures in {out}" in told
    first, second = (line for line in told.splitlines() if line.endswith(".png"))
    assert {first.split()[1], second.split()[1]} == {"one.png", "two.png"}
    assert float(first.split()[0]) >= float(second.split()[0])
    described = diorama("describe", out)
    assert "report of anomaly" in described
    assert f"score of {first.split()[1]}" in described
    report = json.loads((out / "report.json").read_text())
    assert set(report["summary"]["most_unusual_first"]) == {"000000", "000001"}
    assert all(row["found"]["score"] > 0 for row in report["pictures"])
    assert {path.name for path in (out / "000000").iterdir()} == {"normal.png", "anomaly.png", "anomaly.npy"}
    assert "strength must be in (0, 1]" in diorama(*words, "--strength", 0, code=2)
