"""Advice where other work takes the cores."""

from __future__ import annotations

import psutil
import pytest
import torch

from diorama.core import busy
from diorama.core.busy import advice_on_threads, busy_cores

CPU = torch.device("cpu")


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(psutil, "cpu_count", lambda: 4)
    return monkeypatch


def _advice(cores: pytest.MonkeyPatch, *, threads: int, at_work: float, device: torch.device = CPU) -> str:
    cores.setattr(torch, "get_num_threads", lambda: threads)
    cores.setattr(busy, "busy_cores", lambda: at_work)
    return advice_on_threads(device)


@pytest.mark.parametrize(("at_work", "better"), [(1.0, 3), (2.5, 1), (3.9, 1)])
def test_as_many_threads_as_cores_are_free_are_advised(cores: pytest.MonkeyPatch, at_work: float, better: int) -> None:
    advice = _advice(cores, threads=4, at_work=at_work)
    assert f"OMP_NUM_THREADS={better} " in advice
    assert "of 4 cores" in advice


def test_nothing_is_said_where_the_cores_are_free_or_one_thread_runs(cores: pytest.MonkeyPatch) -> None:
    assert _advice(cores, threads=4, at_work=0.2) == ""
    assert _advice(cores, threads=2, at_work=2.0) == ""
    assert _advice(cores, threads=1, at_work=4.0) == ""
    assert _advice(cores, threads=4, at_work=4.0, device=torch.device("cuda")) == ""


def test_cores_at_work_are_counted(cores: pytest.MonkeyPatch) -> None:
    cores.setattr(psutil, "cpu_percent", lambda interval: 50.0 if interval == 0.1 else 0.0)
    assert busy_cores(0.1) == 2.0
