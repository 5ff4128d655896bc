"""Which tensors kernels of our own take."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from diorama.nn import kernels


def test_tensors_of_another_device_than_the_current_are_left_to_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(kernels, "can_build", lambda: True)
    with FakeTensorMode():
        here, there = (torch.empty(1, 2, 3, 3, device=f"cuda:{number}") for number in range(2))
        for ask in (kernels.take, kernels.read):
            assert ask(here, None, here)
            assert not ask(there)
            assert not ask(here, there)
            assert not ask(here, here.half())
            assert not ask(here.double())
            assert not ask(torch.empty(1, 2, 3, 3))
