"""From a folder of pictures to a trained, measured, compared generator, as a newcomer goes."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

import diorama as api
from diorama.comparison import budget
from diorama.media.stamp import read_stamp
from tests.journeys.conftest import TINY_GAN, Run

METRICS = "fd@lite,precision@lite"


def test_a_folder_becomes_a_measured_generator(diorama: Run, pictures: Path, tmp_path: Path) -> None:
    data, run, drawn = tmp_path / "data", tmp_path / "run", tmp_path / "drawn"
    told = diorama("prepare", pictures, "--out", data, "--size", 16, "--split", ".6,.2,.2")
    assert "broken.png" in told
    assert len(json.loads((data / "audit.json").read_text())["labels"]) == 2
    assert "16 x 16, 3 channels, uint8" in diorama("describe", data)

    train = ("train", "dcgan_cpu", "--data", data, "--out", run, "--images", "128", *TINY_GAN)
    assert "is complete" in diorama(*train)
    log = (run / "log.jsonl").read_text()
    assert "is complete" in diorama(*train)
    assert (run / "log.jsonl").read_text() == log
    described = diorama("describe", run)
    assert "128 images in 8 steps" in described
    assert "generator" in described

    diorama("sample", run, "--count", 20, "--seed", 3, "--out", drawn, "--batch-size", 8)
    names = sorted(path.name for path in drawn.iterdir())
    assert names == [*(f"{i:06d}.png" for i in range(20)), "samples.json"]
    stamp = read_stamp(drawn / "000007.png")
    assert stamp is not None
    assert (stamp.seed, stamp.recipe) == (3, "dcgan_cpu")

    scores = tmp_path / "scores.json"
    told = diorama("evaluate", drawn, "--against", data, "--metrics", METRICS, "--json", scores)
    assert "fd@lite" in told
    (first, _) = json.loads(scores.read_text())["results"]
    assert first["metric"] == "fd@lite"
    assert first["samples"] == 20
    assert first["interval"]["low"] <= first["value"]

    pictures_again = api.load(run).sample(16, seed=0)
    assert pictures_again.shape == (16, 3, 16, 16)


def test_recipes_runs_and_other_peoples_pictures_meet_in_one_report(
    diorama: Run, pictures: Path, tmp_path: Path
) -> None:
    data, run, drawn, out = (tmp_path / name for name in ("data", "run", "drawn", "report"))
    diorama("prepare", pictures, "--out", data, "--size", 16, "--split", ".6,.2,.2")
    diorama("train", "dcgan_cpu", "--data", data, "--out", run, "--images", "64", *TINY_GAN)
    diorama("sample", run, "--count", 24, "--out", drawn)
    words = ("compare", "--data", data, "--recipes", "dcgan,vae", "--budget", "128", "--out", out, "--count", 24)
    told = diorama(*words, "--runs", run, "--samples", f"theirs={drawn}", "--metrics", METRICS)
    assert "dcgan_cpu for dcgan, vae_cpu for vae" in told
    assert f"report: {out / 'report.html'}" in told
    numbers = json.loads((out / "report.json").read_text())["comparisons"][0]
    names = [model["name"] for model in numbers["models"]]
    expected = ["dcgan_cpu", "dcgan_cpu untrained", "vae_cpu", "vae_cpu untrained", "run", "theirs", "mixture", "real"]
    assert names == expected
    by_name = {model["name"]: {r["metric"]: r["value"] for r in model["results"]} for model in numbers["models"]}
    # The same model drawn to files and drawn in memory is the same samples, so the same numbers.
    assert by_name["run"]["fd@lite"] == pytest.approx(by_name["theirs"]["fd@lite"], rel=1e-4)
    protocols = {(m["results"][0]["samples"], m["results"][0]["reference"]["sha256"]) for m in numbers["models"]}
    assert len(protocols) == 1
    assert "Gaussian mixture" in diorama("describe", out / "mixture")
    page = (out / "report.html").read_text()
    assert "There is no GPU here" in page
    assert "Real training records" in page
    # The same command again trains nothing more.
    logs = {name: (out / "runs" / name / "log.jsonl").read_text() for name in ("dcgan_cpu", "vae_cpu")}
    diorama(*words, "--metrics", METRICS, "--no-untrained", "--no-real-images")
    assert {name: (out / "runs" / name / "log.jsonl").read_text() for name in logs} == logs
    assert "Real training records" not in (out / "report.html").read_text()


def test_a_training_that_fails_leaves_the_others_to_compare(
    diorama: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diorama.core.errors import TrainingFailed

    data, out = tmp_path / "data", tmp_path / "report"
    diorama("prepare", pictures, "--out", data, "--size", 16, "--split", ".6,.2,.2")
    real = budget.train

    def fails_for_dcgan(recipe, *rest):  # type: ignore[no-untyped-def]
        if recipe.name == "dcgan_cpu":
            raise TrainingFailed("step 3: the loss is not finite")
        return real(recipe, *rest)

    monkeypatch.setattr(budget, "train", fails_for_dcgan)
    words = ("compare", "--data", data, "--recipes", "dcgan_cpu,vae_cpu", "--budget", "64", "--out", out)
    told = diorama(*words, "--count", 20, "--metrics", "fd@lite", "--no-untrained")
    assert "dcgan_cpu is missing: step 3" in told
    assert "dcgan_cpu is missing" in (out / "report.html").read_text()


def test_ctrl_c_saves_and_the_same_command_continues(
    diorama: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diorama.cli.pulse import Pulse

    data, run = tmp_path / "data", tmp_path / "run"
    diorama("prepare", pictures, "--out", data, "--size", 16, "--split", ".6,.2,.2")
    words = ("train", "dcgan_cpu", "--data", data, "--out", run, "--images", "160", *TINY_GAN)
    show = Pulse.show

    def interrupt_at(step):  # type: ignore[no-untyped-def]
        def show_and_interrupt(pulse, tick):  # type: ignore[no-untyped-def]
            show(pulse, tick)
            if tick.step == step:
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(Pulse, "show", show_and_interrupt)

    interrupt_at(3)
    told = diorama(*words, code=130)
    assert told.count("is saved after step") == 1
    assert told.count("same command") == 1
    assert f"The same command continues {run}." in told
    interrupt_at(10)
    told = diorama(*words)
    assert "continues after step" in told
    assert "is complete" in told


def test_a_new_run_may_start_from_anothers_weights(diorama: Run, pictures: Path, tmp_path: Path) -> None:
    data, first, second = (tmp_path / name for name in ("data", "first", "second"))
    diorama("prepare", pictures, "--out", data, "--size", 16, "--split", ".6,.2,.2")
    words = ("train", "dcgan_cpu", "--data", data, "--images", "32", *TINY_GAN)
    diorama(*words, "--out", first)
    assert "tensors fitted" in diorama(*words, "--out", second, "--from", first)


def test_an_override_that_does_not_exist_names_the_nearest(diorama: Run, pictures: Path, tmp_path: Path) -> None:
    words = ("train", "dcgan_cpu", "--data", pictures, "--out", tmp_path / "run")
    told = diorama(*words, "--optimizers.generator.rate.peek", "1e-4", code=2)
    assert "did you mean --optimizers.generator.rate.peak?" in told
    assert not (tmp_path / "run").exists()


def test_an_unknown_metric_names_the_nearest(diorama: Run, pictures: Path, tmp_path: Path) -> None:
    told = diorama("evaluate", pictures, "--against", pictures, "--metrics", "fd@light", code=2)
    assert "fd@lite" in told


OWN = """
from dataclasses import dataclass, replace

