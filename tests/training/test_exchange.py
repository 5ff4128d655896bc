"""Gradients of two processes: averaged in launched turns and in recorded ones, with the same bits."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.contracts import Batch, Loss
from diorama.methods.base import Method
from diorama.training import exchange
from diorama.training.exchange import GradientExchange
from tests.together import together
from tests.training.tape import use_tapes
from tests.training.walks import Run, assert_same, flow_with, gan, pictures

CPU = torch.device("cpu")


def exchanged(rank: int) -> list[Any]:
    """Gradients after an exchange in which only the second process has the second, and none the third."""
    exchange._BUCKET_BYTES = 100
    values = [
        torch.ones(2, 3, 2, 2).contiguous(memory_format=torch.channels_last),
        torch.ones(5),
        torch.ones(3),
        torch.ones(40, dtype=torch.float64),
    ]
    first, second, third, fourth = parameters = [nn.Parameter(value) for value in values]
    ways = []
    for recorded in (False, True):
        both = GradientExchange(parameters)
        for parameter in parameters:
            parameter.grad = None
        loss = (first * torch.arange(24.0).view(2, 3, 2, 2)).sum() * (rank + 1) + fourth.sum().float() * rank
        loss = loss + (second.sum() if rank else 0)
        if not recorded:
            both.arm()
        loss.backward()
        if recorded:
            both.pack()
            both.reduce()
            both.adopt()
        else:
            both.finish()
        assert first.grad is not None
        assert first.grad.stride() == first.stride()
        ways.append([None if p.grad is None else p.grad.tolist() for p in (first, second, third, fourth)])
    assert ways[0] == ways[1]
    return ways[0]


@pytest.mark.timeout(200)
def test_gradients_become_their_mean_and_what_no_process_has_stays_absent() -> None:
    ours, theirs = together(exchanged)
    assert ours == theirs
    first, second, third, fourth = ours
    assert first == (1.5 * torch.arange(24.0).view(2, 3, 2, 2)).tolist()
    assert second == [0.5] * 5
    assert third is None
    assert fourth == [0.5] * 40


def uneven(method: Method, batch: Batch) -> Loss:
    """A loss in which the last layer takes part in the second process alone."""
    hidden = method.generator.inner(batch["image"].flatten(1)[:, :4])
    value = hidden.square().mean()
    if distributed.rank():
        value = value + method.generator.outer.weight.square().sum()
    return Loss(value, {"hidden": hidden.mean()})


def recorded_and_launched(rank: int) -> str:
    """Trains both ways in this process, its neighbour taking part, and compares; on tapes."""
    with pytest.MonkeyPatch.context() as patch:
        use_tapes(patch)
        return _compared(rank, CPU)


def recorded_and_launched_on_gpus(rank: int) -> str:
    """The same on this process's GPU."""
    device = torch.device("cuda", rank)
    devices.choose_kernels(device, deterministic=True)
    return _compared(rank, device)


def _compared(rank: int, device: torch.device) -> str:
    for build in (gan, flow_with(uneven)):
        runs = [
            Run(build, device).go(8, recorded=recorded, batches=pictures(device, 2, rank), rank=rank)
            for recorded in (False, True)
        ]
        assert not runs[1].notes()
        assert_same(*runs)
    return str(sum(value.sum().item() for name, value in runs[1].left().items() if "weight" in name))


@pytest.mark.timeout(200)
def test_recorded_turns_of_two_processes_equal_launched_ones() -> None:
    ours, theirs = together(recorded_and_launched)
    assert ours == theirs


@pytest.mark.gpu
@pytest.mark.timeout(200)
def test_recorded_turns_of_two_gpus_equal_launched_ones() -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    ours, theirs = together(recorded_and_launched_on_gpus, "cuda")
    assert ours == theirs


def test_alone_nothing_is_exchanged() -> None:
    parameter = nn.Parameter(torch.ones(2))
    alone = GradientExchange([parameter])
    alone.arm()
    parameter.sum().backward()
    before = parameter.grad
    alone.finish()
    alone.pack()
    alone.reduce()
    alone.adopt()
    assert alone.alone
    assert parameter.grad is before
