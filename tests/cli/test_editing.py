"""The options that commands share which take pictures."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from diorama.cli import inpaint
from diorama.cli.editing import with_single_steps
from diorama.cli.options import options_of
from diorama.core.errors import BadInput
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.samplers.consistency import ConsistencyConfig
from diorama.synthesis.base import Sampling
from diorama.tasks.anomaly import Anomaly
from diorama.tasks.inpaint import Inpaint
from diorama.tasks.vary import Vary
from tests.synthesis.models import tiny_diffusion

COMMANDS = ("anomaly", "colour", "inpaint", "reconstruct", "translate", "upscale", "vary")


@pytest.mark.parametrize("command", COMMANDS)
def test_own_options_stand_between_the_input_and_what_all_share(command: str) -> None:
    options = options_of(import_module(f"diorama.cli.{command}").Arguments)
    names = [option.name for option in options]
    assert names[:3] == ["model", "input", "out"]
    assert names[-13:] == [
        *("count", "seed", "label", "prompt", "sampler", "steps", "guidance", "guidance-kind", "guide"),
        *("format", "batch-size", "device", "with"),
    ]
    assert all(option.about for option in options)


def test_a_command_has_its_own_words_for_what_it_does_otherwise() -> None:
    told = {
        command: {option.name: option.about for option in options_of(import_module(f"diorama.cli.{command}").Arguments)}
        for command in COMMANDS
    }
    assert "reads" in told["upscale"]["input"]
    assert "draws" in told["vary"]["input"]
    assert "report" in told["anomaly"]["out"]
    assert "samples" in told["inpaint"]["out"]
    assert told["inpaint"]["sampler"].startswith("ancestral, ddim, euler or heun")


def test_a_sampler_that_does_not_take_single_steps_is_replaced_where_none_was_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def arguments(sampler: str | None, steps: int | None) -> inpaint.Arguments:
        return inpaint.Arguments(
            model=Path("model"), input=Path("in"), out=Path("out"), mask=Path("mask"), sampler=sampler, steps=steps
        )

    model = tiny_diffusion()
    assert with_single_steps(model, arguments(None, None)) is model
    multistep = model.resampled(Sampling(sampler="unipc", steps=3))
    assert with_single_steps(multistep, arguments("unipc", None)) is multistep
    assert capsys.readouterr().out == ""
    assert with_single_steps(multistep, arguments(None, None)).sampling == Sampling(
        sampler="ddim", steps=20, guidance=1.0
    )
    assert with_single_steps(multistep, arguments(None, 4)).sampling == Sampling(sampler="ddim", steps=4, guidance=1.0)
    assert "the model's own, unipc, does not take its steps one at a time" in capsys.readouterr().out


def test_models_of_one_step_have_no_way_to_enter_and_of_two_take_two(capsys: pytest.CaptureFixture[str]) -> None:
    given = inpaint.Arguments(model=Path("model"), input=Path("in"), out=Path("out"), mask=Path("mask"))
    config = replace(tiny_diffusion().config, sampler=ConsistencyConfig(sigma_min=0.0))
    one, two = (
        replace(config, spacing=RatioSpacing(ratios=ratios), steps=len(ratios)).build()
        for ratios in ((2.5,), (2.5, 0.5))
    )
    assert with_single_steps(one, given) is one
    assert capsys.readouterr().out == ""
    for verb in (lambda: Inpaint(one, []), lambda: Vary(one, 0.5), lambda: Anomaly(one, 0.5)):
        with pytest.raises(BadInput, match=r"(inpaint|vary|anomaly): this model was trained to draw in one step"):
            verb()
    assert with_single_steps(two, given).sampling == Sampling(sampler="ddim", steps=2, guidance=1.0)
    assert Vary(two, 0.5).strength == 0.5
