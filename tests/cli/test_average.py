"""``diorama average``: from the snapshots of a run to a model with another average."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import diorama
from diorama.cli.main import run
from diorama.synthesis import store
from diorama.synthesis.provenance import Provenance
from diorama.training.averages import Average
from diorama.training.recipe import PowerAverageConfig
from tests.synthesis.models import tiny_diffusion

BATCH, STEPS, EVERY = 10, 200, 20


def a_run(folder: Path) -> dict[str, torch.Tensor]:
    """A run whose weights wander, and the average of another width that it did not keep."""
    torch.manual_seed(0)
    model = tiny_diffusion()
    store.save(folder / "model", model.config, model.state_dict(), Provenance(recipe="tiny", scores=({},)), "card")
    (folder / "recipe.json").write_text("{}")
    parts = {"denoiser": model.denoiser}
    kept = {name: Average(parts, PowerAverageConfig(std=std, snapshot_every=1)) for name, std in STDS.items()}
    other = Average(parts, PowerAverageConfig(std=0.07))
    for step in range(1, STEPS + 1):
        with torch.no_grad():
            for weight in model.denoiser.parameters():
                weight.add_(0.01 * torch.randn_like(weight))
        for average in (*kept.values(), other):
            average.update(step * BATCH, BATCH)
        if step % EVERY == 0:
            for name, average in kept.items():
                average.write_snapshot(folder / "averages" / name, step * BATCH)
    return other.tensors()


STDS = {"narrow": 0.05, "wide": 0.1}


def test_a_model_with_another_average_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = a_run(tmp_path / "run")
    assert run(["average", str(tmp_path / "run"), "--std", "0.07", "--out", str(tmp_path / "m")]) == 0
    assert "averaged 20 snapshots up to 2,000 images" in capsys.readouterr().out
    found = diorama.load(tmp_path / "m").state_dict()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0.01)
    provenance = store.read_provenance(tmp_path / "m")
    assert (provenance.recipe, provenance.scores) == ("tiny", ())
    assert (provenance.averaged["std"], provenance.averaged["images"]) == (0.07, 2_000)
    assert json.loads((tmp_path / "m" / "provenance.json").read_text())["averaged"]["mismatch"] < 0.05


def test_it_may_end_earlier_and_says_where_it_is_far(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_run(tmp_path / "run")
    words = ["average", str(tmp_path / "run"), "--out", str(tmp_path / "m"), "--images", "1000", "--std"]
    assert run([*words, "0.01"]) == 0
    printed = capsys.readouterr()
    assert "averaged 10 snapshots up to 1,000 images" in printed.out
    assert "no good average of this width" in printed.err
    assert run([*words, "0.07"]) == 1
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--std", "0.5"], "std must be above 0 and at most 0.289"),
        (["--std", "0.1", "--images", "5"], "--images must be between 200 and 2000"),
        (["--std", "0.1", "--images", "5000"], "--images must be between 200 and 2000"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    a_run(tmp_path / "run")
    assert run(["average", str(tmp_path / "run"), "--out", str(tmp_path / "m"), *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_a_run_without_snapshots_is_told_how_to_keep_some(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["average", str(tmp_path), "--std", "0.1", "--out", str(tmp_path / "m")]) == 1
    assert "has kept no snapshots of averages" in capsys.readouterr().err
    model, recipe = tiny_diffusion(), {"name": "tiny", "averages": {"wide": {"snapshot_every": 25_000}}}
    store.save(tmp_path / "model", model.config, model.state_dict(), Provenance(recipe=recipe), "card")
    assert run(["average", str(tmp_path), "--std", "0.1", "--out", str(tmp_path / "m")]) == 1
    assert "its recipe keeps one of wide every 25,000 images" in capsys.readouterr().err
