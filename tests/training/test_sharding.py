"""Weights shared out over two processes: trained, saved and continued as by one."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from diorama.core import distributed, runlog
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.device import Precision
from diorama.core.errors import BadConfig, BadInput
from diorama.data.dataset import open_dataset
from diorama.data.pack import pack_arrays
from diorama.data.synthetic.world import World
from diorama.methods import sharing
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.methods.diffusion.dispersion import DispersiveConfig
from diorama.recipes.adm import adm_cpu
from diorama.recipes.ddpm import ddpm_cpu
from diorama.recipes.edm2 import edm2_cpu
from diorama.recipes.vae import vae_spatial_cpu
from diorama.training import folder
from diorama.training.recipe import AverageConfig, EvaluationConfig, PowerAverageConfig, Recipe
from diorama.training.run import TrainOptions, train
from diorama.training.updater import Updater
from tests.together import launch, together
from tests.training.test_resume import assert_same_run, newest
from tests.training.toy import (
    CATALOG,
    ToyFlowConfig,
    fit_recipe,
    flow_recipe,
    gan_recipe,
    steady_recipe,
    write_data,
)
from tests.training.worker import main as train_toy

Maker = Callable[[DataInfo], Recipe]

HALF = "000000010"
"""The resume state in the middle of the run."""


def go(data: Path, out: Path, *, sharded: bool, until: int | None = None, device: str = "cpu") -> tuple[str, ...]:
    """Train, or continue to a step; what was said."""
    notes: list[str] = []
    options = TrainOptions(device=device, catalog=CATALOG, sharded=sharded)
    for tick in train(replace(steady_recipe(), preview_every=160), data, out, options):
        notes += tick.notes
        if tick.step == until:
            break
    return tuple(notes)


def both(place: Path, rank: int) -> Any:
    """What one of two processes does, and what it says."""
    held: list[int] = []
    plain = Updater.step

    def counting(self: Updater) -> None:
        held.append(sum(p.numel() for p in self.shards.own))
        plain(self)

    Updater.step = counting  # type: ignore[method-assign]
    data = place / "data"
    notes = go(data, place / "shared", sharded=True)
    go(data, place / "left", sharded=True, until=10)
    distributed.barrier()
    if distributed.is_first():
        shutil.copytree(place / "left", place / "left to one")
    distributed.barrier()
    go(data, place / "left", sharded=True)
    go(data, place / "begun by one", sharded=True)
    return notes, max(held)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a run of one process, and half a run for two to continue."""
    made = tmp_path_factory.mktemp("shared")
    write_data(made / "data")
    go(made / "data", made / "alone", sharded=False)
    go(made / "data", made / "begun by one", sharded=False, until=10)
    return made


@pytest.fixture(scope="module")
def answers(place: Path) -> list[Any]:
    """What each of two processes says after its runs."""
    return together(partial(both, place))


