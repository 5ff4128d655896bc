"""What samples are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import Split
from diorama.data.pack import pack_arrays
from diorama.synthesis.conditions import (
    NOTHING,
    completed,
    dropped,
    labels_in_turn,
    records_in_turn,
    texts_in_turn,
    usual,
    without,
)
from diorama.text.bytes import decode

LABEL = ConditionSpec(key="label", names=("cat", "dog"), null=2, dropout=0.5)
TEXT = ConditionSpec(key="tokens", shape=(8,), null=0.0, dropout=0.25)


def test_what_is_not_given_becomes_the_null() -> None:
    whole = completed((LABEL, TEXT), {"label": torch.tensor([0, 1])}, 2)
    assert whole["label"].tolist() == [0, 1]
    assert whole["tokens"].tolist() == [[0] * 8] * 2
    assert whole["tokens"].dtype == torch.int64
    assert without((LABEL, TEXT), whole)["label"].tolist() == [2, 2]


def test_keys_that_nobody_reads_are_left_out() -> None:
    assert completed((), {"label": torch.tensor([7])}, 1) == {}


def test_each_condition_is_dropped_at_its_own_share() -> None:
    torch.manual_seed(0)
    batch = {"label": torch.ones(4000, dtype=torch.int64), "tokens": torch.ones(4000, 8, dtype=torch.int64)}
    kept = dropped((LABEL, TEXT), batch)
    assert (kept["label"] == 2).float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert (kept["tokens"] == 0).all(1).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert (kept["tokens"] == 0).any(1).equal((kept["tokens"] == 0).all(1))
    assert batch["label"].eq(1).all()
    # Guidance leaves the whole condition out, so training must have seen it left out, and not at the product's share.
    both = (kept["label"] == 2) & (kept["tokens"] == 0).all(1)
    assert both.float().mean().item() == pytest.approx(0.25, abs=0.03)


def test_labels_are_whole_numbers() -> None:
    with pytest.raises(BadInput, match="label holds whole numbers"):
        completed((LABEL,), {"label": torch.tensor([1.0, 0.0])}, 2)


def test_labels_take_turns() -> None:
    conditions = labels_in_turn(LABEL)
    assert conditions.of(range(1, 5))["label"].tolist() == [1, 0, 1, 0]
    assert conditions.in_words(3) == {"label": "dog"}
    assert labels_in_turn(LABEL, "dog").of([0, 5])["label"].tolist() == [1, 1]
    with pytest.raises(BadInput, match="cat, dog"):
        labels_in_turn(LABEL, "fish")


def test_texts_take_turns_and_must_fit() -> None:
    conditions = texts_in_turn(TEXT, ["a cat", "größe"])
    assert decode(conditions.of([0, 1, 2])["tokens"]) == ["a cat", "größe", "a cat"]
    assert conditions.in_words(1) == {"text": "größe"}
    with pytest.raises(BadInput, match="9 bytes, the model reads 8"):
        texts_in_turn(TEXT, ["a big cat"])


def test_records_take_turns_in_their_own_order(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=1, height=2, width=2)
    pixels = np.zeros((3, 2, 2, 1), np.uint8)
    data = pack_arrays(
        tmp_path / "data", {"val": pixels}, media, labels={"val": np.array([0, 1, 1])}, classes=("cat", "dog")
    )
    conditions = records_in_turn((LABEL,), data.split("val"))
    assert conditions.of(range(4))["label"].tolist() == [0, 1, 1, 0]
    assert conditions.in_words(4) == {"record": "val/000001", "label": "dog"}
    with pytest.raises(BadInput, match="have no captions"):
        records_in_turn((TEXT,), data.split("val"))


def test_what_samples_are_usually_given() -> None:
    assert usual((), None) is NOTHING
    assert usual((LABEL,), None).of(range(3))["label"].tolist() == [0, 1, 0]
    with pytest.raises(BadInput, match="given tokens"):
        usual((TEXT,), None)


def _labelled(folder: Path, classes: tuple[str, ...], captions: list[str]) -> Split:
    count, media = len(captions), MediaSpec(kind="image", channels=1, height=2, width=2)
    labels = {"val": np.sort(np.arange(count) % len(classes))}
    pixels, sides = np.zeros((count, 2, 2, 1), np.uint8), {"val": {"tokens": captions}}
    data = pack_arrays(folder, {"val": pixels}, media, labels=labels, classes=classes, sides=sides)
    return data.split("val")


def test_records_of_which_labels_have_other_numbers_are_read_by_their_names(tmp_path: Path) -> None:
    split = _labelled(tmp_path / "data", ("dog", "cat"), ["a"] * 4)
    assert records_in_turn((LABEL,), split).of(range(4))["label"].tolist() == [1, 1, 0, 0]
    with pytest.raises(BadInput, match="label 'fish', and this model knows cat, dog"):
        records_in_turn((LABEL,), _labelled(tmp_path / "other", ("cat", "fish"), ["a"] * 2))


def test_captions_of_another_longest_length_are_read(tmp_path: Path) -> None:
    split = _labelled(tmp_path / "data", ("cat",), ["a", "a cat"])
    assert decode(records_in_turn((TEXT,), split).of([0, 1])["tokens"]) == ["a", "a cat"]
    longer = _labelled(tmp_path / "longer", ("cat",), ["a cat", "a big cat"])
    with pytest.raises(BadInput, match="longest tokens have 9 values, the model reads 8"):
        records_in_turn((TEXT,), longer)


def test_a_few_samples_are_given_something_of_every_class(tmp_path: Path) -> None:
    """Prepared records of a class follow one another."""
    split = _labelled(tmp_path / "data", tuple("abcdefgh"), ["x"] * 64)
    spec = ConditionSpec(key="label", names=tuple("abcdefgh"))
    first = usual((spec, TEXT), split).of(range(24))["label"]
    assert len(first.unique()) >= 6
    assert records_in_turn((spec,), split).of(range(8))["label"].tolist() == [0] * 8
