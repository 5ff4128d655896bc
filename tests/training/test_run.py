"""A run from its folder's point of view: what is written, what is refused, and what continues."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diorama.core import runlog
from diorama.core.errors import BadConfig, BadInput, TrainingFailed
from diorama.core.locks import only_process
from diorama.data.pack import pack_arrays
from diorama.synthesis import store
from diorama.training import folder, run
from diorama.training.recipe import AverageConfig, OptimizerConfig, PowerAverageConfig, RateConfig, Recipe
from diorama.training.run import Tick, TrainOptions, train
from tests.training.toy import CATALOG, MEDIA, ToyGANConfig, flow_recipe, gan_recipe, write_data

OPTIONS = TrainOptions(device="cpu", catalog=CATALOG)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "toy")


def finish(recipe: Recipe, data: Path, out: Path, options: TrainOptions = OPTIONS) -> list[Tick]:
    return list(train(recipe, data, out, options))


def state_of(out: Path) -> dict[str, Any]:
    (*_, newest) = sorted((out / "checkpoints").iterdir())
    return folder.read_state(newest)


def weights_and_moments(out: Path) -> dict[str, Any]:
    """The resume state without what the clock says."""
    return {key: value for key, value in state_of(out).items() if key not in ("seconds", "joules")}


def log_of(out: Path) -> list[dict[str, Any]]:
    return [runlog.without_clock(record) for record in runlog.read(out / "log.jsonl")]


def assert_equal(left: Any, right: Any, where: str = "") -> None:
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), where
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            assert_equal(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, list):
        for index, (a, b) in enumerate(zip(left, right, strict=True)):
            assert_equal(a, b, f"{where}[{index}]")
    else:
        assert left == right, where


def test_a_run_leaves_what_the_design_promises(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ticks = finish(replace(gan_recipe(), preview_every=320), data, out)

    assert [tick.step for tick in ticks] == list(range(41))
    assert ticks[-1].finished
    assert ticks[-1].images == ticks[-1].total == 640
    assert {p.name for p in out.iterdir()} == {"recipe.json", "log.jsonl", "samples", "checkpoints", "model"}
    assert [p.name for p in sorted((out / "checkpoints").iterdir())] == ["000000035", "000000040"]
    assert {p.name for p in (out / "checkpoints/000000040").iterdir()} == {"state.json", "state.safetensors", "model"}
    assert [p.name for p in sorted((out / "samples").iterdir())] == ["001.png", "002.png"]
    assert {p.name for p in (out / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
        "provenance.json",
    }
    recipe = json.loads((out / "recipe.json").read_text())
    assert recipe["recipe"]["name"] == "toy_gan"
    reports = log_of(out)
    assert [r["images"] for r in reports] == [*range(48, 640, 48), 640]
    assert set(reports[0]) == {"kind", "step", "images", "losses", "rates"}
    assert set(reports[0]["losses"]) == {"discriminator", "discriminator/real", "discriminator.r1", "generator"}
    assert reports[0]["rates"] == {"generator": 0.01, "discriminator": 0.01}


def test_the_model_is_the_averaged_one(data: Path, tmp_path: Path) -> None:
    finish(flow_recipe(), data, tmp_path / "run")
    model = store.load(tmp_path / "run", catalog=CATALOG)
    average = state_of(tmp_path / "run")["averages"]["ema"]
    assert_equal(dict(model.state_dict()), average)
    assert model.sample(3, seed=1).shape == (3, 3, 4, 4)
    training = store.read_provenance(tmp_path / "run").training
    assert training is not None
    assert training.images == 320
    assert "none of its models was measured" in (tmp_path / "run/model/README.md").read_text()


def test_training_lowers_the_loss(data: Path, tmp_path: Path) -> None:
    recipe = replace(flow_recipe(), images=2_000, checkpoint_every=2_000)
    finish(recipe, data, tmp_path / "run")
    losses = [record["losses"]["flow"] for record in log_of(tmp_path / "run")]
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])


@pytest.mark.parametrize("make", [gan_recipe, flow_recipe])
def test_a_run_that_was_left_continues_bit_for_bit(make: Any, data: Path, tmp_path: Path) -> None:
    finish(make(), data, tmp_path / "whole")
    for leave_after in (3, 11, 12):
        for tick in train(make(), data, tmp_path / "parts", OPTIONS):
            if tick.step == leave_after:
                break
    resumed = finish(make(), data, tmp_path / "parts")
    assert resumed[0].step == 12
    assert resumed[0].notes == ("continues after step 12 (192 images)",)
    assert_equal(weights_and_moments(tmp_path / "whole"), weights_and_moments(tmp_path / "parts"))
    assert log_of(tmp_path / "whole") == log_of(tmp_path / "parts")


def test_a_complete_run_says_so_and_mends_its_model(data: Path, tmp_path: Path) -> None:
    finish(flow_recipe(), data, tmp_path / "run")
    (tmp_path / "run/model/model.safetensors").unlink()
    ticks = finish(flow_recipe(), data, tmp_path / "run")
    assert ticks[-1].finished
    assert "is complete" in ticks[-1].notes[0]
    store.load(tmp_path / "run", catalog=CATALOG)


def test_more_images_lengthen_a_run_and_equal_one_that_was_long_from_the_start(data: Path, tmp_path: Path) -> None:
    finish(flow_recipe(), data, tmp_path / "grown")
    finish(flow_recipe(), data, tmp_path / "grown", TrainOptions(device="cpu", catalog=CATALOG, images=480))
    finish(replace(flow_recipe(), images=480), data, tmp_path / "long")
    grown, long = weights_and_moments(tmp_path / "grown"), weights_and_moments(tmp_path / "long")
    for part in ("method", "updaters", "averages"):
        assert_equal(grown[part], long[part])


def test_changed_values_are_refused_by_name(data: Path, tmp_path: Path) -> None:
    finish(flow_recipe(), data, tmp_path / "run")
    faster = OptimizerConfig(rate=RateConfig(peak=0.5, warmup=32), betas=(0.5, 0.99), clip=5.0)
    changed = replace(flow_recipe(), optimizers={"generator": faster}, batch_size=32)
    with pytest.raises(BadConfig, match=r"batch_size 16 → 32") as refusal:
        finish(changed, data, tmp_path / "run")
    assert "optimizers.generator.rate.peak 0.01 → 0.5" in str(refusal.value)
    assert f"--from {tmp_path / 'run'}" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_field_that_is_younger_than_the_run_does_not_stop_it(data: Path, tmp_path: Path) -> None:
    finish(replace(flow_recipe(), images=32), data, tmp_path / "run")
    written = json.loads((tmp_path / "run/recipe.json").read_text())
    del written["recipe"]["keep"]
    (tmp_path / "run/recipe.json").write_text(json.dumps(written))
    assert finish(replace(flow_recipe(), images=32), data, tmp_path / "run")[-1].finished


def test_images_may_not_grow_where_a_rate_depends_on_them(data: Path, tmp_path: Path) -> None:
    falling = OptimizerConfig(rate=RateConfig(peak=0.01, decay="cosine"))
    recipe = replace(flow_recipe(), optimizers={"generator": falling}, images=32)
    finish(recipe, data, tmp_path / "run")
    with pytest.raises(BadConfig, match=r"images 32 → 64 \(a rate falls over the whole length"):
        finish(replace(recipe, images=64), data, tmp_path / "run")


def test_changed_data_are_refused(data: Path, tmp_path: Path) -> None:
    finish(replace(flow_recipe(), images=32), data, tmp_path / "run")
    manifest = json.loads((tmp_path / "run/recipe.json").read_text())
    manifest["data"]["sha256"] = "0" * 64
    (tmp_path / "run/recipe.json").write_text(json.dumps(manifest))
    with pytest.raises(BadConfig, match=r"data toy \(64 records, 00000000…\) → toy \(64 records"):
        finish(replace(flow_recipe(), images=32), data, tmp_path / "run")


def test_a_recipe_must_fit_the_data_and_the_players(data: Path, tmp_path: Path) -> None:
    stranger = {"painter": OptimizerConfig(rate=RateConfig(peak=1.0))}
    with pytest.raises(BadConfig, match=r"players are \['generator'\], got \['painter'\]"):
        finish(replace(flow_recipe(), optimizers=stranger), data, tmp_path / "run")
    wide = replace(MEDIA, width=8)
    pack_arrays(tmp_path / "wide", {"train": np.zeros((32, 4, 8, 3), np.uint8)}, wide)
    with pytest.raises(BadConfig, match=r"draws \(3, 4, 4\), but the records of arrays are \(3, 4, 8\)"):
        finish(flow_recipe(), tmp_path / "wide", tmp_path / "other")
    with pytest.raises(BadConfig, match="differ in media"):
        list(train(flow_recipe(), [data, tmp_path / "wide"], tmp_path / "both", OPTIONS))


def test_a_folder_that_is_no_run_is_left_alone(data: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/dear.txt").write_text("…")
    with pytest.raises(BadInput, match="not a run"):
        finish(flow_recipe(), data, tmp_path / "letters")
    with pytest.raises(BadInput, match="cannot be written"):
        finish(flow_recipe(), data, tmp_path / "letters/dear.txt")
    assert [p.name for p in (tmp_path / "letters").iterdir()] == ["dear.txt"]


def test_two_processes_cannot_train_into_one_folder(data: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with only_process(tmp_path / "run"), pytest.raises(BadInput, match="is at work in this folder"):
        finish(flow_recipe(), data, tmp_path / "run")


def test_a_loss_that_is_not_finite_leaves_the_last_state(data: Path, tmp_path: Path) -> None:
    recipe = replace(gan_recipe(), method=ToyGANConfig(poison=13))
    with pytest.raises(TrainingFailed, match="step 13: the loss of phase 'generator'"):
        finish(recipe, data, tmp_path / "run")
    assert state_of(tmp_path / "run")["step"] == 10
    store.load(tmp_path / "run", catalog=CATALOG)


def test_a_weight_that_is_not_finite_is_never_saved(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diorama.training.turn.FiniteCheck.see", lambda *_: None)
    monkeypatch.setattr("diorama.core.device.all_finite", lambda _: torch.tensor(False))
    with pytest.raises(TrainingFailed, match="a weight of player 'generator' is not finite"):
        finish(flow_recipe(), data, tmp_path / "run")
    assert not (tmp_path / "run/checkpoints").exists()


def test_a_full_disk_during_a_save_keeps_the_state_before(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = folder.write_state, iter(range(100))

    def fill(folder: Path, state: Any) -> None:
        write(folder, state)
        if next(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder, "write_state", fill)
    with pytest.raises(
        TrainingFailed, match=r"step 15 cannot be written: the disk is full\. The state of step 10 is intact"
    ):
        finish(flow_recipe(), data, tmp_path / "run")
    assert [p.name for p in sorted((tmp_path / "run/checkpoints").iterdir())] == ["000000005", "000000010"]

    monkeypatch.undo()
    finish(flow_recipe(), data, tmp_path / "run")
    finish(flow_recipe(), data, tmp_path / "whole")
    assert_equal(weights_and_moments(tmp_path / "whole"), weights_and_moments(tmp_path / "run"))
    assert log_of(tmp_path / "whole") == log_of(tmp_path / "run")


def test_what_a_killed_process_left_half_done_is_swept_up(data: Path, tmp_path: Path) -> None:
    finish(replace(flow_recipe(), images=96), data, tmp_path / "run")
    partial = tmp_path / "run/checkpoints/.000000007.partial-123"
    partial.mkdir()
    (tmp_path / "run/.log.jsonl.partial-9").touch()
    finish(replace(flow_recipe(), images=96), data, tmp_path / "run")
    assert not partial.exists()
    assert [p.name for p in (tmp_path / "run").iterdir() if p.name.startswith(".")] == []


def test_ctrl_c_saves_the_last_step_and_says_how_to_go_on(
    data: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # A process that a shell started in the background ignores SIGINT, and so would its tests.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    ticks: Iterator[Tick] = train(flow_recipe(), data, tmp_path / "run", OPTIONS)
    for tick in ticks:
        if tick.step == 7:
            os.kill(os.getpid(), signal.SIGINT)
            break
    last = next(ticks)
    assert last.step == 8
    assert last.saved is not None
    shown = tmp_path / "run/samples/stopped.png"
    assert last.notes == (f"is saved after step {last.step:,} (128 images)", f"draws what {shown} shows")
    with pytest.raises(KeyboardInterrupt):
        next(ticks)
    assert state_of(tmp_path / "run")["step"] == 8
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_in_the_last_step_completes_the_run_and_is_not_forgotten(
    data: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    recipe = replace(flow_recipe(), images=64)
    ticks: Iterator[Tick] = train(recipe, data, tmp_path / "run", OPTIONS)
    for tick in ticks:
        if tick.total - tick.images == recipe.batch_size:
            os.kill(os.getpid(), signal.SIGINT)
            break
    assert next(ticks).finished
    with pytest.raises(KeyboardInterrupt):
        next(ticks)


def test_a_budget_of_seconds_ends_with_a_saved_state(data: Path, tmp_path: Path) -> None:
    ticks = finish(gan_recipe(), data, tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG, seconds=0.0))
    assert [tick.step for tick in ticks] == [0, 1]
    assert ticks[-1].saved is not None
    assert not ticks[-1].finished
    store.load(tmp_path / "run", catalog=CATALOG)
    assert log_of(tmp_path / "run") == []
    finish(gan_recipe(), data, tmp_path / "run")
    finish(gan_recipe(), data, tmp_path / "whole")
    assert_equal(weights_and_moments(tmp_path / "whole"), weights_and_moments(tmp_path / "run"))
    assert log_of(tmp_path / "whole") == log_of(tmp_path / "run")


def test_a_run_starts_from_another_models_weights(data: Path, tmp_path: Path) -> None:
    finish(flow_recipe(), data, tmp_path / "old")
    options = TrainOptions(device="cpu", catalog=CATALOG, start_from=tmp_path / "old")
    ticks = train(gan_recipe(), data, tmp_path / "new", options)
    assert next(ticks).notes == ("starts from another model: 9 tensors fitted; discriminator begins anew",)
    ticks.close()
    with pytest.raises(BadConfig, match=r"--from [0-9a-f]{8}… → none"):
        finish(gan_recipe(), data, tmp_path / "new")


def test_event_files_are_written_on_request(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    finish(replace(flow_recipe(), images=96), data, tmp_path / "run", replace(OPTIONS, tensorboard=True))
    assert list((tmp_path / "run/tensorboard").iterdir())


def test_several_sets_are_mixed_and_named(data: Path, tmp_path: Path) -> None:
    finish(replace(flow_recipe(), images=32), data, tmp_path / "one")
    list(train(replace(flow_recipe(), images=32), [data, (data, 3.0)], tmp_path / "two", OPTIONS))
    one, two = (json.loads((tmp_path / name / "recipe.json").read_text())["data"] for name in ("one", "two"))
    assert two["name"] == "toy + toy"
    assert two["count"] == 2 * one["count"]
    assert two["sha256"] != one["sha256"]


def averaged_recipe(snapshot_every: int = 96) -> Recipe:
    """Twenty steps under three averages, of which the second is exported."""
    averages = {
        "ema": AverageConfig(half_life=100),
        "narrow": PowerAverageConfig(std=0.05, snapshot_every=snapshot_every),
        "wide": PowerAverageConfig(std=0.1),
    }
    return replace(flow_recipe(), averages=averages, exported_average="narrow")


def test_several_averages_are_kept_and_the_named_one_is_exported(data: Path, tmp_path: Path) -> None:
    finish(averaged_recipe(), data, tmp_path / "run")
    kept = state_of(tmp_path / "run")["averages"]
    assert set(kept) == {"ema", "narrow", "wide"}
    model = store.load(tmp_path / "run", catalog=CATALOG)
    assert_equal(dict(model.state_dict()), kept["narrow"])
    weight = "generator.inner.weight"
    assert not torch.equal(kept["narrow"][weight], kept["wide"][weight])
    # One alone is what it is in company.
    finish(replace(flow_recipe(), averages={"ema": AverageConfig(half_life=100)}), data, tmp_path / "alone")
    assert_equal(state_of(tmp_path / "alone")["averages"]["ema"], kept["ema"])


def test_snapshots_are_written_on_the_way_and_again_after_an_interruption(data: Path, tmp_path: Path) -> None:
    finish(averaged_recipe(), data, tmp_path / "whole")
    for tick in train(averaged_recipe(), data, tmp_path / "parts", OPTIONS):
        if tick.step == 11:
            break
    # The kill came after one more snapshot than the state knows of, and in the middle of another.
    folder = tmp_path / "parts/averages/narrow"
    (folder / "000000000192.safetensors").write_bytes(b"later")
    (folder / ".000000000288.safetensors.partial-7").write_bytes(b"half")
    finish(averaged_recipe(), data, tmp_path / "parts")
    folders = (tmp_path / name / "averages/narrow" for name in ("whole", "parts"))
    whole, parts = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert sorted(whole) == ["000000000096.safetensors", "000000000192.safetensors", "000000000288.safetensors"]
    assert whole == parts
    assert [path.name for path in (tmp_path / "whole/averages").iterdir()] == ["narrow"]


def test_how_often_an_average_is_copied_may_change_while_a_run_is_continued_and_its_width_may_not(
    data: Path, tmp_path: Path
) -> None:
    ticks = train(averaged_recipe(), data, tmp_path / "run", OPTIONS)
    next(ticks)
    ticks.close()
    next(train(averaged_recipe(snapshot_every=0), data, tmp_path / "run", OPTIONS))
    written = json.loads((tmp_path / "run/recipe.json").read_text())["recipe"]
    assert written["averages"]["narrow"]["snapshot_every"] == 0
    wider = replace(averaged_recipe(), averages={**averaged_recipe().averages, "wide": PowerAverageConfig(std=0.2)})
    with pytest.raises(BadConfig, match=r"averages\.wide\.std 0\.1 → 0\.2"):
        next(train(wider, data, tmp_path / "run", OPTIONS))


def test_a_run_of_another_format_is_refused(data: Path, tmp_path: Path) -> None:
    finish(replace(flow_recipe(), images=32), data, tmp_path / "run")
    path = tmp_path / "run/recipe.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 1}))
    with pytest.raises(BadConfig, match="another version of Diorama began this run"):
        finish(replace(flow_recipe(), images=32), data, tmp_path / "run")


def test_a_process_trains_with_its_own_rank_and_seed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def walk(*parts: Any, **span: Any) -> Iterator[Any]:
        seen.update(span)
        return iter(())

    monkeypatch.setattr(run, "steps", walk)
    monkeypatch.setattr(run.distributed, "rank", lambda: 1)
    monkeypatch.setattr(run.distributed, "world_size", lambda: 2)
    finish(flow_recipe(), data, tmp_path / "run")
    assert seen == {"start": 0, "stop": 20, "seed": flow_recipe().seed, "rank": 1}
    # Only the first process writes.
    assert not (tmp_path / "run").exists()