def assert_alike(ours: Path, theirs: Path) -> None:
    """Losses, weights and averages are equal up to rounding."""
    losses = [[line["losses"]["flow"] for line in runlog.read(run / "log.jsonl")] for run in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    left, right = newest(ours), newest(theirs)
    assert left["step"] == right["step"] == 20
    for part in ("method", "averages"):
        torch.testing.assert_close(left[part], right[part])
    torch.testing.assert_close(left["updaters"]["generator"]["optimizer"], right["updaters"]["generator"]["optimizer"])
    models = [load_file(run / "model/model.safetensors") for run in (ours, theirs)]
    torch.testing.assert_close(*models)


@pytest.mark.timeout(200)
def test_two_processes_that_share_weights_train_like_one(place: Path, answers: list[Any]) -> None:
    assert_alike(place / "shared", place / "alone")
    assert sorted(p.name for p in (place / "shared/samples").iterdir()) == ["001.png", "002.png"]


@pytest.mark.timeout(200)
def test_each_process_holds_half_and_says_what_steps_aside(answers: list[Any]) -> None:
    whole = sum(p.numel() for p in ToyFlowConfig().build().parameters())
    (notes, first), (_, second) = answers
    # A weight without axes is held by both.
    assert first + second == whole + 2
    assert first < 0.6 * whole
    assert f"shares {whole + 1:,} weights out over 2 processes; the first holds {first:,}" in notes
    assert any("channels first" in note for note in notes)


@pytest.mark.timeout(200)
def test_two_processes_continue_what_they_shared_bit_for_bit(place: Path, answers: list[Any]) -> None:
    assert_same_run(place / "shared", place / "left")


@pytest.mark.timeout(200)
def test_one_process_continues_what_two_shared_and_the_other_way_round(place: Path, answers: list[Any]) -> None:
    files = {path.suffix for path in (place / "left to one/checkpoints" / HALF).iterdir() if path.is_file()}
    assert files == {".safetensors", ".json"}
    notes = go(place / "data", place / "left to one", sharded=False)
    assert notes[0].startswith("continues after step 10")
    for name in ("left to one", "begun by one"):
        assert_alike(place / name, place / "alone")


@pytest.mark.timeout(200)
def test_a_shared_state_with_a_damaged_or_missing_part_is_refused(place: Path, answers: list[Any]) -> None:
    state = place / "damaged"
    shutil.copytree(place / "shared/checkpoints" / HALF, state)
    (part, other) = sorted(state.glob("shard-*.safetensors"))
    content = bytearray(part.read_bytes())
    content[-3] ^= 1
    part.write_bytes(content)
    with pytest.raises(BadInput, match=f"damaged.*{part.name}"):
        folder.read_state(state)
    other.unlink()
    with pytest.raises(BadInput, match="damaged"):
        folder.read_state(state)


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_save_that_is_killed_leaves_the_state_before_it(place: Path, tmp_path: Path) -> None:
    # The first process writes recipe.json, then one file for every state.
    words = ("steady", place / "data", tmp_path / "run", "--sharded", "--die-in-save", "3")
    first, second = launch(2, train_toy, words)
    assert first.ended() == -signal.SIGKILL, first.told()
    second.kill()
    left = sorted(p.name for p in (tmp_path / "run/checkpoints").iterdir() if not p.name.startswith("."))
    assert left == ["000000005"]
    assert go(place / "data", tmp_path / "run", sharded=False)[0].startswith("continues after step 5")
    assert_alike(tmp_path / "run", place / "alone")
    assert not list((tmp_path / "run/checkpoints").glob(".*"))


def ddpm_dispersed(info: DataInfo) -> Recipe:
    """A U-Net that gives features, besides its output, to a loss of whole micro-batches."""
    recipe = ddpm_cpu(info)
    assert isinstance(recipe.method, DiffusionMethodConfig)
    return replace(recipe, name="ddpm_dispersed", method=replace(recipe.method, dispersion=DispersiveConfig()))


def ddpm_muon(info: DataInfo) -> Recipe:
    """A U-Net whose matrices are turned whole, of which some have fewer rows than there are processes."""
    recipe = ddpm_cpu(info)
    muon = replace(recipe.optimizers["denoiser"], algorithm="muon")
    return replace(recipe, name="ddpm_muon", optimizers={"denoiser": muon})


def real(place: Path, makers: Sequence[Maker], precision: str, device: str, rank: int) -> None:
    """Two steps of real networks: replicated, then shared out."""
    os.environ["DIORAMA_CACHE"] = str(place / "cache")
    info = open_dataset(place / "data").info
    for make in makers:
        recipe = make(info)
        measured = EvaluationConfig(samples=20 if make is ddpm_cpu else 0)
        averages = {"power": PowerAverageConfig(std=0.1, snapshot_every=16), "ema": AverageConfig(half_life=16)}
        recipe = replace(recipe, images=16, batch_size=8, micro_batch=2, preview_every=0, log_every=8)
        if make is ddpm_cpu:
            assert isinstance(recipe.method, DiffusionMethodConfig)
            few = replace(recipe.method.synthesizer, steps=3)
            recipe = replace(recipe, method=replace(recipe.method, synthesizer=few))
        recipe = replace(recipe, precision=precision, evaluation=measured, averages=averages, exported_average="ema")
        for sharded in (False, True):
            out = place / f"{recipe.name}-{'shared' if sharded else 'whole'}"
            options = TrainOptions(device=device, sharded=sharded)
            list(train(recipe, place / "data", out, options))


def distance(ours: Path, theirs: Path) -> float:
    """Of all tensors in two files, as a share of their length."""
    left, right = load_file(ours), load_file(theirs)
    assert left.keys() == right.keys()
    apart = sum((left[k].double() - right[k].double()).square().sum() for k in left)
    return float(apart / sum(value.double().square().sum() for value in left.values())) ** 0.5


def compare_real(place: Path, makers: Sequence[Maker], precision: str, kind: str) -> None:
    world, numbers = World(size=32), np.arange(80)
    pictures = world.pictures(numbers)
    media = MediaSpec(kind="image", channels=3, height=32, width=32)
    pack_arrays(place / "data", {"train": pictures[:48], "val": pictures[48:]}, media, name="world")
    together(partial(real, place, makers, precision, kind), kind)
    # GPUs multiply with fewer digits, and by other kernels where weights are laid out otherwise.
    rounding = 1e-3 if kind == "cpu" else 2e-2
    for name in (make.__name__ for make in makers):
        whole, shared = (place / f"{name}-{kind}" for kind in ("whole", "shared"))
        logs = [list(runlog.read(run / "log.jsonl")) for run in (whole, shared)]
        assert [line["kind"] for line in logs[0]] == ["report"] * 2 + ["metric"] * (name == "ddpm_cpu")
        for ours, theirs in zip(*logs, strict=True):
            assert ours.get("losses", {}) == pytest.approx(theirs.get("losses", {}), rel=rounding), name
            for one, other in zip(ours.get("results", ()), theirs.get("results", ()), strict=True):
                assert one["value"] == pytest.approx(other["value"], rel=10 * rounding)
        for file in ("model/model.safetensors", "averages/power/000000000016.safetensors"):
            assert distance(whole / file, shared / file) < rounding, (name, file)


# Networks with lists, with levels, and with weights without axes.
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("precision", "makers"),
    [
        ("fp32", (ddpm_cpu, edm2_cpu)),
        ("bf16", (vae_spatial_cpu,)),
        ("fp32", (ddpm_dispersed, ddpm_muon)),
        pytest.param("fp32", (vae_spatial_cpu, adm_cpu), marks=pytest.mark.long),
        pytest.param("bf16", (ddpm_cpu, adm_cpu, edm2_cpu), marks=pytest.mark.long),
    ],
    ids=lambda given: given if isinstance(given, str) else "+".join(make.__name__ for make in given),
)
def test_real_networks_train_alike_replicated_and_shared_out(
    precision: str, makers: Sequence[Maker], tmp_path: Path
) -> None:
    compare_real(tmp_path, makers, precision, "cpu")


