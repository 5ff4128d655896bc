"""Damaged data, models and runs, met by every command that reads them: named, without a traceback, nothing written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from diorama.cli.main import run as command
from tests.data.pictures import folder_of
from tests.journeys.conftest import TINY_GAN, Run
from tests.journeys.surroundings import untouched


@dataclass(frozen=True)
class Made:
    """A prepared folder and a finished run on it; both may be damaged."""

    data: Path
    run: Path

    @property
    def model(self) -> Path:
        return self.run / "model"


TRAIN = (*TINY_GAN, "--evaluation.samples", "0", "--checkpoint-every", "16", "--preview-every", "0")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("originals")
    made = Made(folder / "data", folder / "run")
    source = folder_of(folder / "in" / "a", 40)
    for number in range(20, 40):
        target = source.parent / "b" / f"{number}.png"
        target.parent.mkdir(exist_ok=True)
        (source / f"{number:03d}.png").rename(target)
    assert command(["prepare", str(source.parent), "--out", str(made.data), "--size", "16"]) == 0
    train = ["train", "dcgan_cpu", "--data", str(made.data), "--out", str(made.run), "--images", "48", *TRAIN]
    assert command(train) == 0
    return made


@pytest.fixture
def made(originals: Made, tmp_path: Path) -> Made:
    shutil.copytree(originals.data, tmp_path / "data")
    shutil.copytree(originals.run, tmp_path / "run")
    return Made(tmp_path / "data", tmp_path / "run")


def _flip(path: Path, place: float = 0.6) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 0x10
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _edit(path: Path, change: Callable[[Any], Any]) -> None:
    document = json.loads(path.read_text())
    path.write_text(json.dumps(change(document)))


def _without(*keys: str) -> Callable[[Any], Any]:
    def change(document: Any) -> Any:
        inner = document
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        return document

    return change


def _with(value: Any, *keys: str) -> Callable[[Any], Any]:
    def change(document: Any) -> Any:
        inner = document
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        return document

    return change


# Data.

READERS_OF_DATA = {
    "train": lambda m, out: ("train", "dcgan_cpu", "--data", m.data, "--out", out, "--images", 32, *TRAIN),
    "evaluate": lambda m, out: ("evaluate", m.run, "--against", m.data, "--metrics", "fd@lite", "--count", 20),
    "evaluate as samples": lambda m, out: ("evaluate", m.data, "--against", m.data, "--metrics", "fd@lite"),
    "describe": lambda m, out: ("describe", m.data),
    "compare": lambda m, out: ("compare", "--data", m.data, "--recipes", "vae", "--budget", "32", "--out", out),
}


@pytest.mark.parametrize("reader", READERS_OF_DATA)
@pytest.mark.parametrize("pattern", ["shards/*", "*.npy", "*.jsonl"])
def test_a_flipped_byte_in_prepared_data_is_named(
    diorama: Run, made: Made, tmp_path: Path, reader: str, pattern: str
) -> None:
    victim = max(made.data.glob(pattern), key=lambda path: (path.stat().st_size, path.name))
    _flip(victim)
    with untouched(tmp_path, tmp_path / "cache"):
        told = diorama(*READERS_OF_DATA[reader](made, tmp_path / "out"), code=1)
    assert str(victim) in told


@pytest.mark.parametrize(
    "change",
    [
        _cut,
        _flip,
        lambda path: path.write_bytes(b"\xff\xfe\0"),
        lambda path: path.write_text("[]"),
        lambda path: _edit(path, _with("diorama-data/9", "format")),
    ],
)
def test_a_broken_manifest_is_named(diorama: Run, made: Made, tmp_path: Path, change: Callable[[Path], object]) -> None:
    change(made.data / "dataset.json")
    with untouched(tmp_path, tmp_path / "cache"):
        for reader in ("describe", "train"):
            told = diorama(*READERS_OF_DATA[reader](made, tmp_path / "out"), code=1)
            assert str(made.data / "dataset.json") in told


# Models.

READERS_OF_MODELS = {
    "sample": lambda m, out: ("sample", m.run, "--count", 2, "--out", out),
    "evaluate": lambda m, out: ("evaluate", m.run, "--against", m.data, "--metrics", "fd@lite", "--count", 20),
    "describe": lambda m, out: ("describe", m.model),
}


def _tensors(change: Callable[[dict[str, torch.Tensor], str], None]) -> Callable[[Path], None]:
    def damage(model: Path) -> None:
        tensors = load_file(model / "model.safetensors")
        change(tensors, next(iter(sorted(tensors))))
        save_file(tensors, model / "model.safetensors")

    return damage


def _drop(tensors: dict[str, torch.Tensor], name: str) -> None:
    del tensors[name]


def _misshape(tensors: dict[str, torch.Tensor], name: str) -> None:
    tensors[name] = torch.zeros(3, 3, 3)


def _add(tensors: dict[str, torch.Tensor], name: str) -> None:
    tensors["surplus"] = torch.zeros(3)


def _config(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    return lambda model: _edit(model / "config.json", change)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing tensor": (_tensors(_drop), "is missing"),
    "a wrong shape": (_tensors(_misshape), "(3, 3, 3)"),
    "a tensor too many": (_tensors(_add), "'surplus'"),
    "cut weights": (lambda model: _cut(model / "model.safetensors"), "model.safetensors"),
    "empty weights": (lambda model: (model / "model.safetensors").write_bytes(b""), "model.safetensors"),
    "no weights": (lambda model: (model / "model.safetensors").unlink(), "model.safetensors"),
    "a folder for weights": (
        lambda model: [(model / "model.safetensors").unlink(), (model / "model.safetensors").mkdir()],
        "model.safetensors",
    ),
    "a cut config": (lambda model: _cut(model / "config.json"), "config.json"),
    "a binary config": (lambda model: (model / "config.json").write_bytes(b"\xff\xfe\0"), "config.json"),
    "an unknown kind": (_config(_with("Oracle", "model", "kind")), "Oracle"),
    "no media": (_config(_without("model", "media")), "media"),
    "a surplus field": (_config(_with(1, "model", "colour")), "colour"),
    "a field of another type": (_config(_with("wide", "model", "generator", "features")), "features"),
    "a field out of range": (_config(_with(-3, "model", "generator", "features")), "config.json"),
    "another width": (_config(_with(6, "model", "generator", "features")), "model.safetensors"),
    "another format": (_config(_with(99, "format")), "99"),
    "no config": (lambda model: (model / "config.json").unlink(), ""),
    "a config of nulls": (lambda model: (model / "config.json").write_text("null"), "config.json"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_is_named_by_every_reader(diorama: Run, made: Made, tmp_path: Path, damage: str) -> None:
    spoil, named = DAMAGE[damage]
    spoil(made.model)
    with untouched(tmp_path, tmp_path / "cache"):
        for reader, words in READERS_OF_MODELS.items():
            told = diorama(*words(made, tmp_path / "out"), code=1)
            assert named in told, reader
            assert str(made.run) in told, reader


@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_broken_provenance_is_named(diorama: Run, made: Made, tmp_path: Path, content: str | None) -> None:
    path = made.model / "provenance.json"
    path.unlink() if content is None else path.write_text(content)
    for reader in ("sample", "describe"):
        told = diorama(*READERS_OF_MODELS[reader](made, tmp_path / "out"), code=1)
        assert "provenance.json" in told


# Runs.


def _continue(made: Made, images: int = 64) -> tuple[object, ...]:
    return ("train", "dcgan_cpu", "--data", made.data, "--out", made.run, "--images", images, *TRAIN)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("state.safetensors", _cut),
        ("state.safetensors", lambda path: path.unlink()),
        ("state.safetensors", lambda path: path.write_bytes(b"")),
        ("state.safetensors", _flip),
        ("state.json", _cut),
        ("state.json", lambda path: path.write_text("{}")),
        ("state.json", lambda path: path.write_text("[]")),
        ("state.json", lambda path: _edit(path, _with({"map": []}, "state"))),
        ("state.json", lambda path: path.write_text('{"format": 4, "state": 3}')),
    ],
)
def test_a_damaged_resume_state_is_named(
    diorama: Run, made: Made, tmp_path: Path, name: str, spoil: Callable[[Path], object]
) -> None:
    newest = max((made.run / "checkpoints").iterdir())
    spoil(newest / name)
    with untouched(tmp_path, tmp_path / "cache", made.run):
        told = diorama(*_continue(made), code=1)
    assert str(newest) in told
    assert "remove the folder to continue from the one before" in told


def test_the_resume_state_before_a_damaged_one_serves(diorama: Run, made: Made) -> None:
    shutil.rmtree(max((made.run / "checkpoints").iterdir()))
    told = diorama(*_continue(made))
    assert "continues after step 2" in told
    assert "is complete" in told


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_cut, "recipe.json"),
        (lambda path: path.write_text("[]"), "recipe.json"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "recipe.json"),
        (lambda path: path.write_text("{}"), "recipe.json"),
    ],
)
def test_a_damaged_recipe_of_a_run_is_named(
    diorama: Run, made: Made, tmp_path: Path, spoil: Callable[[Path], object], named: str
) -> None:
    spoil(made.run / "recipe.json")
    with untouched(tmp_path, tmp_path / "cache", made.run):
        told = diorama(*_continue(made), code=1)
    assert named in told


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\0 no line\n", b"[1, 2]\n", b"{}\n", b'{"kind": "report"}\n', b'{"kind": "report", "step": "x"}\n'],
)
def test_a_damaged_log_stops_nobody(diorama: Run, made: Made, tmp_path: Path, content: bytes) -> None:
    log = made.run / "log.jsonl"
    log.write_bytes(content + log.read_bytes())
    diorama("describe", made.run)
    assert "is complete" in diorama(*_continue(made))


def test_a_changed_value_is_refused_by_name(diorama: Run, made: Made, tmp_path: Path) -> None:
    with untouched(tmp_path, tmp_path / "cache", made.run):
        told = diorama(*_continue(made), "--optimizers.generator.rate.peak", "1e-3", code=1)
    assert "optimizers.generator.rate.peak 0.0002 → 0.001; give those" in told.splitlines()[-1]


def test_fewer_images_and_another_recipe_are_refused_by_name(diorama: Run, made: Made, tmp_path: Path) -> None:
    assert "images 48 → 32 (48 are seen already: --images may be 48 or more)" in diorama(*_continue(made, 32), code=1)
    words = ("train", "vae_cpu", "--data", made.data, "--out", made.run, "--images", 48)
    told = diorama(*words, code=1)
    assert "recipe dcgan_cpu → vae_cpu; give those" in told.splitlines()[-1]


def test_changed_data_are_refused_by_name(diorama: Run, made: Made, tmp_path: Path) -> None:
    shutil.rmtree(made.data)
    diorama("prepare", folder_of(tmp_path / "others", 30), "--out", made.data, "--size", 16)
    with untouched(tmp_path, tmp_path / "cache", made.run):
        told = diorama(*_continue(made), code=1)
    assert "this run began with other values: data data (" in told


# Places and numbers that do not fit.


def test_data_that_are_not_there_are_named(diorama: Run, made: Made, tmp_path: Path) -> None:
    gone, pictures = tmp_path / "gone", folder_of(tmp_path / "in", 1)
    with untouched(tmp_path, tmp_path / "cache", tmp_path / "out"):
        for words in (
            ("train", "dcgan_cpu", "--data", gone, "--out", tmp_path / "out"),
            ("train", "dcgan_cpu", "--data", made.data, "--data", f"{gone}=0.5", "--out", tmp_path / "out"),
            ("evaluate", made.run, "--against", gone),
            ("evaluate", gone, "--against", made.data),
            ("compare", "--data", gone, "--recipes", "vae", "--out", tmp_path / "out"),
            ("compare", "--data", made.data, "--runs", gone, "--out", tmp_path / "out"),
            ("compare", "--data", made.data, "--samples", f"theirs={gone}", "--out", tmp_path / "out"),
            ("describe", gone),
            ("sample", gone, "--out", tmp_path / "out"),
            ("train", "dcgan_cpu", "--data", made.data, "--from", gone, "--out", tmp_path / "out"),
            ("prepare", pictures, "--table", gone, "--out", tmp_path / "out"),
        ):
            told = diorama(*words, code=1)
            assert f"{gone}: " in told, words


def test_a_label_that_the_model_does_not_know(diorama: Run, made: Made, tmp_path: Path) -> None:
    with untouched(tmp_path, tmp_path / "cache"):
        told = diorama("sample", made.run, "--label", "zebra", "--out", tmp_path / "out", code=1)
    assert "zebra" in told


def test_too_few_samples_to_measure_are_told(diorama: Run, made: Made, tmp_path: Path) -> None:
    few = folder_of(tmp_path / "few", 1)
    told = diorama("evaluate", few, "--against", made.data, "--metrics", "fd@lite", code=1)
    assert "few" in told


@pytest.mark.parametrize("change", ["size", "channels", "clips"])
def test_samples_of_another_shape_are_told(diorama: Run, made: Made, tmp_path: Path, change: str) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    shapes = {"size": (20, 24, 24, 3), "channels": (20, 16, 16, 5), "clips": (20, 4, 16, 16, 3)}
    np.save(tmp_path / "theirs.npy", rng.integers(0, 256, shapes[change], dtype=np.uint8))
    told = diorama("evaluate", tmp_path / "theirs.npy", "--against", made.data, "--metrics", "fd@lite", code=1)
    assert "theirs.npy" in told
