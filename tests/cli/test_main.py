"""The program finds its commands, is quick to help, and tells mistakes apart by its exit code."""

from __future__ import annotations

import errno
import subprocess
import sys
import time

import pytest

from diorama.cli import main as program
from diorama.cli import recipes
from diorama.core.errors import BadInput
from diorama.recipes.catalog import ENTRIES


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "diorama", *words], capture_output=True, text=True, check=False)


def modules_after(*words: str) -> set[str]:
    """What is imported once a command has run, in a fresh interpreter."""
    code = (
        "import sys\nfrom diorama.cli.main import run\n"
        f"code = run({list(words)!r})\nprint('|'.join(sys.modules), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.strip().splitlines()[-1].split("|"))


def test_help_lists_every_command_without_torch_in_half_a_second() -> None:
    started = time.perf_counter()
    done = run("--help")
    taken = time.perf_counter() - started
    assert done.returncode == 0
    assert all(f"\n  {name} " in done.stdout for name in program.COMMANDS)
    # Twice the promise, since the suite shares its cores.
    assert taken < 1.0
    assert not {"torch", "numpy", "tyro"} & modules_after("--help")


@pytest.mark.parametrize(
    "words",
    [
        ("recipes",),
        ("cite", "ddpm"),
        ("cite",),
        ("train", "--help"),
        ("compare", "--help"),
        ("import", "--help"),
        ("export", "--help"),
    ],
)
def test_listings_and_help_never_import_torch(words: tuple[str, ...]) -> None:
    assert "torch" not in modules_after(*words)


def test_a_first_word_alone_lists_what_may_follow(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["study", "--help"]) == program.DONE
    assert "\n  study new " in capsys.readouterr().out
    assert program.run(["study"]) == program.WRONG
    assert program.run(["study", "sreve"]) == program.WRONG
    assert "did you mean 'serve'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", program.COMMANDS)
