"""Names: what stays inside, what sorts how, what can be printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.data.sources.names import content_of, inside, natural, printable, stem


@given(name=st.text(st.sampled_from("ab./\\:C\0"), max_size=12))
def test_nothing_climbs_out(name: str) -> None:
    path = inside(name)
    if path is not None:
        assert not path.startswith("/")
        assert "\\" not in path
        assert all(part not in ("", ".", "..") for part in path.split("/"))


@given(name=st.text(st.characters(), max_size=20))
def test_every_name_can_be_written_on_one_line(name: str) -> None:
    text = printable(name)
    text.encode()
    assert text.isprintable()


def test_numbers_sort_as_numbers() -> None:
    assert sorted(["f10", "f9", "f1a", "f01", "x", "²"], key=natural)[:4] == ["f01", "f1a", "f9", "f10"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a/B.JPG", "picture"),
        ("x.gif", "animation"),
        ("x.webm", "video"),
        ("x.npz", "array"),
        ("a/labels.csv", "table"),
        ("x.tar.zst", "archive"),
        ("index.csv", "other"),
        ("png", "other"),
    ],
)
def test_content_by_name(path: str, content: str) -> None:
    assert content_of(path) == content


@pytest.mark.parametrize(
    ("path", "name"), [("a/train.tar.gz", "train"), ("x.zip", "x"), ("x.y.png", "x.y"), ("x", "x")]
)
def test_stems(path: str, name: str) -> None:
    assert stem(path) == name
