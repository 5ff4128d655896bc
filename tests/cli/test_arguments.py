"""Words on the command line become typed values or are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from diorama.cli.arguments import fractions, is_python_file, listed, named, parse, spread, weighted
from diorama.core.errors import BadConfig


def test_a_data_set_may_carry_a_weight(tmp_path: Path) -> None:
    assert weighted("faces") == ("faces", 1.0)
    assert weighted("faces=0.25") == ("faces", 0.25)
    assert weighted("a=b/c=2") == ("a=b/c", 2.0)
    assert weighted("runs/lr=high") == ("runs/lr=high", 1.0)
    odd = tmp_path / "x=1"
    odd.mkdir()
    assert weighted(str(odd)) == (str(odd), 1.0)


@pytest.mark.parametrize("text", ["faces=0", "faces=-1", "faces=nan", "faces=inf"])
def test_a_weight_must_be_positive(text: str) -> None:
    with pytest.raises(BadConfig, match="positive"):
        weighted(text)


def test_samples_are_named() -> None:
    assert named("edm=peers/edm.tar.gz") == ("edm", Path("peers/edm.tar.gz"))
    for text in ("edm", "=x", "edm="):
        with pytest.raises(BadConfig, match="NAME="):
            named(text)


def test_lists_are_separated_by_commas() -> None:
    assert listed("dcgan, vae,,ddpm ") == ("dcgan", "vae", "ddpm")


def test_shares_sum_to_one() -> None:
    assert fractions(".8,.1,.1") == (0.8, 0.1, 0.1)
    for text in (".8,.2", "1,1,1", "a,b,c", "-1,1,1", "nan,0,0"):
        with pytest.raises(BadConfig, match="sum to 1"):
            fractions(text)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--with a.py b.py", "--with a.py --with b.py"),
        ("--with=a.py b.py", "--with=a.py --with b.py"),
        ("--with a.py --with b.py", "--with a.py --with b.py"),
        ("--with a.py run", "--with a.py run"),
        ("--with folder b.py run c.py", "--with folder --with b.py run c.py"),
        ("run --with a.py --count 3 b.py", "run --with a.py --count 3 b.py"),
    ],
)
def test_a_flag_may_have_several_values_or_be_repeated(words: str, expected: str) -> None:
    assert spread(words.split(), {"--with": is_python_file}) == expected.split()


@pytest.mark.parametrize("words", [("A=x", "B=y"), ("A=x", "--samples", "B=y")])
def test_comparisons_take_samples_and_runs_both_ways(words: tuple[str, ...]) -> None:
    from diorama.cli.compare import Arguments

    given = ["--data", "d", "--out", "o", "--samples", *words, "--with", "a.py", "b.py", "--runs", "r", "s"]
    read = parse(Arguments, "compare", given, several={"--samples": bool, "--runs": bool})
    assert read.samples == ("A=x", "B=y")
    assert read.with_files == (Path("a.py"), Path("b.py"))
    assert read.runs == (Path("r"), Path("s"))
