"""Options from a file: the command line wins, and what is wrong is told of the file's key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro

from diorama.cli import main as program
from diorama.cli.arguments import Names, Shares, WrongArguments, parse, parse_known


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """A command.

    Args:
        sources: what is read.
        out: what is written.
        size: a number.
        fit: one of two.
        names: several in one word.
        split: three shares.
        test: several.
        quick: a switch.
        start_from: renamed.
    """

    sources: Annotated[tuple[str, ...], tyro.conf.Positional]
    out: Path
    size: int | None = 64
    fit: Literal["crop", "pad"] = "crop"
    names: Names = ()
    split: Shares = None
    test: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    quick: bool = False
    start_from: Annotated[Path | None, tyro.conf.arg(name="from")] = None


ALL = """
sources = ["a", "b"]
out = "there"
size = 32
fit = "pad"
names = ["x", "y"]
split = [0.6, 0.2, 0.2]
test = ["t1", "t2"]
quick = true
from = "old"
"""


def written(folder: Path, text: str) -> str:
    path = folder / "s.toml"
    path.write_text(text)
    return str(path)


def test_every_kind_of_option_is_read(tmp_path: Path) -> None:
    assert parse(Arguments, "evaluate", ["--config", written(tmp_path, ALL)]) == Arguments(
        sources=("a", "b"),
        out=Path("there"),
        size=32,
        fit="pad",
        names=("x", "y"),
        split=(0.6, 0.2, 0.2),
        test=("t1", "t2"),
        quick=True,
        start_from=Path("old"),
    )


@pytest.mark.parametrize("first", [True, False])
def test_the_command_line_wins(first: bool, tmp_path: Path) -> None:
    typed = ["c", "--size", "8", "--test", "t3", "--fit=crop", "--from", "new", "--names", "z"]
    file = [f"--config={written(tmp_path, ALL)}"]
    read = parse(Arguments, "evaluate", [*file, *typed] if first else [*typed, *file])
    assert (read.sources, read.size, read.test, read.fit) == (("c",), 8, ("t3",), "crop")
    assert (read.start_from, read.names, read.out) == (Path("new"), ("z",), Path("there"))


def test_a_table_is_pairs_of_an_option_that_may_be_repeated(tmp_path: Path) -> None:
    text = 'sources = "a"\nout = "o"\n[test]\nours = "p"\ntheirs = "q"\n'
    assert parse(Arguments, "evaluate", ["--config", written(tmp_path, text)]).test == ("ours=p", "theirs=q")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sise = 3", "s.toml:sise: there is no such option (did you mean 'size'?)"),
        ('size = "x"', "s.toml:size: 'x' is not a whole number"),
        ("size = [1, 2]", "s.toml:size: one value is expected, got a list of 2"),
        ("quick = 1", "s.toml:quick: true or false, got 1"),
        ('fit = "squash"', "s.toml:fit: 'squash' is none of crop, pad"),
        ("[size]\nx = 1", "s.toml:size: a value is expected, got a table"),
        ("size = 1979-05-27", "s.toml:size: a text, a number, true or false is expected"),
        ("split = [1, 2]", "s.toml:split: '1,2': expected three shares"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(WrongArguments) as problem:
        parse(Arguments, "evaluate", ["a", "--out", "o", "--config", written(tmp_path, text)])
    assert told in str(problem.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read"), (b"x = [", "is not TOML"), (b"\xff\xfe", "is not TOML")],
)
def test_a_file_that_cannot_be_read_is_named(
    content: bytes | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.toml"
    if content is not None:
        path.write_bytes(content)
    assert program.run(["evaluate", "x", "--config", str(path)]) == program.NOTHING_DONE
    err = capsys.readouterr().err
    assert f"{path}: {told}" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["--config"], ["--config", "--out"], ["--config="], ["--config=a", "--config=b"]])
def test_one_file_is_named(words: list[str]) -> None:
    with pytest.raises(WrongArguments, match="--config: "):
        parse(Arguments, "evaluate", words)


def test_values_under_other_names_are_handed_on_where_a_command_takes_them(tmp_path: Path) -> None:
    text = (
        'sources = "a"\nout = "o"\nbatch_size = 3\nflip = false\n[optimizers.x]\nrate.peak = 1e-4\nbetas = [0.1, 1]\n'
    )
    known = parse_known(Arguments, "train", ["--seed", "3", "--config", written(tmp_path, text)])
    assert known.rest == ["--seed", "3"]
    assert known.settings.further_words() == [
        "--batch-size=3",
        "--no-flip",
        "--optimizers.x.rate.peak=0.0001",
        *("--optimizers.x.betas", "0.1", "1"),
    ]
    for option, told in (
        ("--optimizers.x.betas", "s.toml:optimizers.x.betas: is wrong"),
        ("--optimizers.x.rate", "s.toml:optimizers.x.rate: is wrong"),
        ("--batch-size=3", "s.toml:batch_size: is wrong"),
        ("--seed", "--seed: is wrong"),
    ):
        assert str(known.settings.blamed(WrongArguments(f"{option}: is wrong"))).endswith(told)


def test_options_of_other_tools_are_told_in_a_file_too(tmp_path: Path) -> None:
    with pytest.raises(WrongArguments, match=r"s\.toml:bs: there is no such option; it is called batch-size"):
        parse_known(Arguments, "train", ["--config", written(tmp_path, "bs = 3")])


@pytest.mark.parametrize("command", [name for name in program.COMMANDS if name != "import"])
def test_help_says_that_there_are_files(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([command, "--help"]) == 0
    assert "--config FILE.toml" in capsys.readouterr().out
