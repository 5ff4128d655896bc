"""Settings that change no weight may change while a run is continued, and the run says so; other values may not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.core import runlog
from diorama.core.config import encode
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.recipes.vae import vae_cpu
from diorama.training import folder
from diorama.training.identity import Begun, Change, previews_by
from diorama.training.recipe import EvaluationConfig, OptimizerConfig, RateConfig, Recipe
from diorama.training.run import Tick, TrainOptions, train
from tests.training.toy import CATALOG, flow_recipe, write_data

OPTIONS = TrainOptions(device="cpu", catalog=CATALOG)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "toy")


def finish(recipe: Recipe, data: Path, out: Path) -> list[Tick]:
    return list(train(recipe, data, out, OPTIONS))


def leave(recipe: Recipe, data: Path, out: Path, step: int) -> None:
    """Train up to a step and close the iterator, which saves."""
    for tick in train(recipe, data, out, OPTIONS):
        if tick.step == step:
            break


def written(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "recipe.json").read_text())
    return content


def newest(out: Path) -> Mapping[str, Any]:
    state: Mapping[str, Any] = folder.read_state(max((out / "checkpoints").iterdir()))
    return state


def metrics(out: Path) -> list[tuple[int, str]]:
    lines = runlog.read(out / "log.jsonl")
    return [(r["images"], result["metric"]) for r in lines if r["kind"] == "metric" for result in r["results"]]


def test_settings_change_and_each_change_is_kept_with_its_images(data: Path, tmp_path: Path) -> None:
    finish(flow_recipe(), data, tmp_path / "whole")
    leave(flow_recipe(), data, tmp_path / "run", 6)
    quiet = replace(flow_recipe(), log_every=96, preview_every=160, checkpoint_every=160, keep=1)
    leave(quiet, data, tmp_path / "run", 12)
    ticks = finish(replace(quiet, keep=3), data, tmp_path / "run")
    assert "changes keep 1 → 3" in ticks[0].notes
    assert written(tmp_path / "run")["recipe"]["keep"] == 3
    assert written(tmp_path / "run")["changes"] == [
        {"name": "preview_every", "old": 0, "new": 160, "images": 96},
        {"name": "checkpoint_every", "old": 80, "new": 160, "images": 96},
        {"name": "keep", "old": 2, "new": 1, "images": 96},
        {"name": "log_every", "old": 48, "new": 96, "images": 96},
        {"name": "keep", "old": 1, "new": 3, "images": 192},
    ]
    assert "changes" not in written(tmp_path / "whole")
    for part in ("method", "averages"):
        for name, value in flat(newest(tmp_path / "whole")[part]).items():
            assert torch.equal(value, flat(newest(tmp_path / "run")[part])[name]), name


def flat(tree: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for key, value in tree.items():
        found |= {f"{key}.{k}": v for k, v in flat(value).items()} if isinstance(value, Mapping) else {key: value}
    return found


def test_the_same_command_changes_nothing(data: Path, tmp_path: Path) -> None:
    leave(flow_recipe(), data, tmp_path / "run", 6)
    before = (tmp_path / "run/recipe.json").read_bytes()
    leave(flow_recipe(), data, tmp_path / "run", 8)
    assert (tmp_path / "run/recipe.json").read_bytes() == before


def test_a_run_may_end_where_it_stands_and_not_before(data: Path, tmp_path: Path) -> None:
    measured = EvaluationConfig(samples=20)
    leave(replace(flow_recipe(), evaluation=measured), data, tmp_path / "run", 6)
    with pytest.raises(BadConfig, match=r"images 320 → 80 \(96 are seen already: --images may be 96 or more\)"):
        finish(replace(flow_recipe(), evaluation=measured, images=80), data, tmp_path / "run")
    ticks = finish(replace(flow_recipe(), evaluation=measured, images=96), data, tmp_path / "run")
    assert ticks[-1].finished
    assert ticks[-1].total == 96
    # What the end of a run brings is made up for.
    assert metrics(tmp_path / "run") == [(96, "fd@lite")]
    assert "Of 1 model measured" in (tmp_path / "run/model/README.md").read_text()
    assert finish(replace(flow_recipe(), evaluation=measured, images=96), data, tmp_path / "run")[-1].finished
    assert metrics(tmp_path / "run") == [(96, "fd@lite")]
    # And it may go on again.
    assert finish(replace(flow_recipe(), images=128), data, tmp_path / "run")[-1].images == 128


def test_where_a_rate_falls_over_the_length_a_run_may_only_end_here_or_as_it_began(data: Path, tmp_path: Path) -> None:
    falling = OptimizerConfig(rate=RateConfig(peak=0.01, decay="cosine"))
    recipe = replace(flow_recipe(), optimizers={"generator": falling}, images=160)
    leave(recipe, data, tmp_path / "run", 6)
    for images in (80, 112, 320):
        with pytest.raises(BadConfig, match="--images may be 160, or 96 to end it where it stands"):
            finish(replace(recipe, images=images), data, tmp_path / "run")
    assert finish(replace(recipe, images=96), data, tmp_path / "run")[-1].finished
    assert finish(recipe, data, tmp_path / "run")[-1].images == 160


def test_models_measured_otherwise_are_not_compared(data: Path, tmp_path: Path) -> None:
    first = replace(flow_recipe(), images=64, evaluation=EvaluationConfig(samples=20, every=32))
    finish(first, data, tmp_path / "run")
    assert newest(tmp_path / "run")["best"]["asked"] == 20
    other = replace(first, images=96, evaluation=EvaluationConfig(samples=30, every=32))
    ticks = finish(other, data, tmp_path / "run")
    assert any("no longer compares" in note for note in ticks[0].notes)
    state = newest(tmp_path / "run")
    assert (state["best"]["images"], state["best"]["asked"], state["evaluations"]) == (96, 30, 1)
    off = replace(other, evaluation=EvaluationConfig(samples=0))
    assert finish(off, data, tmp_path / "run")[-1].finished
    assert "none of its models was measured" in (tmp_path / "run/model/README.md").read_text()


def test_a_complete_run_is_measured_by_a_metric_that_is_asked_for_later(data: Path, tmp_path: Path) -> None:
    finish(replace(flow_recipe(), images=64), data, tmp_path / "run")
    assert metrics(tmp_path / "run") == []
    finish(replace(flow_recipe(), images=64, evaluation=EvaluationConfig(samples=20)), data, tmp_path / "run")
    assert metrics(tmp_path / "run") == [(64, "fd@lite")]


def test_previews_keep_their_numbers_when_their_interval_changes(data: Path, tmp_path: Path) -> None:
    often = replace(flow_recipe(), preview_every=32)
    leave(often, data, tmp_path / "run", 8)
    names = [path.name for path in sorted((tmp_path / "run/samples").iterdir())]
    early = (tmp_path / "run/samples/004.png").read_bytes()
    finish(replace(often, preview_every=96), data, tmp_path / "run")
    assert names == ["001.png", "002.png", "003.png", "004.png"]
    # At 192 and 288 images; by the new interval alone they would be called 002 and 003.
    assert [path.name for path in sorted((tmp_path / "run/samples").iterdir())] == [*names, "005.png", "006.png"]
    assert (tmp_path / "run/samples/004.png").read_bytes() == early


@given(
    every=st.integers(1, 50),
    steps=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 50)), max_size=4),
    ahead=st.integers(0, 500),
)
def test_the_number_of_a_preview_counts_those_that_were_due(
    every: int, steps: list[tuple[int, int]], ahead: int
) -> None:
    changes, images, interval, due = [], 0, every, 0
    for further, new in [*steps, (ahead, 0)]:
        due += sum(1 for i in range(images + 1, images + further + 1) if interval and i % interval == 0)
        images += further
        if len(changes) < len(steps):
            changes.append(Change(name="preview_every", old=interval, new=new, images=images))
            interval = new
    assert previews_by(images, interval, changes) == due


@pytest.mark.parametrize("ending", ["time", "interrupt"])
def test_a_stop_leaves_a_preview_that_goes_when_the_run_goes_on(
    ending: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diorama.core.interrupt import Interruption

    if ending == "time":
        ticks = list(train(flow_recipe(), data, tmp_path / "run", replace(OPTIONS, seconds=1e-9)))
    else:
        monkeypatch.setattr(Interruption, "asked", True, raising=False)
        monkeypatch.setattr(Interruption, "__init__", lambda self: None)
        ticks = []
        with pytest.raises(KeyboardInterrupt):
            ticks.extend(train(flow_recipe(), data, tmp_path / "run", OPTIONS))
        monkeypatch.undo()
    picture = tmp_path / "run/samples/stopped.png"
    assert picture.is_file()
    if ticks:
        assert ticks[-1].preview == picture
        assert ticks[-1].notes[-2:] == ("is saved after step 1 (16 images)", f"draws what {picture} shows")
    finish(replace(flow_recipe(), images=32), data, tmp_path / "run")
    assert not picture.exists()


def test_no_preview_is_drawn_at_a_stop_where_none_is_wanted(data: Path, tmp_path: Path) -> None:
    options = replace(OPTIONS, seconds=1e-9, preview_at_stop=False)
    ticks = list(train(flow_recipe(), data, tmp_path / "run", options))
    assert not ticks[-1].finished
    assert not (tmp_path / "run/samples").exists()


def test_many_differences_are_counted_and_long_values_cut(data: Path, tmp_path: Path) -> None:
    leave(flow_recipe(), data, tmp_path / "run", 2)
    other = OptimizerConfig(rate=RateConfig(peak=0.5, warmup=3), betas=(0.1, 0.2), eps=1e-3, clip=None)
    with pytest.raises(BadConfig, match="and 4 more; give those") as refusal:
        finish(
            replace(flow_recipe(), optimizers={"generator": other}, batch_size=32, flip=False, seed=4),
            data,
            tmp_path / "run",
        )
    assert "\n" not in str(refusal.value)


def test_where_nothing_is_kept_yet_the_folder_may_go(data: Path, tmp_path: Path) -> None:
    ticks = train(flow_recipe(), data, tmp_path / "run", OPTIONS)
    next(ticks)
    ticks.close()
    with pytest.raises(BadConfig, match="remove the folder, which holds no resume state yet"):
        finish(replace(flow_recipe(), batch_size=32), data, tmp_path / "run")


def test_damaged_changes_are_named(data: Path, tmp_path: Path) -> None:
    leave(flow_recipe(), data, tmp_path / "run", 2)
    (tmp_path / "run/recipe.json").write_text(json.dumps({**written(tmp_path / "run"), "changes": [{"no": 1}]}))
    with pytest.raises(BadInput, match=r"recipe\.json: is damaged"):
        finish(flow_recipe(), data, tmp_path / "run")


def test_a_change_that_cannot_be_is_not_noted(data: Path, tmp_path: Path) -> None:
    leave(flow_recipe(), data, tmp_path / "run", 2)
    before = (tmp_path / "run/recipe.json").read_bytes()
    with pytest.raises(BadInput, match="fd@nothing"):
        finish(
            replace(flow_recipe(), evaluation=EvaluationConfig(metric="fd@nothing", samples=20)), data, tmp_path / "run"
        )
    assert (tmp_path / "run/recipe.json").read_bytes() == before


def test_a_value_that_came_later_is_compared_with_what_a_run_had_before() -> None:
    today = vae_cpu(DataInfo(name="x", media=MediaSpec(kind="image", channels=3, height=32, width=32)))
    before = replace(today, method=replace(today.method, perceptual=0.0))
    old, new = ({"recipe": encode(recipe), "data": {}, "frozen": {}, "start_from": None} for recipe in (before, today))
    begun = Begun(identity=old, changes=(), step=1)
    assert begun.changed_to(new, today) == ((), ["method.perceptual None → 1.0"])
    assert begun.changed_to(old, before) == ((), [])
