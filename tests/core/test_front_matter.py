"""YAML that every reader understands alike, whatever is in it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from diorama.core.front_matter import front_matter

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
KEYS = st.one_of(TEXTS, st.sampled_from(["no", "null", "1", "a: b", "- x", "#", "&a", "!!int"]))


def _read(text: str) -> Any:
    before, head, after = text.split("---\n")
    assert (before, after) == ("", "")
    return yaml.safe_load(head)


ODD = (
    *[
        "a:b",
        "---",
        "yes",
        "No",
        "null",
        "1.5",
        "1e3",
        "{a}",
        "[a]",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "2020-01-01",
        "0x10",
        "1:30",
        "~",
        "a.b",
        "e5",
        "é☃😀",
        "'",
        '"',
        "\\n",
        "\ufeff",
    ],
    *("a: b", "x\ny", "# no", "a #b", "- a", "", " ", "\u2028", "\x85", "\x00"),
)


@pytest.mark.parametrize("text", ODD)
def test_text_stays_text(text: str) -> None:
    assert _read(front_matter({"key": text, "list": [text], "deep": {text: [{"x": text, "y": {"z": text}}]}})) == {
        "key": text,
        "list": [text],
        "deep": {text: [{"x": text, "y": {"z": text}}]},
    }


@given(st.dictionaries(KEYS, st.one_of(TEXTS, st.integers(), st.booleans(), st.lists(TEXTS, max_size=3)), max_size=4))
def test_any_values_are_read_back(values: dict[str, Any]) -> None:
    assert (_read(front_matter(values)) or {}) == values
