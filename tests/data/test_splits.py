"""Who is for training, validation, testing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.data.splits import ONE_GROUP, Membership, assign


def _members(groups: list[str], given: str | None = None) -> list[Membership]:
    return [Membership(given, group) for group in groups]


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=60))
def test_groups_stay_on_one_side(sizes: list[int]) -> None:
    groups = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    splits, _ = assign(_members(groups), None)
    for group in set(groups):
        assert len({split for split, own in zip(splits, groups, strict=True) if own == group}) == 1
    assert "train" in splits
    if len(sizes) >= 3:
        assert set(splits) == {"train", "val", "test"}


def test_one_group_alone_is_for_training_and_said_to_be_one() -> None:
    splits, notes = assign(_members(["one patient"] * 5), (0.6, 0.2, 0.2))
    assert splits == ["train"] * 5
    assert notes == [ONE_GROUP]
    assert assign(_members(["alone"]), None)[1] != [ONE_GROUP]


def test_shares_are_kept_and_do_not_depend_on_order() -> None:
    groups = [f"picture {i}" for i in range(1_000)]
    splits, notes = assign(_members(groups), (0.7, 0.2, 0.1))
    assert [splits.count(name) for name in ("train", "val", "test")] == [700, 200, 100]
    backwards, _ = assign(_members(groups[::-1]), (0.7, 0.2, 0.1))
    assert backwards[::-1] == splits
    assert "0.7, 0.2, 0.1" in notes[0]


def test_adding_data_moves_few_records() -> None:
    groups = [f"picture {i}" for i in range(2_000)]
    before, _ = assign(_members(groups), None)
    after, _ = assign(_members([*groups, *(f"new {i}" for i in range(20))]), None)
    assert sum(a != b for a, b in zip(before, after, strict=False)) < 60


def test_a_share_of_nothing_stays_empty() -> None:
    splits, _ = assign(_members(list("abcdefgh")), (0.5, 0.5, 0.0))
    assert set(splits) == {"train", "val"}


def test_splits_of_the_source_are_kept_as_they_are() -> None:
    members = [*_members(["a", "b"], "train"), *_members(["c"], "test"), *_members(["d"])]
    splits, notes = assign(members, None)
    assert splits == ["train", "train", "test", "train"]
    assert notes[:2] == ["the source names its splits: train, test", "1 records without a split joined train"]
    assert "there is no val" in notes[2]


def test_asking_for_shares_cuts_what_is_missing_from_train() -> None:
    members = [*_members([f"a{i}" for i in range(90)], "train"), *_members([f"t{i}" for i in range(10)], "test")]
    splits, notes = assign(members, (0.8, 0.1, 0.1))
    assert [splits.count(name) for name in ("train", "val", "test")] == [80, 10, 10]
    assert splits[90:] == ["test"] * 10
    assert "val cut from train" in notes[-1]
    assert assign(members, (0.8, 0.0, 0.2))[0].count("val") == 0


@pytest.mark.parametrize(
    ("splits", "ratio", "why"),
    [
        (("train", "val", "test"), (0.7, 0.15, 0.15), "splits that the source names are kept"),
        (("train", "test"), (0.9, 0.0, 0.1), "it gives val no share"),
    ],
)
def test_shares_that_change_nothing_are_said(
    splits: tuple[str, ...], ratio: tuple[float, float, float], why: str
) -> None:
    members = [member for split in splits for member in _members([f"{split}{i}" for i in range(10)], split)]
    kept, notes = assign(members, ratio)
    assert kept == [member.given for member in members]
    assert notes[-1].startswith("--split ")
    assert why in notes[-1]


def test_records_that_are_all_for_testing_are_divided_only_if_asked() -> None:
    members = _members([f"t{i}" for i in range(10)], "test")
    kept, notes = assign(members, None)
    assert set(kept) == {"test"}
    assert "--split" in notes[-1]
    divided, notes = assign(members, (0.8, 0.1, 0.1))
    assert [divided.count(name) for name in ("train", "val", "test")] == [8, 1, 1]
    assert "divided anew" in notes[0]


def test_groups_torn_by_the_source_are_told() -> None:
    members = [Membership("train", "patient 1"), Membership("test", "patient 1"), Membership("test", "patient 2")]
    _, notes = assign(members, None)
    assert any("patient 1" in note for note in notes)


def test_one_record_is_for_training() -> None:
    assert assign(_members(["only"]), None)[0] == ["train"]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_records_leave_training_some(count: int) -> None:
    splits, _ = assign(_members([str(i) for i in range(count)]), None)
    assert "train" in splits
