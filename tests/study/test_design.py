"""A design is what its file says, and a file that says something else is refused with the key that is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.study.design import (
    KINDS,
    Power,
    Session,
    Stop,
    StudyDesign,
    design_of,
    plain,
    read_design,
    to_toml,
    write_design,
)
from diorama.study.questions import choices_of
from tests.study.studies import design

TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc"), whitelist_characters="\n\t"), max_size=60)


@given(
    kind=st.sampled_from(KINDS),
    texts=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS.filter(str.strip)),
    ties=st.booleans(),
    exposure=st.none() | st.integers(50, 60_000),
    seed=st.integers(0, (1 << 63) - 1),
    bound=st.none() | st.integers(1, 10**6),
)
def test_a_design_is_read_back_as_it_was_written(
    kind: Any,
    texts: tuple[str, str, str, str],
    ties: bool,
    exposure: int | None,
    seed: int,
    bound: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    title, question, instructions, consent = texts
    made = StudyDesign(
        name="a.b-c_d",
        kind=kind,
        systems=("real", "x"),
        title=title,
        question=question,
        instructions=instructions,
        consent=consent,
        ties=ties,
        session=Session(exposure_ms=exposure),
        stop=Stop(raters=3, judgements=bound),
        power=Power(effect=0.55),
        seed=seed,
    )
    path = tmp_path_factory.mktemp("design") / "study.toml"
    write_design(path, made)
    assert read_design(path) == made
    assert design_of(plain(made), "again") == made


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../up"}, "name"),
        ({"kind": "pairwse"}, "did you mean 'pairwise'"),
        ({"systems": ["a"]}, "systems"),
        ({"systems": ["a", "a"]}, "differ"),
        ({"systems": ["a", "<b>"]}, "systems"),
        ({"kind": "2afc", "truth": "none"}, "truth"),
        ({"consent": "  "}, "consent"),
        ({"title": "a\x00b"}, "title"),
        ({"return_address": "javascript:alert(1)"}, "return_address"),
        ({"return_address": "https:elsewhere"}, "return_address"),
        ({"return_address": "https:///elsewhere"}, "return_address"),
        ({"seed": -1}, "seed"),
        ({"order": "random"}, "order"),
        ({"session": {"judgements": 0}}, "judgements"),
        ({"session": {"judgements": 5, "repeats": 6}}, "repeats"),
        ({"session": {"exposure_ms": 5}}, "exposure_ms"),
        ({"session": {"judgement": 5}}, "did you mean 'judgements'"),
        ({"stop": {"raters": 0}}, "raters"),
        ({"stop": {"judgements": 0}}, "judgements"),
        ({"power": {"level": 1.0}}, "level"),
        ({"power": {"effect": 0}}, "effect"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(to_toml({"name": "x", "kind": "pairwise", "systems": ["real", "b"], **changes}))
    if "title" in changes:
        path.write_text('name = "x"\nkind = "pairwise"\nsystems = ["real", "b"]\ntitle = "a\\u0000b"\n')
    with pytest.raises(BadInput, match=message) as refused:
        read_design(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"session": {"judgement": 5}}, "session.judgement: there is no such field (did you mean 'judgements'?)"),
        ({"tile": "x"}, "tile: there is no such field (did you mean 'title'?)"),
        ({"session": {"judgements": "many"}}, "session.judgements: expected a whole number, got 'many'"),
        ({"session": {"exposure_ms": "long"}}, "session.exposure_ms: expected a whole number, got 'long'"),
        ({"session": {"judgements": 0}}, "session: judgements must be in [1, 1000], got 0"),
        ({"session": 5}, "session: expected a table of judgements, repeats, attention, practice, exposure_ms, got 5"),
        ({"ties": 1}, "ties: expected true or false, got 1"),
        ({"title": 1}, "title: expected text, got 1"),
        ({"systems": "ab"}, "systems: expected a list, got 'ab'"),
        ({"power": {"level": "low"}}, "power.level: expected a number, got 'low'"),
        ({"seed": -1}, "seed must be in [0, 2^63), got -1"),
    ],
)
def test_mistakes_name_the_file_and_the_field_and_no_class(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "study.toml"
    path.write_text(to_toml({"name": "x", "kind": "pairwise", "systems": ["real", "b"], **changes}))
    with pytest.raises(BadInput) as refused:
        read_design(path)
    assert str(refused.value) == f"{path}: {message}"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text('name = "x"\nkind = "pairwise"\n')
    with pytest.raises(BadInput) as refused:
        read_design(path)
    assert str(refused.value) == f"{path}: systems: this field is missing"


@pytest.mark.parametrize("content", [b"name = ", b"\xff", b"x" * (1 << 21)])
def test_a_file_that_is_no_design_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"study\.toml"):
        read_design(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_design(tmp_path / "none.toml")


def test_pairs_are_those_that_the_kind_compares() -> None:
    assert design("pairwise").pairs == ((0, 1), (0, 2), (1, 2))
    assert design("2afc", truth="one").pairs == ((1, 0), (1, 2))
    assert design("opinion").pairs == ((0, 0), (1, 1), (2, 2))


def test_keys_of_one_question_differ() -> None:
    for kind in KINDS:
        keys = [key for choice in choices_of(design(kind)) for key in choice.keys.split()]
        assert len(set(keys)) == len(keys)
    values = [choice.value for choice in choices_of(replace(design("pairwise"), ties=False))]
    assert values == ["left", "right"]
