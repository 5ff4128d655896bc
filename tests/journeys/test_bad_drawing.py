"""Wrong words, models and files for drawing and for trained parts: one line that names the field or the file, and
nothing is written."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diorama.cli.main import run as command
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.data.dataset import open_dataset
from diorama.data.pack import pack_arrays
from diorama.data.synthetic.palette import COLOURS
from diorama.data.synthetic.world import CLASSES, World
from diorama.media.image import write_image
from diorama.recipes.dcgan import dcgan_cpu
from diorama.recipes.ddpm import ddpm_cpu
from diorama.recipes.latent import latent_text_cpu
from diorama.recipes.vae import vae_cpu, vae_spatial_cpu
from diorama.synthesis import store
from diorama.synthesis.base import SynthesizerConfig
from diorama.synthesis.provenance import Provenance
from tests.journeys.conftest import Run
from tests.journeys.surroundings import untouched

SIZE = 32
TEXT_BYTES = 16


@dataclass(frozen=True)
class Place:
    """Models with untrained weights, data with and without captions, and samples."""

    folder: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / name


def captioned(folder: Path) -> DataInfo:
    """Forty pictures with short captions."""
    world, indices = World(size=SIZE), np.arange(40)
    media = MediaSpec(kind="image", channels=3, height=SIZE, width=SIZE)
    captions = [f"{COLOURS[index % 8]} shape".ljust(TEXT_BYTES, ".") for index in indices]
    pixels = world.pictures(indices)
    pack_arrays(
        folder,
        {"train": pixels[:20], "val": pixels[20:]},
        media,
        sides={"train": {"tokens": captions[:20]}, "val": {"tokens": captions[20:]}},
    )
    return open_dataset(folder).info


def plain(folder: Path) -> None:
    """Twenty pictures of two classes, without captions."""
    pixels = World(size=SIZE).pictures(np.arange(20))
    media = MediaSpec(kind="image", channels=3, height=SIZE, width=SIZE)
    labels = np.arange(20) % 2
    pack_arrays(
        folder,
        {"train": pixels, "val": pixels},
        media,
        labels={"train": labels, "val": labels},
        classes=CLASSES[:2],
        name="plain",
    )


def untrained(folder: Path, config: SynthesizerConfig) -> None:
    """A model folder with weights as they are initialised."""
    store.save(folder, config, config.build().state_dict(), Provenance(recipe=folder.name), "# untrained\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("drawing"))
    info = captioned(made.captioned)
    plain(made.plain)
    gan: Any = dcgan_cpu(info).method
    vae: Any = vae_cpu(info).method
    codec: Any = vae_spatial_cpu(info).method
    diffusion: Any = ddpm_cpu(info).method
    text: Any = latent_text_cpu(info).method
    untrained(made.gan, gan.build().synthesizer())
    untrained(made.vae, vae.build().synthesizer())
    untrained(made.codec, codec.build().synthesizer())
    untrained(made.diffusion, replace(diffusion.synthesizer, steps=2))
    untrained(made.text, replace(text.synthesizer, steps=2))
    assert command(["sample", str(made.diffusion), "--count", "20", "--out", str(made.samples)]) == 0
    write_image(made.folder / "photo.png", World(size=SIZE).pictures(np.arange(1))[0])
    (made.folder / "notes.txt").write_text("no picture")
    return made


def told_in_a_line(diorama: Run, words: tuple[object, ...], code: int, *, kept: Path, out: Path) -> str:
    """What a refused command says, which is one line, and leaves everything as it was."""
    with untouched(kept), untouched(out.parent, out.parent / "cache"):
        told = diorama(*words, code=code)
    lines = told.splitlines()
    # What a display says that it is doing comes before the message, and nothing after it.
    assert lines[-1].startswith("diorama: "), told
    assert sum(line.startswith("diorama: ") for line in lines) == 1, told
    return lines[-1]


def drawing(place: Place, out: Path) -> dict[str, tuple[object, ...]]:
    """Each command that takes a sampler, steps and guidance, on a model that has them."""
    data = place.captioned
    return {
        "sample": ("sample", place.diffusion, "--count", 2, "--out", out),
        "evaluate": ("evaluate", place.diffusion, "--against", data, "--metrics", "fd@lite", "--count", 20),
        "compare": ("compare", "--data", data, "--runs", place.diffusion, "--count", 20, "--out", out),
    }


@pytest.mark.parametrize("name", ["sample", "evaluate", "compare"])
@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        (
            "--sampler",
            "huen",
            "sampler: there is no 'huen' (did you mean 'heun'?); known are ancestral, ",
        ),
        ("--steps", 0, "--steps must be at least 1, got 0"),
        ("--steps", -3, "--steps must be at least 1, got -3"),
        ("--guidance", "nan", "--guidance must be a number, got nan"),
        ("--guidance", "inf", "--guidance must be a number, got inf"),
    ],
)
def test_a_way_of_drawing_that_does_not_exist_ends_with_two(
    diorama: Run, place: Place, tmp_path: Path, name: str, option: str, value: object, named: str
) -> None:
    out = tmp_path / "out"
    words = (*drawing(place, out)[name], option, value)
    assert named in told_in_a_line(diorama, words, 2, kept=place.folder, out=out)


@pytest.mark.parametrize("name", ["sample", "evaluate", "compare"])
@pytest.mark.parametrize(("option", "value"), [("--steps", "many"), ("--guidance", "strong")])
def test_what_is_no_number_is_named_with_its_option(
    diorama: Run, place: Place, tmp_path: Path, name: str, option: str, value: str
) -> None:
    out = tmp_path / "out"
    with untouched(place.folder), untouched(tmp_path, tmp_path / "cache"):
        told = diorama(*drawing(place, out)[name], option, value, code=2)
    assert option in told
    assert value in told


@pytest.mark.parametrize("option", [("--sampler", "heun"), ("--steps", 4), ("--guidance", 2)])
@pytest.mark.parametrize("name", ["sample", "evaluate"])
def test_a_model_of_one_pass_is_refused_what_it_has_not(
    diorama: Run, place: Place, tmp_path: Path, name: str, option: tuple[str, object]
) -> None:
    out = tmp_path / "out"
    words = {
        "sample": ("sample", place.gan, "--count", 2, "--out", out),
        "evaluate": ("evaluate", place.gan, "--against", place.captioned, "--metrics", "fd@lite", "--count", 20),
    }[name]
    told = told_in_a_line(diorama, (*words, *option), 1, kept=place.folder, out=out)
    assert f"{option[0].removeprefix('--')}: this model draws in one pass" in told


def test_compare_says_which_models_have_no_steps_to_change(diorama: Run, place: Place, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("compare", "--data", place.captioned, "--runs", place.gan, "--count", 20, "--out", out, "--steps", 2)
    diorama(*words, "--metrics", "fd@lite")
    assert "gan is drawn with its own steps: " in (out / "report.html").read_text()


def test_compare_takes_what_a_model_has_to_change(diorama: Run, place: Place, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("compare", "--data", place.captioned, "--runs", place.diffusion, "--count", 20, "--out", out)
    diorama(*words, "--metrics", "fd@lite", "--steps", 3, "--guidance", 2)
    report = json.loads((out / "report.json").read_text())["comparisons"][0]
    assert any("diffusion is drawn with its own guidance: " in note for note in report["notes"])
    drawn = {model["name"]: model["results"][0].get("sampling") for model in report["models"]}
    assert (drawn["diffusion"]["steps"], drawn["diffusion"]["guidance"]) == (3, 1.0)


def test_a_sample_is_not_drawn_again_into_its_own_folder(diorama: Run, place: Place) -> None:
    file = place.samples / "000001.png"
    with untouched(place.folder):
        told = diorama("sample", place.diffusion, "--like", file, "--out", place.samples, code=2)
    assert "--out: " in told.splitlines()[-1]


def test_compare_asks_for_followed_texts_only_where_there_are_some(diorama: Run, place: Place, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("compare", "--data", place.captioned, "--runs", place.text, "--runs", place.diffusion, "--count", 20)
    diorama(*words, "--samples", f"theirs={place.samples}", "--metrics", "caption_colours,fd@lite", "--out", out)
    report = json.loads((out / "report.json").read_text())["comparisons"][0]
    taken = {model["name"]: [result["metric"] for result in model["results"]] for model in report["models"]}
    assert taken["text"] == taken["real"] == ["caption_colours", "fd@lite"]
    assert taken["diffusion"] == taken["theirs"] == taken["mixture"] == ["fd@lite"]
    assert "mixture comes without texts, and so without caption_colours." in report["notes"]


@pytest.mark.parametrize("name", ["sample", "evaluate"])
@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--steps", 1_001, "between 1 and 1000 steps can be taken, got 1001"),
        ("--sampler", "jumps", "jumps are made by models of two times"),
        ("--guidance-kind", "classifier", "needs a noisy classifier as a guide"),
    ],
)
def test_a_way_of_drawing_that_does_not_fit_the_model_ends_with_two(
    diorama: Run, place: Place, tmp_path: Path, name: str, option: str, value: object, named: str
) -> None:
    out = tmp_path / "out"
    words = (*drawing(place, out)[name], option, value)
    assert named in told_in_a_line(diorama, words, 2, kept=place.folder, out=out)


@pytest.mark.parametrize("name", ["sample", "evaluate"])
def test_a_kind_of_guidance_without_a_scale_is_told_to_change_nothing(
    diorama: Run, place: Place, tmp_path: Path, name: str
) -> None:
    words = (*drawing(place, tmp_path / "out")[name], "--guidance-kind", "pag")
    assert "guidance-kind: pag changes nothing at a guidance of 1; give --guidance above 1" in diorama(*words)
    assert "changes nothing" not in diorama(*words, "--guidance", 2)


@pytest.mark.parametrize("subject", ["samples", "plain"])
def test_samples_that_lie_in_files_are_not_drawn_otherwise(
    diorama: Run, place: Place, tmp_path: Path, subject: str
) -> None:
    folder = place.folder / subject
    words = ("evaluate", folder, "--against", place.captioned, "--metrics", "fd@lite", "--sampler", "heun")
    told = told_in_a_line(diorama, words, 1, kept=place.folder, out=tmp_path / "out")
    assert f"{folder}: is no model" in told


@pytest.mark.parametrize("name", ["sample", "evaluate"])
def test_guidance_of_a_model_that_is_given_nothing_is_refused(
    diorama: Run, place: Place, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    told = told_in_a_line(diorama, (*drawing(place, out)[name], "--guidance", 3), 1, kept=place.folder, out=out)
    assert "guidance: this model cannot be guided" in told


# What samples are given.


def given(place: Place, out: Path) -> dict[str, tuple[tuple[object, ...], int, str]]:
    """Words that ask a model for what it cannot be given, the exit code, and what is said."""
    long = "a" * (TEXT_BYTES + 1)
    return {
        "a prompt too long": ((place.text, "--prompt", long), 2, f"has {TEXT_BYTES + 1} bytes, the model reads 16"),
        "one of two prompts too long": ((place.text, "--prompt", "a cat", "--prompt", long), 2, "has 17 bytes"),
        "a prompt for a model without text": ((place.diffusion, "--prompt", "a cat"), 1, "trained without text"),
        "a prompt for a GAN": ((place.gan, "--prompt", "a cat"), 1, "trained without text"),
        "a label for a model of text": ((place.text, "--label", "star"), 1, "trained without labels"),
        "a label and a prompt": ((place.text, "--label", "star", "--prompt", "a"), 2, "one of them"),
        "a prompt and records": ((place.text, "--prompt", "a", "--records", place.captioned), 2, "one of them"),
        "records without captions": ((place.text, "--records", place.plain), 1, f"{place.plain}: "),
        "records for a model that is given nothing": (
            (place.diffusion, "--records", place.captioned),
            1,
            f"{place.captioned}: this model is given nothing",
        ),
        "records that are not there": ((place.text, "--records", out / "gone"), 1, f"{out / 'gone'}: "),
        "a split that is not there": ((place.text, "--records", place.captioned, "--split", "tset"), 2, "tset"),
    }  # fmt: skip


GIVEN = (
    "a prompt too long",
    "one of two prompts too long",
    "a prompt for a model without text",
    "a prompt for a GAN",
    "a label for a model of text",
    "a label and a prompt",
    "a prompt and records",
    "records without captions",
    "records for a model that is given nothing",
    "records that are not there",
    "a split that is not there",
)


@pytest.mark.parametrize("case", GIVEN)
def test_what_a_model_cannot_be_given_is_named(diorama: Run, place: Place, tmp_path: Path, case: str) -> None:
    out = tmp_path / "out"
    words, code, named = given(place, out)[case]
    assert named in told_in_a_line(
        diorama, ("sample", *words, "--count", 2, "--out", out), code, kept=place.folder, out=out
    )


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("photo.png", "photo.png: carries no mark that says how it was drawn"),
        ("samples/samples.json", "samples.json: "),
        ("notes.txt", "notes.txt: "),
        ("gone.png", "gone.png: "),
        ("samples", "samples: "),
        ("samples/000001.png", "000001.png: was drawn by another model"),
    ],
)
def test_a_file_that_cannot_be_drawn_again_is_named(
    diorama: Run, place: Place, tmp_path: Path, file: str, named: str
) -> None:
    out = tmp_path / "out"
    words = ("sample", place.gan, "--like", place.folder / file, "--out", out)
    assert named in told_in_a_line(diorama, words, 1, kept=place.folder, out=out)


@pytest.mark.parametrize(
    "option",
    [("--seed", 3), ("--first", 5), ("--label", "star"), ("--prompt", "a"), ("--sampler", "heun"), ("--steps", 4)],
)
def test_what_the_file_says_is_not_given_beside_it(
    diorama: Run, place: Place, tmp_path: Path, option: tuple[str, object]
) -> None:
    out = tmp_path / "out"
    words = ("sample", place.diffusion, "--like", place.folder / "samples/000001.png", "--out", out, *option)
    told = told_in_a_line(diorama, words, 2, kept=place.folder, out=out)
    assert f"{option[0]}: --like takes it from the file" in told


# Trained parts.

PARTS = {
    "no codec": ((), 2, "--frozen.codec FOLDER, an autoencoder with spatial latents"),
    "a codec that is not there": (("--frozen.codec", "gone"), 1, "frozen.codec: "),
    "a GAN for a codec": (("--frozen.codec", "gan"), 1, "frozen.codec: is a GAN, and must be"),
    "a VAE of vectors for a codec": (("--frozen.codec", "vae"), 1, "a VAE with latent vectors is no codec"),
    "samples for a codec, no folder of a model": (("--frozen.codec", "samples"), 1, "frozen.codec: "),
    "a part that nobody wants": (("--frozen.codec", "codec", "--frozen.tutor", "gan"), 2, "frozen.tutor"),
}


@pytest.mark.parametrize("case", PARTS)
@pytest.mark.parametrize("name", ["train", "compare"])
def test_a_trained_part_that_does_not_fit_is_named(
    diorama: Run, place: Place, tmp_path: Path, name: str, case: str
) -> None:
    asked, code, named = PARTS[case]
    out = tmp_path / "out"
    words = {
        "train": ("train", "latent_text_toy", "--data", place.captioned, "--out", out, "--images", 32),
        "compare": ("compare", "--data", place.captioned, "--recipes", "latent_text_toy", "--budget", 32, "--out", out),
    }[name]
    parts = [word if word.startswith("--") else place.folder / word for word in asked]
    with untouched(place.folder), untouched(tmp_path, tmp_path / "cache", out):
        told = diorama(*words, *parts, code=code)
    assert told.splitlines()[-1].startswith("diorama: ")
    assert named in told.splitlines()[-1]
    if "no folder" in case or "not there" in case:
        assert str(place.folder / asked[1]) in told
    # Of a run that could not begin nothing is left that would be held against the right part.
    assert not list(out.rglob("recipe.json"))


@pytest.mark.parametrize("name", ["train", "compare"])
def test_captions_that_are_not_there_are_missed_by_name(diorama: Run, place: Place, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    words = {
        "train": ("train", "latent_text_toy", "--data", place.plain, "--out", out),
        "compare": ("compare", "--data", place.plain, "--recipes", "latent_text_toy", "--out", out),
    }[name]
    told = told_in_a_line(diorama, (*words, "--frozen.codec", place.codec), 2, kept=place.folder, out=out)
    assert "data: plain has no captions; prepare it with a table that has a column caption" in told


def test_the_right_part_trains_where_a_wrong_one_was_refused(diorama: Run, place: Place, tmp_path: Path) -> None:
    words = ("train", "latent_text_toy", "--data", place.captioned, "--out", tmp_path / "run", "--images", 32)
    assert "must be an autoencoder" in diorama(*words, "--frozen.codec", place.diffusion, code=1)
    assert "is complete" in diorama(*words, "--frozen.codec", place.codec)
    told = diorama(*words, "--frozen.codec", place.vae, code=1)
    assert "frozen.codec " in told
    assert "is complete" in diorama(*words, "--frozen.codec", place.codec)
