"""Trainings of GANs within a number of seconds: their lengths, what is other than in the recipes, their table."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.pix2pix import Pix2PixConfig
from diorama.recipes.catalog import resolve
from diorama.recipes.enlarging import rrdb_psnr_cpu
from diorama.recipes.progressive import progressive_cpu
from diorama.recipes.r3gan import r3gan_cpu
from diorama.recipes.stylegan import stylegan2_cifar
from diorama.recipes.translation import pix2pix_cpu
from tests.recipes.families import pictures
from tests.recipes.test_enlarging import data as enlarging_data
from tests.recipes.test_translation import data

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program, which is run as a file and so finds its neighbours by their bare names."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("gan_trainings")


def test_experiments_name_recipes_and_trainings_that_there_are(bench: Any) -> None:
    for experiment in bench.EXPERIMENTS.values():
        assert set(experiment.measures) <= set(bench.MEASURES)
        for position, training in enumerate(experiment.trainings.values()):
            assert resolve(training.recipe)
            assert not training.start or training.start in list(experiment.trainings)[:position]


def test_what_falls_along_a_run_ends_with_a_shorter_one(bench: Any) -> None:
    recipe = r3gan_cpu(pictures(32))
    short = bench.of_images(recipe, recipe.images // 4)
    assert isinstance(recipe.method, GANConfig)
    assert isinstance(short.method, GANConfig)
    assert recipe.method.joint is not None
    assert short.method.joint is not None
    assert short.images == recipe.images // 4
    assert short.method.joint.fall == recipe.method.joint.fall // 4
    assert short.averages["ema"].half_life == recipe.averages["ema"].half_life // 4


def test_recipes_that_are_not_measured_while_they_train_stay_so(bench: Any) -> None:
    measured, not_measured = r3gan_cpu(pictures(32)), rrdb_psnr_cpu(enlarging_data())
    assert bench.watched(measured, 300).evaluation.samples == 300
    assert bench.watched(not_measured, 300).evaluation.samples == 0
    assert bench.watched(measured, 300).evaluation.every == measured.images // bench.MEASURED


def test_a_trial_counts_the_steps_behind_its_first_and_tells_how_long_these_took_more(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first tick comes after 4 s, the first step takes 30 s more, every other half a second for 32 pictures.
    times = iter([0.0, *(4 + 0.5 * step + (30 if step else 0) for step in range(1_000))])
    monkeypatch.setattr(bench.time, "perf_counter", lambda: next(times))
    monkeypatch.setattr(bench, "train", lambda *_: (SimpleNamespace(images=32 * step) for step in range(1_000)))
    pace, start = bench.paced(None, SimpleNamespace(path=None), Path("run"), 6.0, None)
    assert pace == pytest.approx(64)
    assert start == pytest.approx(34)


def test_a_slow_trial_is_ended_within_its_first_steps(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    times, taken = iter([0.0, *(10.0 * step for step in range(1_000))]), []
    monkeypatch.setattr(bench.time, "perf_counter", lambda: next(times))
    monkeypatch.setattr(
        bench, "train", lambda *_: (taken.append(step) or SimpleNamespace(images=8 * step) for step in range(1_000))
    )
    pace, _ = bench.paced(None, SimpleNamespace(path=None), Path("run"), 6.0, None)
    assert pace == pytest.approx(0.8)
    assert len(taken) < 10


def test_two_scales_fade_in_and_the_last_stays_for_a_third_of_the_run(bench: Any) -> None:
    experiments = importlib.import_module("gan_experiments")
    recipe = experiments.two_growths(bench.of_images(progressive_cpu(pictures(32)), 6_000))
    growth, scales = recipe.method.growth, len(recipe.method.generator.widths)
    assert growth.grown(0, scales) == scales - 3
    assert growth.end(scales) == 4_000


def test_l1_alone_keeps_the_direction_and_drowns_the_game(bench: Any) -> None:
    experiments = importlib.import_module("gan_experiments")
    changed = experiments.l1_alone(pix2pix_cpu(data())).method
    assert isinstance(changed, Pix2PixConfig)
    assert (changed.direction, changed.l1) == ("to_record", experiments.L1_ALONE)


def test_the_table_holds_every_row_that_lies_there_and_tells_best_from_last(bench: Any, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "ada-plain"
    run.mkdir(parents=True)
    interval = {"low": 1.0, "high": 3.0, "level": 0.95, "method": "made up"}
    lines = [
        {"kind": "metric", "step": i, "images": 100 * i, "results": [{"metric": "m", "value": v, "interval": interval}]}
        for i, v in ((1, 5.0), (2, 2.0), (3, 4.0))
    ]
    (run / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = bench.along(run, "m")
    assert found["best"].startswith("2")
    assert found["best"].endswith("at 200")
    assert found["last"].endswith("at 300")
    (tmp_path / "rows").mkdir()
    for name, measured in (("plain", {"fd@lite": "2"}), ("ada", {"recall@lite": "1"})):
        row = {"experiment": "ada", "training": name, "recipe": "r", "pictures": "300", "pictures/s": "9"}
        row |= {**found, "measured": measured, "shown": f"{name}.png"}
        (tmp_path / "rows" / f"ada-{name}.json").write_text(json.dumps(row))
    bench.write_table(tmp_path)
    table = (tmp_path / "table.md").read_text().splitlines()
    heads = next(line for line in table if line.startswith("| training"))
    assert heads.count("|") == table[-1].count("|")
    assert {"fd@lite", "recall@lite"} <= {cell.strip() for cell in heads.split("|")}
    assert sum(line.startswith(("| ada", "| plain")) for line in table) == 2


def test_rates_of_a_narrower_stylegan2_rise_for_each_player_by_the_root_of_its_batch(bench: Any) -> None:
    recipe = stylegan2_cifar(pictures(32))
    changed = bench.EXPERIMENTS["cifar"].trainings["stylegan2_128"].change(recipe)
    assert changed.batch_size == 4 * recipe.batch_size
    for player, before in recipe.optimizers.items():
        assert changed.optimizers[player].rate.peak == pytest.approx(2 * before.rate.peak)
