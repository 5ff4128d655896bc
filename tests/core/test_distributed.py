"""Several processes as one; in a single one, nothing happens."""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from diorama.core import distributed


def test_one_process_agrees_with_itself() -> None:
    value = torch.tensor([1.0, 2.0])
    with distributed.session(torch.device("cpu")):
        assert (distributed.rank(), distributed.world_size()) == (0, 1)
        assert distributed.is_first()
        assert distributed.mean(value) is value
        assert distributed.share("word") == "word"
        assert distributed.agree(True)
        assert not distributed.agree(False)
        distributed.broadcast([value])
        distributed.barrier()
        assert distributed.gather(value).tolist() == [[1.0, 2.0]]
        assert distributed.first_before_others(lambda: "made") == "made"
        assert distributed.own_device(torch.device("cpu")) == torch.device("cpu")


def _cached(cache: Path) -> str:
    """What lies in the cache; whoever finds nothing there puts it there, slowly."""
    if not cache.exists():
        time.sleep(0.2)
        cache.write_text(f"made by {distributed.rank()}")
    return cache.read_text()


def converse(rank: int, port: int, cache: Path, answers: Any) -> None:
    """What one of two processes hears."""

    os.environ.update(
        WORLD_SIZE="2", RANK=str(rank), LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    with distributed.session(torch.device("cpu")):
        weight = torch.full((2, 3, 4, 4), float(rank)).contiguous(memory_format=torch.channels_last)
        distributed.broadcast([weight])
        answers.put(
            {
                "rank": distributed.rank(),
                "first": distributed.is_first(),
                "mean": distributed.mean(torch.tensor([float(rank)])).tolist(),
                "gather": distributed.gather(torch.tensor([rank])).tolist(),
                "share": distributed.share(f"said by {rank}"),
                "agree": [distributed.agree(rank == 1), distributed.agree(False)],
                "weight": weight.unique().tolist(),
                "cached": distributed.first_before_others(lambda: _cached(cache)),
            }
        )
        distributed.barrier()
    assert distributed.world_size() == 1


@pytest.mark.timeout(120)
def test_two_processes_hear_the_same(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    workers = [context.Process(target=converse, args=(rank, port, tmp_path / "cache", answers)) for rank in range(2)]
    for worker in workers:
        worker.start()
    heard = sorted((answers.get(timeout=100) for _ in workers), key=lambda answer: answer["rank"])
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert [answer.pop("rank") for answer in heard] == [0, 1]
    assert [answer.pop("first") for answer in heard] == [True, False]
    assert heard[0] == heard[1]
    assert heard[0] == {
        "mean": [0.5],
        "gather": [[0], [1]],
        "share": "said by 0",
        "agree": [True, False],
        "weight": [0.0],
        "cached": "made by 0",
    }
