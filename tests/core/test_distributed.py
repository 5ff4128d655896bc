"""Several processes as one; in a single one, nothing happens."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from diorama.core import distributed
from tests.together import together


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


def converse(cache: Path, rank: int) -> dict[str, Any]:
    """What one of two processes hears."""
    weight = torch.full((2, 3, 4, 4), float(rank)).contiguous(memory_format=torch.channels_last)
    distributed.broadcast([weight])
    return {
        "rank": distributed.rank(),
        "first": distributed.is_first(),
        "mean": distributed.mean(torch.tensor([float(rank)])).tolist(),
        "gather": distributed.gather(torch.tensor([rank])).tolist(),
        "share": distributed.share(f"said by {rank}"),
        "agree": [distributed.agree(rank == 1), distributed.agree(False)],
        "weight": weight.unique().tolist(),
        "cached": distributed.first_before_others(lambda: _cached(cache)),
    }


@pytest.mark.timeout(120)
def test_two_processes_hear_the_same(tmp_path: Path) -> None:
    heard = together(partial(converse, tmp_path / "cache"))
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
