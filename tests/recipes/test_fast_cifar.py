"""The table of what each choice of the recipe ``fast_cifar`` is worth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.fast_cifar import Rows, trained

from diorama.data.dataset import open_dataset
from diorama.data.pack import pack_arrays
from diorama.recipes.ddpm import ddpm_cpu
from tests.recipes.families import pictures

ROW: dict[str, Any] = {"variant": "recipe", "seed": 0, "images": 100, "seconds": 7.0, "images_per_second": 50.0}


def _nothing(rows: list[dict[str, Any]]) -> str:
    return ""


def test_a_run_that_was_complete_keeps_the_times_of_its_training(tmp_path: Path) -> None:
    Rows(tmp_path / "table", _nothing).add(ROW | {"fd@lite": 3.0})
    again = ROW | {"seconds": None, "images_per_second": None, "fd@lite": 2.0}
    rows = Rows(tmp_path / "table", _nothing)
    rows.add(again)
    rows.add(again | {"seed": 1})
    assert json.loads((tmp_path / "table.json").read_text()) == [ROW | {"fd@lite": 2.0}, again | {"seed": 1}]
    rows.add(ROW | {"seconds": 9.0, "images_per_second": None, "fd@lite": 1.0})
    assert rows.rows[-1]["seconds"] == 9.0
    assert rows.rows[-1]["images_per_second"] is None


def test_a_complete_run_has_no_seconds(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), np.uint8)
    pack_arrays(tmp_path / "data", {"train": values}, pictures(8).media)
    recipe = replace(ddpm_cpu(open_dataset(tmp_path / "data").info), images=16, batch_size=8)
    first, again = (trained(recipe, tmp_path / "data", tmp_path / "run", "cpu") for _ in range(2))
    assert (first["seconds"] or 0) > 0
    assert again["seconds"] is None
