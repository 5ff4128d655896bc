"""``diorama distill``: from a trained model to a run of a student, by the command line alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import diorama
from diorama.cli.main import run
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig
from diorama.data.pack import pack_arrays
from diorama.methods.diffusion.continuous_consistency import ContinuousDistillationConfig
from diorama.methods.diffusion.distribution_matching import DistributionMatchingConfig
from diorama.methods.diffusion.easy_consistency import EasyConsistencyConfig
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.processes.times import LogNormalTimes
from diorama.recipes.distill import advice, distilled, suited
from diorama.recipes.entries.few_steps import DISTILLATIONS
from diorama.synthesis import store
from diorama.synthesis.provenance import Provenance
from diorama.training.folder import read_state
from tests.methods.diffusion.test_continuous_consistency import SLOW
from tests.synthesis.models import enlarger, tiny_diffusion, tiny_gan
from tests.synthesis.test_diffusion import EDM, FLOW, PLAIN

INFO = DataInfo(name="grey", media=MediaSpec(kind="image", channels=1, height=8, width=8), count=32)
KEPT = LogNormalTimes(mean=0.3, deviation=0.9)
SHORT = (
    *("--images", "64", "--batch-size", "16", "--evaluation.samples", "0", "--preview-every", "0"),
    *("--checkpoint-every", "16", "--keep", "9", "--log-every", "16", "--precision", "fp32"),
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    model = tiny_diffusion()
    store.save(tmp_path / "teacher", model.config, model.state_dict(), Provenance(recipe="tiny"), "card")
    pixels = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 1), dtype=np.uint8)
    pack_arrays(tmp_path / "data", {"train": pixels[:32], "val": pixels[32:]}, INFO.media, name="grey")
    return tmp_path


def _distill(place: Path, out: str, *words: str, code: int = 0) -> None:
    given = ("distill", str(place / "teacher"), "--data", str(place / "data"), "--out", str(place / out))
    assert run([*given, "--device", "cpu", *words]) == code


@pytest.mark.parametrize("method", DISTILLATIONS)
def test_a_student_is_trained_continued_bit_for_bit_and_drawn_from(
    method: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIORAMA_CACHE", str(place / "cache"))
    # Distribution matching draws samples in every step, so it leaves dropout out.
    own = ("--method.dropout", "0.2") if method in ("ect", "scm") else ()
    words = ("--method", method, *own, *SHORT)
    _distill(place, "whole", *words)
    told = capsys.readouterr()
    assert f"diorama sample {place / 'whole'}" in told.out + told.err
    assert "no GPU" in told.err

    _distill(place, "parts", *words, "--time", "0.01s")
    assert not (place / "parts/checkpoints/000000004").exists()
    _distill(place, "parts", *words)
    whole, parts = (read_state(place / name / "checkpoints/000000004") for name in ("whole", "parts"))
    assert all(torch.equal(value, parts["method"][name]) for name, value in whole["method"].items())

    model = diorama.load(place / "parts")
    assert (model.sampling.sampler, model.sampling.steps) == ("consistency", 1)
    # Distribution matching trains each level apart, here one.
    for steps in ("1", "2") if own else ("1",):
        drawn = place / f"drawn{steps}"
        assert run(["sample", str(place / "parts"), "--steps", steps, "--count", "3", "--out", str(drawn)]) == 0
        assert json.loads((drawn / "samples.json").read_text())
        assert len(list(drawn.glob("*.png"))) == 3


def test_a_student_may_start_from_another_student(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = (*SHORT, "--images", "16")
    _distill(place, "ect", "--method", "ect", *short)
    _distill(place, "dmd", "--method", "dmd", "--from", str(place / "ect"), "--method.ratios", "80", *short)
    assert "dmd_cpu starts from another model: " in capsys.readouterr().err
    assert json.loads((place / "dmd/model/provenance.json").read_text())["start_from"]


def test_teachers_that_do_not_fit_are_refused_in_one_line(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = np.zeros((8, 16, 16, 1), np.uint8)
    larger = MediaSpec(kind="image", channels=1, height=16, width=16)
    pack_arrays(place / "data16", {"train": pixels, "val": pixels}, larger, name="larger")
    jumps = replace(tiny_diffusion().config, spacing=RatioSpacing(ratios=(80.0,)), steps=1)
    enlarges = enlarger().config
    models = (("gan", tiny_gan()), ("noise", PLAIN.build()), ("jumps", jumps.build()), ("enlarges", enlarges.build()))
    for name, model in models:
        store.save(place / name, model.config, model.state_dict(), Provenance(recipe="tiny"), "card")
    cases = [
        ("teacher", "data16", 1, "teacher: draws (1, 8, 8), but the records of larger are (1, 16, 16)"),
        ("gan", "data", 1, "gan: is a model of the kind gan; a diffusion or flow model"),
        ("jumps", "data", 1, "frozen.teacher: was trained at 1 level alone, and must be"),
        ("enlarges", "data", 1, "enlarges: enlarges pictures that it is given"),
        ("noise", "data", 1, "frozen.teacher: predicts noise, and must be a trained diffusion or flow model"),
        ("nothing", "data", 1, "nothing: there is no such folder"),
    ]
    for teacher, data, code, told in cases:
        given = ["distill", str(place / teacher), "--data", str(place / data), "--out", str(place / "run")]
        assert run([*given, "--device", "cpu"]) == code
        said = capsys.readouterr().err
        assert told in said
        assert len([line for line in said.splitlines() if "no GPU" not in line and "training" not in line]) == 1
    for words, told in (
        (("--steps", "0"), "steps must be at least 1"),
        (("--method.k", "-1"), "k and b must be at least 0"),
        (("--method.warm", "1"), "no such field"),
        (("--method", "dmdd"), "--method"),
    ):
        _distill(place, "run", *words, code=2)
        assert told in capsys.readouterr().err
    assert not (place / "run/recipe.json").exists()


def test_help_lists_what_a_method_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["distill", "--method", "scm", "--help"]) == 0
    assert "--method.objective.warmup" in capsys.readouterr().out


def test_stages_follow_the_length_of_the_run() -> None:
    whole, half = (distilled("ect", "t", INFO, images=images) for images in (3_500_000, 1_750_000))
    assert isinstance(whole.method, EasyConsistencyConfig)
    assert isinstance(half.method, EasyConsistencyConfig)
    assert (whole.images, whole.method.stage, half.method.stage) == (3_500_000, 437_500, 218_750)
    assert half.optimizers["denoiser"].rate.warmup * 2 == whole.optimizers["denoiser"].rate.warmup
    matched = distilled("sida", "t", INFO, images=600_000).method
    assert isinstance(matched, DistributionMatchingConfig)
    assert matched.adversarial.after == 100_000
    small = distilled("scm", "t", INFO, steps=2, images=8_000, small=True)
    assert isinstance(small.method, ContinuousDistillationConfig)
    assert (small.name, small.method.steps, small.method.objective.warmup) == ("scm_distilled_cpu", 2, 1_000)
    assert small.frozen["teacher"].folder == "t"
    with pytest.raises(BadConfig, match="method: 'dmdd' is none of ect, scm"):
        distilled("dmdd", "t", INFO)


@pytest.mark.parametrize("method", ["ect", "dmd", "sida"])
def test_levels_follow_the_teacher_and_can_be_changed(method: str) -> None:
    found = []
    for config in (FLOW, EDM):
        recipe = suited(distilled(method, "t", INFO), config).method
        assert isinstance(recipe, DistributionMatchingConfig | EasyConsistencyConfig)
        assert recipe.times is not None
        found.append(recipe.times)
        again = suited(replace(distilled(method, "t", INFO), method=replace(recipe, times=KEPT)), config).method
        assert isinstance(again, DistributionMatchingConfig | EasyConsistencyConfig)
        assert again.times == KEPT
    assert found[0] != found[1]


def test_a_teacher_told_fast_waves_of_time_is_named_for_scm_alone() -> None:
    assert "compare with --method ect" in advice("scm", FLOW, "t")
    assert not advice("ect", FLOW, "t")
    assert not advice("scm", SLOW, "t")
    assert not advice("scm", EDM, "t")
