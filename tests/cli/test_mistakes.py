"""Mistakes on the command line are one line that names the option."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from diorama.cli import main as program
from diorama.cli.completion import _values_of_recipes
from diorama.cli.mistaken_options import _BY_COMMAND, _COMMON, meaning
from diorama.cli.mistakes import in_one_line
from diorama.cli.options import options_of


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["sample"], "missing: MODEL_OR_RUN, --out PATH"),
        (["sample", "m", "--out", "x", "--steps", "x"], "--steps: 'x' is not a whole number"),
        (["sample", "m", "--out", "x", "--guidance", "high"], "--guidance: 'high' is not a number"),
        (["sample", "m", "--out", "x", "--stepz", "3"], "--stepz: there is no such option; did you mean --steps?"),
        (["prepare", "a", "--out", "b", "--fit", "squash"], "--fit: 'squash' is none of crop, pad"),
        (["import", "a", "--size", "0"], "--size: '0': expected a side in pixels such as 64, or height and width such"),
        (["sample", "m", "--out", "x", "--batch-size"], "--batch-size: a value is missing"),
        (["sample", "m", "--out", "x", "--seed", "1.5"], "--seed: '1.5' is not a whole number"),
        (["sample", "m", "--out", "x", "--steps", "it's"], '--steps: "it\'s" is not a whole number'),
        (["sample", "m", "extra", "--out", "x"], "extra: not expected here"),
        (["sample", "m", "--out", "x", "--foo", "1", "--bar", "2"], "--foo, --bar: there is no such option"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(words) == program.WRONG
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1
    assert f"(see diorama {words[0]} --help)" in err


@pytest.mark.parametrize(
    ("words", "right"),
    [
        *(
            (["train", "ddpm_cpu", "--data", "d", "--out", "o", *wrong.split()], right)
            for wrong, right in (
                ("--epochs 3", "--images"),
                ("--num-epochs=3", "--images"),
                ("--steps 3", "--images"),
                ("--batch 3", "--batch-size"),
                ("--bs 3", "--batch-size"),
                ("--workers 2", "OMP_NUM_THREADS"),
                ("--gpus 2", "torchrun"),
                ("--fsdp", "--sharded"),
                ("--resume x", "the same command continues"),
                ("--resolution 64", "diorama prepare SOURCE --out FOLDER --size 64"),
                ("--ema_decay 0.999", "--averages.ema.half-life"),
            )
        ),
        (["train", "ddpm_cpu", "--dataset", "d", "--out", "o"], "--data FOLDER"),
        (["train", "ddpm_cpu", "--data", "d", "--output", "o"], "--out FOLDER"),
        (["train", "--model", "ddpm_cpu"], "the first word"),
        (["prepare", "x", "--output", "o"], "--out FOLDER"),
        (["prepare", "x", "--out", "o", "--resolution", "64"], "--size"),
        (["prepare", "x", "--out", "o", "--limit", "10"], "name one of its folders"),
        (["sample", "x", "--out", "o", "--num-samples", "4"], "--count"),
        (["sample", "x", "--out", "o", "--cfg-scale", "4"], "--guidance"),
        (["evaluate", "x", "--ref", "o"], "--against"),
        (["compare", "--models", "x"], "--recipes"),
    ],
)
def test_options_of_other_tools_name_the_right_one(
    words: list[str], right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(words) == program.WRONG
    err = capsys.readouterr().err
    assert "there is no such option; " in err
    assert right in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("more", "why"), [([], "torchrun"), (["--dry-run"], "leave torchrun and --sharded out")])
def test_weights_are_shared_out_over_several_processes_alone(
    more: list[str], why: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["train", "ddpm_toy", "--data", "world", "--out", str(tmp_path / "run"), "--sharded", *more]
    assert program.run(words) == program.WRONG
    err = capsys.readouterr().err
    assert "--sharded" in err
    assert why in err
    assert err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", program.COMMANDS)
def test_no_option_is_mistaken_for_one_of_another_tool(command: str) -> None:
    for option in options_of(import_module(program.module_of(command)).Arguments):
        # The words that stand alone have no flag, so that of another tool may bear their name.
        assert option.positional or not meaning(command, option.flag.removeprefix("--")), option.flag


def test_what_is_meant_exists() -> None:
    known = {
        command: {o.flag for o in options_of(import_module(program.module_of(command)).Arguments)}
        for command in program.COMMANDS
    }
    for commands, meanings in (*_COMMON, *(((command,), m) for command, m in _BY_COMMAND.items())):
        for command in commands:
            for words in meanings.values():
                called = re.match(r"it is called (--[\w.-]+)", words)
                in_recipes = {f"--{value}" for value in _values_of_recipes()} if command == "train" else set()
                assert called is None or called[1] in known[command] | in_recipes, (command, words)


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["sample", "--help"]) == 0
    assert "MODEL_OR_RUN" in capsys.readouterr().out


def test_words_without_a_frame_are_kept() -> None:
    assert in_one_line("something else\n", "sample") == "something else"


@pytest.mark.parametrize("command", program.COMMANDS)
def test_help_says_what_happens_without_an_option_in_words(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([command, "--help"]) == 0
    said = capsys.readouterr().out
    for unsaid in ("{None}", "(default: None)", "(default: '')", "(default: )"):
        assert unsaid not in said