from diorama.recipes.vae import vae_cpu
from diorama.synthesis.vae import VAESynthesizerConfig

@dataclass(frozen=True, kw_only=True)
class MyOwnConfig(VAESynthesizerConfig):
    pass

CATALOG = (MyOwnConfig,)

def faces(info):
    return replace(vae_cpu(info), name="faces", images=64, batch_size=16, log_every=32)
"""


def test_a_recipe_of_ones_own_trains_without_a_fork(diorama: Run, pictures: Path, tmp_path: Path) -> None:
    own, run = tmp_path / "my_recipes.py", tmp_path / "run"
    own.write_text(OWN)
    assert "--batch-size INT" in diorama("train", f"{own}:faces", "--help")
    told = diorama(
        *("train", f"{own}:faces", "--data", pictures, "--out", run),
        *("--evaluation.samples", 0, "--method.decoder.features", 8, "--method.encoder.features", 8),
    )
    assert "faces is complete" in told
    assert "faces" in diorama("describe", run, "--with", own)
    diorama("sample", run, "--count", 2, "--out", tmp_path / "drawn", "--with", own)


def test_a_handful_of_pictures_trains_unmeasured(diorama: Run, pictures: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(pictures.rglob("é*.png"))[:30]:
        path.rename(few / path.name)
    told = diorama("train", "dcgan_cpu", "--data", few, "--out", tmp_path / "run", "--images", 32, *TINY_GAN)
    assert "measures no model" in told
    assert "is complete" in told
