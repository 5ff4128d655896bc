"""Jumps to clean data are asked of models that learned them, and of others only with a word."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from diorama.cli.main import run
from diorama.core.errors import DioramaWarning
from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.precondition import EDMPreconditioning
from diorama.processes.two_times import TwoTimePreconditioning
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.jumps import JumpsConfig
from diorama.samplers.lcm import LCMConfig
from diorama.samplers.tcd import TCDConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.jumping import unlearned_jumps
from tests.synthesis.models import saved, tiny_diffusion


@pytest.mark.parametrize("name", ["consistency", "lcm", "tcd"])
def test_a_model_that_never_learned_to_jump_says_what_suits_it(name: str) -> None:
    model = tiny_diffusion()
    with pytest.warns(DioramaWarning, match=rf"^sampler: {name} is .* none: .* unipc suit it, and its own is ddim$"):
        drawn = model.resampled(Sampling(sampler=name, steps=2)).sample(1)
    assert drawn.isfinite().all()


@pytest.mark.parametrize("own", [ConsistencyConfig(), LCMConfig(), TCDConfig()])
@pytest.mark.parametrize("asked", [ConsistencyConfig(), LCMConfig(), TCDConfig(), DDIMConfig()])
def test_one_that_learned_it_is_asked_without_a_word(
    own: ConsistencyConfig | LCMConfig | TCDConfig, asked: ConsistencyConfig | LCMConfig | TCDConfig | DDIMConfig
) -> None:
    assert not unlearned_jumps(own, EDMPreconditioning(), asked)
    trained = tiny_diffusion()
    config = replace(trained.config, sampler=own)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config.build().resampled(Sampling(sampler="consistency", steps=2))


def test_a_boundary_condition_is_that_of_a_model_that_jumps() -> None:
    assert not unlearned_jumps(HeunConfig(), ConsistencyPreconditioning(), ConsistencyConfig())
    assert unlearned_jumps(HeunConfig(), EDMPreconditioning(), ConsistencyConfig())


def test_models_of_two_times_are_pointed_to_their_own_jumps() -> None:
    told = unlearned_jumps(JumpsConfig(), TwoTimePreconditioning(), ConsistencyConfig())
    assert told.endswith("jumps or restarts suit it, and its own is jumps")


def test_the_command_says_it_in_one_line_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = saved(tiny_diffusion(), tmp_path / "model"), tmp_path / "out"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        assert run(["sample", str(model), "--sampler", "lcm", "--steps", "2", "--count", "2", "--out", str(out)]) == 0
    (line,) = [str(each.message) for each in told if issubclass(each.category, DioramaWarning)]
    assert line.startswith("sampler: lcm is for consistency models")
    assert "\n" not in line
    assert capsys.readouterr().out == f"2 samples in {out}\n"
