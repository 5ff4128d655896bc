"""The audit: pairs, groups and their limits; and work in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.data import audit as audits
from diorama.data import duplicates
from diorama.data.audit import alike, draw_up
from diorama.data.duplicates import signatures
from diorama.data.intake import Intake, Taken
from diorama.data.record_list import RecordList
from diorama.data.records import encode_record
from diorama.data.sources.base import Item
from diorama.data.workers import in_order
from tests.data.pictures import picture, prepared, save


def _item(path: str, facts: Mapping[str, str] | None = None) -> Item:
    return Item(path, facts or {}, "image", bytes)


def _listed(*pictures: np.ndarray) -> tuple[RecordList, np.ndarray, Callable[[int], np.ndarray]]:
    records, digests = RecordList(), []
    for number, pixels in enumerate(pictures):
        payload = encode_record(pixels)
        intake = Intake((Taken(payload, signatures(pixels[None])[0]),), (24, 24), "RGB")
        records.add("source", _item(f"{number}.png"), intake)
        digests.append(payload.row["digest"][0])
    return records, np.stack(digests), pictures.__getitem__


def test_near_equal_pictures_of_equal_groups_are_all_paired() -> None:
    one, near = picture(1), picture(1)[:, ::-1]
    records, digests, read = _listed(one, near, one, near, picture(2))
    pairs, notes = alike(records, digests, read)
    assert {(0, 2), (1, 3), (0, 1), (0, 3), (1, 2), (2, 3)} == set(pairs)
    assert notes == []


def test_limits_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "COMPARED_AT_MOST", 2)
    monkeypatch.setattr(audits, "LEAKS_AT_MOST", 1)
    one = picture(1)
    records, digests, read = _listed(one, one, one, one[:, ::-1], picture(2))
    found = draw_up(records, digests, ["train", "test", "val", "train", "train"], read)
    assert len(found.leaks) == 1
    assert len(found.duplicates[0]) == 3
    assert any("too many to compare" in note for note in found.notes)
    assert any("2 pairs across splits" in note for note in found.notes)
    assert list(found.splits) == ["train", "val", "test"]


def test_pairs_do_not_grow_with_the_square_of_records_that_are_all_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "PAIRS_AT_MOST", 5)
    monkeypatch.setattr(duplicates, "_BLOCK", 4)
    one = picture(1).astype(np.int64)
    records, digests, read = _listed(
        *[(one + shift).clip(0, 255).astype(np.uint8) for shift in (0, 0, 1, 2, 3, 4, 5, 6)]
    )
    pairs, notes = alike(records, digests, read)
    assert 5 <= len(pairs) <= 6
    assert (0, 1) in pairs
    assert any("more than 5 pairs" in note for note in notes)


def test_a_search_that_ended_early_is_said_where_few_of_its_pairs_agree_in_detail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audits, "PAIRS_AT_MOST", 2)
    monkeypatch.setattr(audits, "alike_in_detail", lambda pairs, pixels: pairs[:1])
    one = picture(1).astype(np.int64)
    records, digests, read = _listed(*[(one + shift).clip(0, 255).astype(np.uint8) for shift in range(5)])
    pairs, notes = alike(records, digests, read)
    assert len(pairs) == 1
    assert any("more than 2 pairs" in note for note in notes)


def test_a_column_without_a_name_groups_nothing() -> None:
    records = RecordList()
    intake = Intake((Taken(encode_record(picture(1)), signatures(picture(1)[None])[0]),), (24, 24), "RGB")
    for name in ("a.png", "b.png"):
        records.add("source", _item(name, {"": "0"}), intake)
    assert [entry.group for entry in records.entries] == ["a.png", "b.png"]


def test_labels_may_be_numbers_of_any_length() -> None:
    records = RecordList()
    intake = Intake((Taken(encode_record(picture(1)), signatures(picture(1)[None])[0]),), (24, 24), "RGB")
    for number, label in enumerate(("10", "9" * 5000, "9", "cat")):
        records.add("source", _item(f"{number}.png", {"label": label}), intake)
    assert records.classes()[0] == ("9", "10", "9" * 5000, "cat")
    assert list(records.label_counts()) == list(records.classes()[0])


def test_classes_that_are_ranges_stand_in_the_order_of_their_numbers() -> None:
    records = RecordList()
    intake = Intake((Taken(encode_record(picture(1)), signatures(picture(1)[None])[0]),), (24, 24), "RGB")
    for number, label in enumerate(("10-19", "100+", "20-29", "5-9", "cat10", "cat9", "7")):
        records.add("source", _item(f"{number}.png", {"label": label}), intake)
    assert records.classes()[0] == ("7", "5-9", "10-19", "20-29", "100+", "cat9", "cat10")


def test_paths_of_several_sources_are_told_apart() -> None:
    records, *_ = _listed(picture(0))
    (entry,) = records.add("source", _item("0.png"), Intake((Taken(encode_record(picture(1)), np.zeros(1)),)))
    (again,) = records.add("source", _item("0.png"), Intake((Taken(encode_record(picture(1)), np.zeros(1)),)))
    assert (entry.path, again.path) == ("source/0.png", "source-2/0.png")


def test_the_page_stays_short_where_lists_are_long(tmp_path: Path) -> None:
    for number in range(30):
        save(picture(number), tmp_path / "in" / f"{number}.png")
        save(picture(number), tmp_path / "in" / f"{number}-again.png")
    for number in range(210):
        (tmp_path / "in" / f"{number:03d}.txt").write_text("no picture")
    _, found = prepared(tmp_path / "in", tmp_path / "out", size=96)
    assert (len(found.duplicates), len(found.skipped)) == (30, 210)
    text = (tmp_path / "out" / "audit.html").read_text()
    assert "and 6 more in audit.json" in text
    assert "and 10 more in audit.json" in text


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_results_come_in_the_order_of_the_jobs_with_few_under_way(workers: int) -> None:
    taken = 0

    def jobs() -> Iterator[int]:
        nonlocal taken
        for number in range(50):
            taken += 1
            yield number

    for number, result in enumerate(in_order(lambda job: job * job, jobs(), workers=workers)):
        assert result == number * number
        assert taken - number <= workers + 2


def test_workers_leave_the_number_of_threads_as_it_was() -> None:
    before = torch.get_num_threads()
    assert list(in_order(lambda _: torch.get_num_threads(), range(2), workers=1)) == [1, 1]
    assert torch.get_num_threads() == before
