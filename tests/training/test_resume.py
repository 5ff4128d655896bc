"""Killed anywhere, the same command ends with the weights, moments and log of the run that was left alone."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from diorama.core import runlog
from diorama.training import folder
from diorama.training.run import TrainOptions, train
from tests.together import launch
from tests.training.toy import CATALOG, fit_recipe, gan_recipe, measured_recipe, write_data
from tests.training.worker import main as train_toy


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "toy")


def run(processes: int, *arguments: str | Path) -> None:
    """Run workers to their end."""
    for worker in launch(processes, train_toy, arguments):
        assert worker.ended() == 0, worker.told()


def run_and_die(*arguments: str | Path) -> None:
    (worker,) = launch(1, train_toy, arguments)
    assert worker.ended() == -signal.SIGKILL, worker.told()


def newest(out: Path) -> dict[str, Any]:
    return folder.read_state(max((out / "checkpoints").iterdir()))


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """All values of a state under their paths, but what the clock says."""
    if path.endswith(("/seconds", "/joules")):
        return {}
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, inner in items for k, v in leaves(inner, f"{path}/{key}").items()}
    return {path: value}


def assert_same_run(left: Path, right: Path) -> None:
    """Weights, average, moments, method state and log, bit for bit."""
    ours, theirs = leaves(newest(left)), leaves(newest(right))
    assert ours.keys() == theirs.keys()
    for path, value in ours.items():
        same = torch.equal(value, theirs[path]) if isinstance(value, torch.Tensor) else value == theirs[path]
        assert same, path
    logs = ([runlog.without_clock(r) for r in runlog.read(out / "log.jsonl")] for out in (left, right))
    assert next(logs) == next(logs)


def test_killed_in_a_step_and_in_a_save(data: Path, tmp_path: Path) -> None:
    run_and_die("gan", data, tmp_path / "killed", "--die-in-step", "33")
    run_and_die("gan", data, tmp_path / "killed", "--die-in-save", "2")
    assert list((tmp_path / "killed/checkpoints").glob(".*.partial-*"))
    # What continues in this process must count with as many threads as what was killed in another.
    for out in ("killed", "whole"):
        list(train(gan_recipe(), data, tmp_path / out, TrainOptions(device="cpu", catalog=CATALOG)))
    assert_same_run(tmp_path / "whole", tmp_path / "killed")


@pytest.fixture(scope="module")
def measured(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was left alone and measured its last model."""
    out = tmp_path_factory.mktemp("measured") / "whole"
    list(train(measured_recipe(), data, out, TrainOptions(device="cpu", catalog=CATALOG)))
    return out


@pytest.mark.parametrize("name", ["000000004", "model"])
def test_killed_between_the_two_renames_that_replace_the_only_copy(
    name: str, data: Path, measured: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    run_and_die("measured", data, out, "--die-replacing", name)
    place = out if name == "model" else out / "checkpoints"
    assert not (place / name).exists()
    assert len(list(place.glob(f".{name}.replaced-*"))) == 1
    ticks = list(train(measured_recipe(), data, out, TrainOptions(device="cpu", catalog=CATALOG)))
    # Nothing was trained again: the run stands where it was killed, and makes up for its end.
    assert [tick.step for tick in ticks] == [4, 4]
    assert ticks[-1].finished
    assert not list(place.glob(".*"))
    assert_same_run(measured, out)
    assert (out / "model/model.safetensors").read_bytes() == (measured / "model/model.safetensors").read_bytes()


def train_fit(data: Path, out: Path) -> None:
    list(train(fit_recipe(), data, out, TrainOptions(device="cpu", catalog=CATALOG)))


@pytest.mark.timeout(200)
def test_two_processes_train_like_one(data: Path, tmp_path: Path) -> None:
    workers = launch(2, train_fit, data, tmp_path / "two")
    train_fit(data, tmp_path / "one")
    for worker in workers:
        assert worker.ended() == 0, worker.told()
    one, two = newest(tmp_path / "one"), newest(tmp_path / "two")
    for name, value in one["method"].items():
        torch.testing.assert_close(two["method"][name], value)
    losses = [[r["losses"]["fit"] for r in runlog.read(tmp_path / n / "log.jsonl")] for n in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("recipe", "processes"),
    [("gan", 1), pytest.param("flow", 1, marks=pytest.mark.long), pytest.param("gan", 2, marks=pytest.mark.long)],
)
def test_killed_at_five_random_moments(recipe: str, processes: int, data: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    run(processes, recipe, data, tmp_path / "whole")
    length = time.monotonic() - began
    moments = random.Random(processes)
    for _ in range(5):
        workers = launch(processes, train_toy, (recipe, data, tmp_path / "killed"))
        time.sleep(moments.uniform(0.2, 1.0) * length)
        for worker in workers:
            worker.kill()
    run(processes, recipe, data, tmp_path / "killed")
    assert_same_run(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_saved_by_two_and_resumed_by_one(data: Path, tmp_path: Path) -> None:
    run(2, "fit", data, tmp_path / "mixed", "--leave-after", "8")
    assert newest(tmp_path / "mixed")["step"] == 8
    run(1, "fit", data, tmp_path / "mixed")
    run(1, "fit", data, tmp_path / "one")
    mixed, one = newest(tmp_path / "mixed"), newest(tmp_path / "one")
    for name, value in one["method"].items():
        torch.testing.assert_close(mixed["method"][name], value)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_left_and_continued_equal_two_left_alone(data: Path, tmp_path: Path) -> None:
    run(2, "gan", data, tmp_path / "whole")
    run(2, "gan", data, tmp_path / "parts", "--leave-after", "13")
    run(2, "gan", data, tmp_path / "parts")
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_measure_their_model_together(data: Path, tmp_path: Path) -> None:
    run(2, "measured", data, tmp_path / "two")
    (line,) = (record for record in runlog.read(tmp_path / "two/log.jsonl") if record["kind"] == "metric")
    assert line["results"][0]["samples"] == 20
    assert newest(tmp_path / "two")["best"]["result"] == line["results"][0]
