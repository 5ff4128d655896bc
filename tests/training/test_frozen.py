"""Training with frozen parts: used as they are, saved where they are drawn with, known by what they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from diorama.comparison.participants import untrained_model
from diorama.core.errors import BadConfig, BadInput
from diorama.synthesis import store
from diorama.synthesis.parts import ModelRef
from diorama.training.folder import read_state
from diorama.training.run import TrainOptions, train
from tests.training.test_run import assert_equal, log_of, weights_and_moments
from tests.training.toy import (
    CATALOG,
    ToyStudent,
    ToySynthesizerConfig,
    flow_recipe,
    student_recipe,
    write_data,
    write_model,
)

OPTIONS = TrainOptions(device="cpu", catalog=CATALOG)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "toy")


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, ModelRef]:
    return {"codec": write_model(tmp_path / "codec", 1), "teacher": write_model(tmp_path / "teacher", 2)}


def tensors_of(folder: str | Path) -> dict[str, torch.Tensor]:
    return dict(store.load(folder, catalog=CATALOG).state_dict())


def test_a_model_holds_the_codec_that_it_draws_with_and_not_its_teacher(
    data: Path, parts: dict[str, ModelRef], tmp_path: Path
) -> None:
    list(train(student_recipe(parts), data, tmp_path / "run", OPTIONS))
    held = tensors_of(tmp_path / "run")
    assert {name.partition(".")[0] for name in held} == {"student", "codec"}
    # Weights and running statistics alike are those of the codec's own folder.
    codec = {name.removeprefix("codec."): value for name, value in held.items() if name.startswith("codec.")}
    assert_equal(codec, tensors_of(tmp_path / "codec"))
    losses = [record["losses"]["imitation"] for record in log_of(tmp_path / "run")]
    assert losses[-1] < losses[0]


def test_resume_states_hold_nothing_of_frozen_parts(data: Path, parts: dict[str, ModelRef], tmp_path: Path) -> None:
    list(train(student_recipe(parts), data, tmp_path / "run", OPTIONS))
    state = read_state(tmp_path / "run/checkpoints/000000020")
    assert set(state["method"]) == {"student.weight", "student.bias"}
    assert set(state["averages"]["ema"]) == {"student.weight", "student.bias"}


def test_a_run_with_frozen_parts_continues_bit_for_bit(data: Path, parts: dict[str, ModelRef], tmp_path: Path) -> None:
    list(train(student_recipe(parts), data, tmp_path / "whole", OPTIONS))
    for tick in train(student_recipe(parts), data, tmp_path / "parts", OPTIONS):
        if tick.step == 11:
            break
    list(train(student_recipe(parts), data, tmp_path / "parts", OPTIONS))
    assert_equal(weights_and_moments(tmp_path / "whole"), weights_and_moments(tmp_path / "parts"))
    assert log_of(tmp_path / "whole") == log_of(tmp_path / "parts")
    assert_equal(tensors_of(tmp_path / "whole"), tensors_of(tmp_path / "parts"))


@pytest.mark.parametrize("name", ["codec", "teacher"])
def test_a_swapped_part_is_refused_by_name_and_a_moved_one_is_not(
    name: str, data: Path, parts: dict[str, ModelRef], tmp_path: Path
) -> None:
    for tick in train(student_recipe(parts), data, tmp_path / "run", OPTIONS):
        if tick.step == 3:
            break
    swapped = {**parts, name: write_model(tmp_path / "other", 3)}
    with pytest.raises(BadConfig, match=rf"frozen\.{name} [0-9a-f]{{8}}… → [0-9a-f]{{8}}…"):
        list(train(student_recipe(swapped), data, tmp_path / "run", OPTIONS))

    shutil.move(tmp_path / name, tmp_path / "moved")
    moved = {**parts, name: ModelRef(folder=str(tmp_path / "moved"))}
    assert list(train(student_recipe(moved), data, tmp_path / "run", OPTIONS))[-1].finished
    written = json.loads((tmp_path / "run/recipe.json").read_text())
    assert written["recipe"]["frozen"][name]["folder"] == str(tmp_path / "moved")
    assert written["frozen"][name] == store.model_hash(tmp_path / "moved")


def test_the_hashes_of_frozen_parts_are_in_the_provenance(
    data: Path, parts: dict[str, ModelRef], tmp_path: Path
) -> None:
    list(train(student_recipe(parts), data, tmp_path / "run", OPTIONS))
    frozen = store.read_provenance(tmp_path / "run").frozen
    assert frozen == {name: store.model_hash(tmp_path / name) for name in parts}


def test_parts_that_are_missing_or_not_used_are_named(data: Path, parts: dict[str, ModelRef], tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"not given: --frozen\.teacher FOLDER, a toy that is imitated"):
        next(train(student_recipe({"codec": parts["codec"]}), data, tmp_path / "run", OPTIONS))
    with pytest.raises(BadConfig, match=r"frozen\.codec: the method of this recipe uses no such part; it uses none"):
        next(train(replace(flow_recipe(), frozen={"codec": parts["codec"]}), data, tmp_path / "run", OPTIONS))
    assert not (tmp_path / "run/recipe.json").exists()


def test_the_untrained_self_draws_with_the_same_codec(parts: dict[str, ModelRef], tmp_path: Path) -> None:
    untrained = dict(untrained_model(student_recipe(parts), CATALOG).state_dict())
    assert {name.partition(".")[0] for name in untrained} == {"student", "codec"}
    assert_equal(
        {f"codec.{name}": value for name, value in tensors_of(tmp_path / "codec").items()},
        {name: value for name, value in untrained.items() if name.startswith("codec.")},
    )


def absent(folder: Path) -> None:
    shutil.rmtree(folder)


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])


def another(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    (folder / "notes.txt").write_text("mine")


@pytest.mark.parametrize("spoil", [absent, without_weights, cut, another])
def test_a_bad_folder_is_told_in_a_line_with_its_part_and_path(
    spoil: object, data: Path, parts: Mapping[str, ModelRef], tmp_path: Path
) -> None:
    assert callable(spoil)
    spoil(tmp_path / "codec")
    with pytest.raises(BadInput, match=r"^frozen\.codec: .*codec") as told:
        next(train(student_recipe(parts), data, tmp_path / "run", OPTIONS))
    assert "\n" not in str(told.value)


def test_frozen_parts_stay_in_evaluation_mode_and_without_gradients() -> None:
    modules = {name: ToySynthesizerConfig().build() for name in ("codec", "teacher")}
    method = ToyStudent(modules)
    method.train()
    assert method.student.training
    assert not any(module.training for module in method.frozen.modules())
    assert not any(parameter.requires_grad for parameter in method.frozen.parameters())
    assert isinstance(method.frozen, nn.ModuleDict)
