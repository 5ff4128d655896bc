"""Classes that differ in spelling alone are said, and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from diorama.data.spellings import spelling_notes
from tests.data.pictures import picture, prepared, save


@pytest.mark.parametrize(
    "names",
    [("Cat", "cat"), ("dog", "dog "), ("red  fox", "Red fox"), ("caf\u00e9", "cafe\u0301"), ("Straße", "STRASSE")],
)
def test_spellings_are_named_with_their_counts(names: tuple[str, str]) -> None:
    (note,) = spelling_notes({names[0]: 8, names[1]: 1200, "else": 3})
    assert f"{names[0]!r} (8) and {names[1]!r} (1,200)" in note
    assert "else" not in note


def test_plainly_different_names_are_not_remarked() -> None:
    assert not list(spelling_notes({"cat": 1, "cats": 1, "1": 1, "-1": 1, "a b": 1, "ab": 1}))


def test_long_lists_are_cut() -> None:
    counts = {name: 1 for number in range(9) for name in (f"class{number}", f"Class{number}")}
    (note,) = spelling_notes(counts)
    assert "18 classes are spellings of 9" in note
    assert "and 4 more" in note


def test_folders_in_several_spellings_stay_apart(tmp_path: Path) -> None:
    for place, name in enumerate(("Cat", "cat", "Dog", "dog ")):
        for number in range(8):
            save(picture(place * 100 + number), tmp_path / "in" / name / f"{number}.png")
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out")
    assert set(dataset.info.classes) == {"Cat", "cat", "Dog", "dog "}
    (note,) = [note for note in audit.notes if "spellings" in note]
    assert "'Cat' (8) and 'cat' (8); 'Dog' (8) and 'dog ' (8)" in note
