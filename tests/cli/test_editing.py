"""The options that commands share which take pictures."""

from __future__ import annotations

from importlib import import_module

import pytest

from diorama.cli.options import options_of

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
