"""Several processes measure together, each its share, and hear one answer: that of one process."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict
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
from diorama.evaluation.run import Evaluation, measure, measure_shared
from tests.evaluation.conftest import FRAMES

METRICS = ("fd@lite", "kid@lite", "precision@lite", "fd@lite-clip", "modes")


def _samples(dataset: Dataset, rank: int, processes: int) -> Iterator[Batch]:
    """A share of the test split, its last records first: the order must not matter."""
    share = np.array_split(np.arange(dataset.splits["test"]), processes)[rank]
    return batches(dataset.split("test"), share[::-1].copy(), 5)


def take_part(rank: int, port: int, path: Path, cache: Path, answers: Any) -> None:
    """What one of two processes measures and hears."""
    torch.set_num_threads(1)
    os.environ.update(
        WORLD_SIZE="2", RANK=str(rank), LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    dataset = open_dataset(path)
    heard: dict[str, Any] = {"rank": rank}
    with distributed.session(torch.device("cpu")):
        reference = reference_features(
            dataset.split("train"), METRICS, ReferenceOptions(cache=cache if rank == 0 else None, shared=True)
        )
        heard["reference"] = {kind: len(rows) for kind, rows in reference.features.items()}
        whole = measure_shared(_samples(dataset, rank, 2), reference, METRICS, seed=3)
        heard["whole"] = [asdict(result) for result in whole.results]
        alone = measure_shared(_samples(dataset, 0, 1) if rank == 1 else iter(()), reference, METRICS, seed=3)
        heard["alone"] = [asdict(result) for result in alone.results]
        heard["refusals"] = [_refusal(rank, dataset, reference, which) for which in ("nobody", "few", "broken")]
        distributed.barrier()
    answers.put(heard)


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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    cache = tmp_path_factory.mktemp("shared") / "features"
    workers = [context.Process(target=take_part, args=(rank, port, clips.path, cache, answers)) for rank in range(2)]
    for worker in workers:
        worker.start()
    found = sorted((answers.get(timeout=200) for _ in workers), key=lambda answer: answer["rank"])
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert len(list(cache.iterdir())) == 2
    return found


@pytest.fixture(scope="module")
def one(clips: Dataset) -> Evaluation:
    """The answer of one process."""
    reference = reference_features(clips.split("train"), METRICS, ReferenceOptions())
    return measure(_samples(clips, 0, 1), reference, METRICS, seed=3)


def test_all_hear_the_same(heard: list[dict[str, Any]]) -> None:
    for key in ("whole", "alone"):
        assert heard[0][key] == heard[1][key]


@pytest.mark.parametrize("key", ["whole", "alone"])
def test_the_answer_is_that_of_one_process(heard: list[dict[str, Any]], one: Evaluation, key: str) -> None:
    for shared, result in zip(heard[0][key], one.results, strict=True):
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
