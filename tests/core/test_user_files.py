"""A user's file is run once, may import what lies beside it, and says in its CATALOG what is to be known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from diorama.core.errors import BadInput
from diorama.core.user_files import catalog_of, file_and_name, load_file, members_of

OWN = """
from dataclasses import dataclass
from my_part import SIZE
from tests.core.test_user_files import Entry

@dataclass(frozen=True)
class Mine:
    size: int = SIZE

CATALOG = (Mine, Entry("a"), Entry("b"))
"""


@dataclass(frozen=True)
class Entry:
    """Stands for an entry of any catalog."""

    name: str


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "my_part.py").write_text("SIZE = 5\n")
    path = tmp_path / "my_recipes.py"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("a/my.py:faces", (Path("a/my.py"), "faces")),
        ("a/my.py", (Path("a/my.py"), "")),
        (Path("my.py"), (Path("my.py"), "")),
        (r"C:\my.py", (Path(r"C:\my.py"), "")),
        (r"C:\my.py:faces", (Path(r"C:\my.py"), "faces")),
    ],
)
def test_a_file_and_a_name_in_it_are_told_apart(word: str | Path, parts: tuple[Path, str]) -> None:
    assert file_and_name(word) == parts


def test_a_file_is_run_once_however_it_is_named(own: Path) -> None:
    (first,) = members_of([own], type)
    (second,) = members_of([f"{own}:faces", own], type)
    assert first is second
    assert first().size == 5


def test_classes_and_entries_of_a_catalog_are_told_apart(own: Path) -> None:
    assert [item.__name__ for item in members_of([own], type)] == ["Mine"]
    assert members_of([own, f"{own}:faces"], Entry) == (Entry("a"), Entry("b"))
    assert set(catalog_of([own])) == {*members_of([own], type), Entry("a"), Entry("b")}


def test_a_file_without_a_catalog_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("x = 1\n")
    assert catalog_of([tmp_path / "plain.py"]) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name\n", r"own\.py: ModuleNotFoundError.*nothing_of_that_name"),
        ("raise SystemExit(3)\n", r"own\.py: SystemExit while it ran: 3"),
        ("CATALOG = (1,)\n", r"own\.py: CATALOG must hold config classes and entries, got 1"),
        ("CATALOG = 1\n", r"own\.py: CATALOG must be a tuple"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(text)
    with pytest.raises(BadInput, match=message):
        catalog_of([path])


def test_a_file_that_failed_is_run_again_once_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "mended.py"
    path.write_text("1 / 0\n")
    with pytest.raises(BadInput, match="ZeroDivisionError"):
        load_file(path)
    path.write_text("x = 'now it runs'\n")
    assert load_file(path).x == "now it runs"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"absent\.py: there is no such Python file"):
        catalog_of([tmp_path / "absent.py"])
