"""Reference features are taken once, found again by content, and name their records."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diorama.data.dataset import Dataset
from diorama.evaluation.catalog.entries import ExtractorEntry
from diorama.evaluation.catalog.metrics import parse_metric
from diorama.evaluation.extractors import Extractor, FeatureTaker
from diorama.evaluation.records import chosen_records
from diorama.evaluation.reference import ReferenceOptions, reference_features


def test_features_are_those_of_the_records(pictures: Dataset) -> None:
    split = pictures.split("test")
    found = reference_features(split, ["fd@lite"], ReferenceOptions(batch_size=7))
    direct = FeatureTaker([parse_metric("fd@lite")], "cpu").take(split.read(chosen_records(split, None, 0)))
    assert found.stamp.count == 60
    torch.testing.assert_close(found.features["lite"], direct["lite"], rtol=1e-4, atol=1e-4)


def test_the_cache_is_used_and_harmless(pictures: Dataset, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = pictures.split("test")
    options = ReferenceOptions(count=20, cache=cache)
    first = reference_features(split, ["fd@lite"], options)
    assert len(list(cache.iterdir())) == 1
    with monkeypatch.context() as patch:
        patch.setattr(FeatureTaker, "take_all", lambda *_: pytest.fail("was taken anew"))
        assert torch.equal(reference_features(split, ["kid@lite"], options).features["lite"], first.features["lite"])
    next(cache.iterdir()).write_bytes(b"broken")
    assert torch.equal(reference_features(split, ["fd@lite"], options).features["lite"], first.features["lite"])


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(pictures: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    options = ReferenceOptions(count=5, cache=tmp_path / "file" / "folder")
    assert reference_features(pictures.split("test"), ["fd@lite"], options).features["lite"].shape == (5, 256)


def test_stamps_tell_splits_and_choices_apart(pictures: Dataset) -> None:
    stamps = [
        reference_features(pictures.split(split), [], ReferenceOptions(count=count, seed=seed)).stamp
        for split, count, seed in (("train", None, 0), ("test", None, 0), ("train", 50, 0), ("train", 50, 1))
    ]
    assert len({stamp.sha256 for stamp in stamps}) == 4
    again = reference_features(pictures.split("train"), [], ReferenceOptions(count=50, seed=1)).stamp
    assert again == stamps[-1]


def test_records_are_drawn_without_repeats(pictures: Dataset) -> None:
    split = pictures.split("train")
    chosen = chosen_records(split, 30, 5)
    assert len(set(chosen.tolist())) == 30
    assert chosen.tolist() == sorted(chosen.tolist())
    assert len(chosen_records(split, 10_000, 0)) == 80


def test_metrics_without_reals_take_none(pictures: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FeatureTaker, "take_all", lambda *_: pytest.fail("real features were taken"))
    found = reference_features(pictures.split("test"), ["modes"], ReferenceOptions())
    assert found.features == {}
    assert list(found.taker.kinds) == ["factors-modes"]


def test_features_of_code_that_may_change_are_not_kept(pictures: Dataset, cache: Path) -> None:
    def load(device: str) -> Extractor:
        return Extractor(lambda batch: {"": batch["image"].mean((2, 3))})

    own = ExtractorEntry(name="colour", load=load, views=("",))
    options = ReferenceOptions(count=20, cache=cache, catalog=(own,))
    found = reference_features(pictures.split("test"), ["kid@colour"], options)
    assert found.features["colour"].shape == (20, 3)
    assert not cache.exists()