@pytest.mark.gpu
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("precision", "makers"), [("fp32", (ddpm_cpu, edm2_cpu)), ("bf16", (vae_spatial_cpu,))])
def test_real_networks_train_alike_on_two_gpus(precision: str, makers: Sequence[Maker], tmp_path: Path) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    compare_real(tmp_path, makers, precision, "cuda")


@pytest.mark.parametrize(
    ("recipe", "processes", "dtype", "reason"),
    [
        (gan_recipe(), 2, torch.float32, "2 players and 3 phases"),
        (fit_recipe(), 2, torch.float32, "1 players and 2 phases"),
        (flow_recipe(), 2, torch.float16, "float16"),
        (flow_recipe(), 1, torch.float32, "torchrun"),
    ],
)
def test_what_cannot_be_shared_out_is_refused_with_the_reason(
    recipe: Recipe, processes: int, dtype: torch.dtype, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "world_size", lambda: processes)
    precision, method = Precision(dtype, torch.device("cpu")), recipe.method.build()
    with pytest.raises(BadConfig, match=f"sharded: recipe {recipe.name} .*{reason}") as refusal:
        sharing.check(method, recipe.name, precision)
    assert "\n" not in str(refusal.value)


def test_blocks_are_items_of_lists_that_hold_no_lists() -> None:
    blocks = [torch.nn.Linear(8, 8) for _ in range(3)]
    level = torch.nn.Module()
    level.blocks = torch.nn.ModuleList(blocks)
    level.small = torch.nn.ModuleList([torch.nn.Linear(1, 1), torch.nn.Identity()])
    network = torch.nn.ModuleDict({"down": torch.nn.ModuleList([level]), "out": torch.nn.Linear(8, 8)})
    assert sharing._blocks(network) == blocks
