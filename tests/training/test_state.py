"""Building a run's state: where networks lie, which are compiled, and what is taken from another model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from diorama.core.errors import BadInput
from diorama.data.training_sets import open_training_data
from diorama.methods.base import live_tensors
from diorama.synthesis.store import weights_of
from diorama.training.folder import read_state
from diorama.training.recipe import EvaluationConfig, TrainOptions
from diorama.training.run import train
from diorama.training.state import TrainingState, build, compile_networks, place, start_from
from tests.training.toy import CATALOG, ToyFitConfig, ToyFlow, ToyGANConfig, flow_recipe, gan_recipe, write_data

CPU = torch.device("cpu")


def test_what_fits_is_taken_and_the_rest_is_named(tmp_path: Path) -> None:
    method = ToyFlow()
    given = {name: torch.randn_like(v.float()).to(v.dtype) for name, v in live_tensors(method.averaged()).items()}
    given["generator.inner.weight"] = torch.zeros(2, 2)
    del given["generator.outer.bias"]
    given["generator.extra"] = torch.zeros(1)
    save_file(given, tmp_path / "model.safetensors")
    before = method.generator.inner.weight.clone()

    fit = start_from(method, tmp_path)

    assert torch.equal(method.generator.outer.weight, given["generator.outer.weight"])
    assert torch.equal(method.generator.inner.weight, before)
    assert fit.reshaped == ("generator.inner.weight",)
    assert fit.missing == ("generator.outer.bias",)
    assert fit.unused == ("generator.extra",)
    assert str(fit).startswith("7 tensors fitted; 1 have another shape (generator.inner.weight)")


def test_a_model_that_does_not_fit_at_all_is_refused(tmp_path: Path) -> None:
    save_file({"encoder.weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(BadInput, match="nothing in it fits"):
        start_from(ToyFlow(), tmp_path)


def test_what_the_averages_leave_out_comes_from_the_models_resume_state(tmp_path: Path) -> None:
    torch.manual_seed(0)
    evaluation = EvaluationConfig(samples=0)
    recipe = replace(gan_recipe(), images=32, batch_size=16, evaluation=evaluation, preview_every=0)
    options = TrainOptions(device="cpu", catalog=CATALOG)
    list(train(recipe, write_data(tmp_path / "data"), tmp_path / "run", options))
    trained = read_state(tmp_path / "run/checkpoints/000000002")["method"]

    method = ToyGANConfig().build()
    fit = start_from(method, tmp_path / "run")

    assert torch.equal(method.discriminator[0].weight, trained["discriminator.0.weight"])  # type: ignore[union-attr]
    assert str(fit) == "9 tensors fitted; of discriminator 4 of 4 fitted"
    # State that is no network's belongs to the other run.
    assert method.state_dict()["seen"] == 0
    other = ToyGANConfig().build()
    before = other.discriminator[0].weight.clone()  # type: ignore[union-attr, operator]
    assert str(start_from(other, tmp_path / "run/model")).endswith("discriminator begins anew")
    assert torch.equal(other.discriminator[0].weight, before)  # type: ignore[union-attr]


def test_missing_and_broken_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="neither a model folder nor a run"):
        weights_of(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(BadInput, match="cannot be read"):
        start_from(ToyFlow(), tmp_path)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[nn.Module]:
    modules: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda module: modules.append(module))
    return modules


def test_compilation_that_is_asked_for_reaches_every_network(compiled: list[nn.Module]) -> None:
    gan = ToyGANConfig().build()
    gan.add_module("more", nn.ModuleDict({"teacher": nn.Linear(1, 1)}))
    compile_networks(gan)
    assert [type(m).__name__ for m in compiled] == ["Generator", "Sequential", "Linear"]


def test_frozen_parts_are_in_evaluation_mode() -> None:
    fit = ToyFitConfig().build()
    fit.add_module("frozen", nn.ModuleDict({"codec": nn.Dropout()}))
    place(fit, CPU, channels_last=True)
    assert fit.training
    assert not fit.frozen.codec.training  # type: ignore[union-attr]


def flow_state(tmp_path: Path) -> TrainingState:
    data = open_training_data(write_data(tmp_path / "data"))
    return build(flow_recipe(), {}, data, TrainOptions(device="cpu", catalog=CATALOG), CPU)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s["method"].pop("generator.inner.bias"), r"it lacks method\.generator\.inner\.bias"),
        (lambda s: s["method"].update(extra=torch.zeros(1)), r"it has method\.extra, which this method has not"),
        (lambda s: s["averages"]["ema"].pop("generator.outer.bias"), r"it lacks averages\.ema\.generator\.outer\.bias"),
        (lambda s: s["averages"].pop("ema"), r"it lacks averages\.ema$"),
        (lambda s: s["updaters"].update(painter={}), r"it has updaters\.painter, which"),
        (
            lambda s: s["method"].update({"generator.inner.bias": torch.zeros(3)}),
            r"it has method\.generator\.inner\.bias of shape \(3,\), where this method has \(16,\)",
        ),
    ],
)
def test_a_state_in_which_something_is_missing_or_unknown_is_refused_by_name(
    spoil: Callable[[dict[str, Any]], Any], message: str, tmp_path: Path
) -> None:
    state = flow_state(tmp_path)
    saved = copy.deepcopy(state.state_dict())
    state.load_state_dict(saved, tmp_path)
    spoil(saved)
    with pytest.raises(BadInput, match=message) as told:
        state.load_state_dict(saved, tmp_path / "000000005")
    assert str(told.value).startswith(f"{tmp_path / '000000005'}: this resume state is of another method")