def test_every_command_has_help_with_its_own_usage(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([command, "--help"]) == 0
    assert f"usage: diorama {command}" in capsys.readouterr().out


LONG = [pytest.mark.slow, pytest.mark.long]
"""Of recipes whose fields another one has too: the large ones with a small twin, and toys."""


@pytest.mark.parametrize(
    "recipe", [pytest.param(e.name, marks=LONG if e.small or "_toy" in e.name else ()) for e in ENTRIES]
)
def test_help_on_a_recipe_shows_its_fields_whatever_data_it_wants(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["train", recipe, "--help"]) == 0
    assert "--averages." in capsys.readouterr().out


@pytest.mark.parametrize("words", [("prepare",), ("train", "ddpm_cpu"), ("cite",), ("describe",), ("recipes",)])
def test_help_is_plain_text_without_empty_defaults(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([*words, "--help"]) == 0
    told = capsys.readouterr().out
    assert "``" not in told
    assert ":func:" not in told
    assert "default: '')" not in told


def test_nothing_asked_shows_the_commands_and_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([]) == program.WRONG
    assert "commands:" in capsys.readouterr().out


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["trian"]) == program.WRONG
    assert "did you mean 'train'?" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("diorama 0.")


@pytest.mark.parametrize(
    ("problem", "code", "message"),
    [
        (BadInput("x.png: is no picture"), program.NOTHING_DONE, "x.png: is no picture"),
        (OSError(errno.EROFS, "Read-only file system", "/out"), program.NOTHING_DONE, "/out: Read-only file system"),
        (KeyboardInterrupt(), program.INTERRUPTED, "interrupted"),
        (BrokenPipeError(), program.DONE, ""),
    ],
)
def test_what_goes_wrong_becomes_a_message_and_a_code(
    problem: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(words: object) -> None:
        raise problem

    monkeypatch.setattr(recipes, "main", fail)
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    assert program.run(["recipes"]) == code
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "dcgn", "--data", "world", "--out", "x"], "did you mean 'dcgan'?"),
        (["train", "dcgan"], "--out"),
        (["train", "dcgan", "--out", "x"], "--data"),
        (["train", "dcgan", "--data", "world=0", "--out", "x"], "positive"),
        (["train", "dcgan", "--data", "world", "--out", "x", "--images", "2m"], "bare 'm'"),
        (["train", "dcgan", "--data", "world", "--out", "x", "--time", "10"], "unit is missing"),
        (["compare", "--data", "world", "--out", "x"], "nothing to compare"),
        (["compare", "--data", "world", "--out", "x", "--runs", "y", "--samplers", "50"], "there is no '50'"),
        (["compare", "--data", "world", "--out", "x", "--runs", "y", "--samplers", "ddim:x"], "such as ddim:50"),
        (["compare", "--data", "world", "--out", "x", "--runs", "y", "--samplers", "ddim:0"], "at least 1"),
        (["compare", "--data", "world", "--out", "x", "--recipes", "vae", "--samplers", "ddim"], "no run is given"),
        (
            ["compare", "--data", "world", "--out", "x", "--runs", "y,z"],
            "y,z: there is no such folder; runs stand apart",
        ),
        (["compare", "--data", "world", "--out", "x", "--recipes", "vea"], "did you mean 'vae'?"),
        (["compare", "--data", "world", "--out", "x", "--recipes", "vae", "--budget", "10m"], "bare 'm'"),
        (["compare", "--data", "world", "--out", "x", "--samples", "folder"], "NAME=FOLDER"),
        (["sample", "model", "--out", "x", "--count", "0"], "--count"),
        (["sample", "model", "--out", "x", "--seed", "-1"], "--seed"),
        (["evaluate", "a", "--against", "b", "--count", "0"], "--count"),
        (["evaluate", "a", "--against", "b", "--seed", "-1"], "seed"),
        (["compare", "--data", "world", "--out", "x", "--recipes", "vae", "--seed", "-1"], "seed"),
        (["compare", "--data", "world", "--out", "x", "--recipes", "vae", "--count", "0"], "count"),
        (["compare", "--data", "world", "--out", "x", "--recipes", "vae", "--batch-size", "0"], "batch_size"),
        (
            ["compare", "--data", "world", "--out", "x", "--recipes", "vae", "--frozen.codec"],
            "--frozen.codec: expected",
        ),
        (["compare", "--data", "x", "--recipes", "vae", "--frozen.codec", "--out", "x"], "--frozen.codec: expected"),
        (["demo", "--seconds", "0"], "--seconds"),
        (["cite", "ddmp"], "did you mean 'ddpm'?"),
        (["cite", "my_recipes.py:faces"], "my_recipes.py: there is no such Python file"),
        (["recipes", "--bogus"], "--bogus"),
    ],
)
def test_wrong_arguments_end_with_two_and_say_which(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(words) == program.WRONG
    err = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train", "vae", "--data", "x", "--out", "y", "--images", "3m"), "a bare 'm'"),
        (("train", "vae", "--data", "x", "--out", "y", "--time", "5"), "the unit is missing"),
        (("prepare", "x", "--out", "y", "--split", ".5,.1"), "three shares"),
    ],
)
def test_a_value_that_does_not_fit_is_told_in_its_own_words(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(words) == program.WRONG
    message = capsys.readouterr().err
    assert told in message
    assert "0x" not in message
    assert "NoneType" not in message


def test_our_own_warnings_are_a_line_without_a_place_in_the_code() -> None:
    code = (
        "import warnings\nfrom diorama.cli import main\nfrom diorama.core.errors import DioramaWarning\n"
        "main.run = lambda words: warnings.warn('x: is guessed', DioramaWarning) or warnings.warn('theirs') or 0\n"
        "main.main(['cite'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.startswith("diorama: x: is guessed\n")
    assert "UserWarning: theirs" in done.stderr


def test_of_several_processes_the_first_complains_and_the_others_wait_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    for place, waits in (("0", 0), ("1", 1)):
        monkeypatch.setenv("LOCAL_RANK", place)
        waited.clear()
        assert program.run(["trian"]) == program.WRONG
        # One whose fault is its own is not silent.
        assert capsys.readouterr().err.startswith("diorama: there is no command 'trian'")
        assert len(waited) == waits


@pytest.mark.slow
def test_what_every_process_would_say_is_said_once() -> None:
    words = ["train", "ddpm_toy", "--data", "nowhere", "--out", "nothing"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "diorama"]
    done = subprocess.run([*launcher, *words], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.count("diorama: nowhere: there is no such folder") == 1
