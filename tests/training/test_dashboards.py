"""Dashboards: TensorBoard and Weights & Biases show the numbers of the log."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from diorama.core.errors import BadConfig
from diorama.training.recipe import TrainOptions
from diorama.training.run import train
from diorama.training.ticks import Clock, Report, Tick, dashboards, require_dashboards
from tests.training.toy import flow_recipe


class StandIn(ModuleType):
    """What is called of the package wandb, which notes it."""

    class Error(Exception):
        """Of the package."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.__file__ = "wandb/__init__.py"
        self.begun: list[dict[str, Any]] = []
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.finished = 0
        self.problem = ""

    def init(self, **asked: Any) -> StandIn:
        if self.problem:
            raise self.Error(self.problem)
        self.begun.append(asked)
        return self

    def log(self, named: dict[str, float], *, step: int) -> None:
        self.logged.append((step, named))

    def finish(self) -> None:
        self.finished += 1


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    module = StandIn()
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


def ticks() -> list[Tick]:
    clock = Clock(seconds=1.0, images_per_second=5.0, joules=2.0)
    report = Report(losses={"flow": 0.5, "flow/norm": 3.0}, rates={"generator": 0.1}, clock=clock)
    return [
        Tick(step=1, images=16, total=64),
        Tick(step=2, images=32, total=64, report=report),
        Tick(step=4, images=64, total=64, report=report, results=({"metric": "fd@lite", "value": 7.0},)),
    ]


def test_dashboards_show_the_same_numbers(wandb: StandIn, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    options = TrainOptions(tensorboard=True, wandb="faces")
    with dashboards(tmp_path, 0, flow_recipe(), options) as show:
        for tick in ticks():
            show(tick)
    reader = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    tags = reader.Tags()["scalars"]
    shown = {(event.step, name): event.value for name in tags for event in reader.Scalars(name)}
    logged = {(step, name): value for step, named in wandb.logged for name, value in named.items()}
    assert logged == pytest.approx(shown)
    assert [step for step, _ in wandb.logged] == [32, 64]
    assert wandb.logged[1][1]["fd@lite"] == 7.0
    assert wandb.finished == 1


def test_a_continued_run_is_the_same_run_there(wandb: StandIn, tmp_path: Path) -> None:
    out = tmp_path / "faces-64"
    out.mkdir()
    for _ in range(2):
        with dashboards(out, 0, flow_recipe(), TrainOptions(wandb="faces")):
            pass
    first, second = wandb.begun
    assert first == second
    assert (first["project"], first["name"], first["dir"]) == ("faces", "faces-64", str(out))
    assert first["resume"] == "allow"
    assert first["config"]["batch_size"] == 16


def test_an_interrupted_run_is_finished_there(wandb: StandIn, tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        dashboards(tmp_path, 0, flow_recipe(), TrainOptions(wandb="faces")),
    ):
        raise KeyboardInterrupt
    assert wandb.finished == 1


def test_what_the_package_refuses_is_told_with_a_way_out(wandb: StandIn, tmp_path: Path) -> None:
    wandb.problem = "No API key\n configured."
    with (
        pytest.raises(
            BadConfig, match=r"wandb: No API key configured\. .* WANDB_MODE=offline to write to .*wandb alone"
        ),
        dashboards(tmp_path, 0, flow_recipe(), TrainOptions(wandb="faces")),
    ):
        pass


@pytest.mark.parametrize(
    ("package", "options"),
    [("wandb", TrainOptions(wandb="faces")), ("torch.utils.tensorboard", TrainOptions(tensorboard=True))],
)
def test_a_package_that_is_missing_is_named_before_anything_is_made(
    package: str, options: TrainOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BadConfig, match=r"pip install 'diorama\[log\]'"):
        next(train(flow_recipe(), tmp_path / "data", tmp_path / "run", options))
    assert not (tmp_path / "run").exists()


def test_a_folder_called_like_the_package_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wandb").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    if getattr(importlib.import_module("wandb"), "__file__", None):
        pytest.skip("wandb is installed")
    with pytest.raises(BadConfig, match="wandb is not installed"):
        require_dashboards(TrainOptions(wandb="faces"))


@pytest.mark.slow
def test_the_package_itself_writes_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb.sdk")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with dashboards(tmp_path, 0, flow_recipe(), TrainOptions(wandb="faces")) as show:
        for tick in ticks():
            show(tick)
    (written,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    names = [name.encode() for name in ("loss/flow", "rate/generator", "images_per_second", "fd@lite")]
    # A process of the package's own writes, and may be behind.
    deadline = time.monotonic() + 20
    while not all(name in written.read_bytes() for name in names):
        assert time.monotonic() < deadline
        time.sleep(0.1)
