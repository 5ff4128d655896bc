"""Several processes measure together, each its share, and hear one answer: that of one process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diorama.core import distributed
from diorama.core.contracts import Batch
from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset, open_dataset
from diorama.evaluation.records import batches
from diorama.evaluation.reference import ReferenceOptions, reference_features
from diorama.evaluation.run import Evaluation, evaluate, measure, measure_shared
from diorama.evaluation.subjects import EvaluateOptions, open_subject
from diorama.synthesis.samples import sample
from tests.evaluation.conftest import FRAMES
from tests.evaluation.small_models import small_vae
from tests.together import together

METRICS = ("fd@lite", "kid@lite", "precision@lite", "fd@lite-clip", "modes")


def _samples(dataset: Dataset, rank: int, processes: int) -> Iterator[Batch]:
    """A share of the test split, its last records first: the order must not matter."""
    share = np.array_split(np.arange(dataset.splits["test"]), processes)[rank]
    return batches(dataset.split("test"), share[::-1].copy(), 5)


def take_part(path: Path, cache: Path, rank: int) -> dict[str, Any]:
    """What one of two processes measures and hears."""
    dataset = open_dataset(path)
    heard: dict[str, Any] = {}
    reference = reference_features(
        dataset.split("train"), METRICS, ReferenceOptions(cache=cache if rank == 0 else None, shared=True)
    )
    heard["reference"] = {kind: len(rows) for kind, rows in reference.features.items()}
    whole = measure_shared(_samples(dataset, rank, 2), reference, METRICS, seed=3)
    heard["whole"] = [asdict(result) for result in whole.results]
    alone = measure_shared(_samples(dataset, 0, 1) if rank == 1 else iter(()), reference, METRICS, seed=3)
    heard["alone"] = [asdict(result) for result in alone.results]
    told = evaluate(path, dataset.split("train"), EvaluateOptions(metrics=METRICS, batch_size=5))
    heard["evaluated"] = [asdict(result) for result in told.results]
    heard["refusals"] = [_refusal(rank, dataset, reference, which) for which in ("nobody", "few", "broken")]
    return heard


def _refusal(rank: int, dataset: Dataset, reference: Any, which: str) -> str:
    share: Any = iter(())
    if which == "few":
        share = batches(dataset.split("test"), np.array([rank]), 1)
    elif which == "broken" and rank == 1:
        share = iter([{"image": torch.zeros(1, 3, 32, 32), "index": torch.arange(1)}])
    with pytest.raises(BadInput) as refused:
        measure_shared(share, reference, METRICS, seed=3)
    return str(refused.value)


@pytest.fixture(scope="module")
def heard(clips: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two processes heard, and the first one's cache of reference features."""
    cache = tmp_path_factory.mktemp("shared") / "features"
    found = together(partial(take_part, clips.path, cache))
    assert len(list(cache.iterdir())) == 2
    return found


@pytest.fixture(scope="module")
def one(clips: Dataset) -> Evaluation:
    """The answer of one process."""
    reference = reference_features(clips.split("train"), METRICS, ReferenceOptions())
    return measure(_samples(clips, 0, 1), reference, METRICS, seed=3)


def test_all_hear_the_same(heard: list[dict[str, Any]]) -> None:
    for key in ("whole", "alone", "evaluated"):
        assert heard[0][key] == heard[1][key]


@pytest.mark.parametrize("key", ["whole", "alone"])
def test_the_answer_is_that_of_one_process(heard: list[dict[str, Any]], one: Evaluation, key: str) -> None:
    _assert_alike(heard[0][key], one)


def test_an_evaluation_is_shared_out(heard: list[dict[str, Any]], clips: Dataset) -> None:
    one = evaluate(clips.path, clips.split("train"), EvaluateOptions(metrics=METRICS, batch_size=5))
    _assert_alike(heard[0]["evaluated"], one)


def test_every_process_has_a_share_of_what_is_evaluated(
    pictures: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    split, options = pictures.split("train"), EvaluateOptions(count=17, batch_size=2)
    model, files = small_vae(), tmp_path / "files"
    list(sample(model, 17, out=files))
    found: dict[str, list[list[int]]] = {"model": [], "files": [], "prepared": []}
    for rank in range(3):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        monkeypatch.setattr(distributed, "world_size", lambda: 3)
        for name, subject in (("model", model), ("files", files), ("prepared", pictures.path)):
            share = open_subject(subject, split, options).batches
            found[name].append([int(i) for batch in share for i in batch["index"]])
    for shares in found.values():
        assert all(len(share) >= 4 for share in shares)
        drawn = sorted(i for share in shares for i in share)
        assert len(drawn) == len(set(drawn)) == 17


def _assert_alike(found: list[dict[str, Any]], one: Evaluation) -> None:
    for shared, result in zip(found, one.results, strict=True):
        expected = asdict(result)
        for value in (shared, expected):
            interval = value.pop("interval")
            value["ends"] = pytest.approx((interval["low"], interval["high"]), rel=1e-3, abs=1e-4)
        assert shared.pop("value") == pytest.approx(expected.pop("value"), rel=1e-3, abs=1e-4)
        assert expected.pop("ends") == (shared["ends"].expected[0], shared.pop("ends").expected[1])
        assert shared == expected


def test_reals_are_shared_out_and_held_by_the_first(heard: list[dict[str, Any]]) -> None:
    assert heard[0]["reference"] == {"lite": 24 * FRAMES, "lite-clip": 24}
    assert heard[1]["reference"] == {}


def test_a_refusal_is_heard_by_all(heard: list[dict[str, Any]]) -> None:
    nobody, few, broken = zip(*(answer["refusals"] for answer in heard), strict=True)
    assert nobody == ("there are no samples to measure",) * 2
    assert few == ("fd@lite: needs at least 20 samples, got 2",) * 2
    assert broken[0] == "another process could not measure its share of the samples"
    assert "is of clips, and these are pictures" in broken[1]


def test_one_process_measures_as_ever(pictures: Dataset) -> None:
    split = pictures.split("train")
    alone, shared = (
        reference_features(split, ["fd@lite"], ReferenceOptions(count=30, shared=shared)) for shared in (False, True)
    )
    assert torch.equal(alone.features["lite"], shared.features["lite"])
    samples = [split.read(np.arange(40))]
    assert measure_shared(samples, shared, ["fd@lite"]) == measure(samples, alone, ["fd@lite"])
