"""A stand-in for CUDA graphs on a CPU, so that recorded turns can be tested without a GPU.

Like a graph it notes operations and their memory and not the program: a replay runs the noted operations again, on
the same tensors, and whatever Python computed meanwhile stays as it was when it was noted. Noting leaves no trace, and
an operation that reads a value for the program is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from diorama.core import device as devices
from diorama.training import recording

NO_TAPE = "a tape does not see the operations within a derivative forwards; a GPU's graph does"
"""Why methods that take such derivatives are recorded on GPUs alone."""


class Tape:
    """What :class:`torch.cuda.CUDAGraph` is on a GPU."""

    def __init__(self) -> None:
        self.operations: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Tensor]]] = []

    def replay(self) -> None:
        """Run what was noted; results go where they went when it was noted."""
        with torch.no_grad():
            for function, args, kwargs, results in self.operations:
                fresh = [x for x in tree_leaves(function(*args, **kwargs)) if isinstance(x, Tensor)]
                for place, value in zip(results, fresh, strict=True):
                    place.data.copy_(value)


class _Noting(TorchDispatchMode):
    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape
        self.own: set[int] = set()
        """Memory that the noted operations made themselves."""
        self.before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        """All other memory that they touch, and what lay there."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "_local_scalar_dense" in str(function):
            raise RuntimeError("operation not permitted when stream is capturing")
        for given in tree_leaves((args, kwargs or {})):
            if isinstance(given, Tensor):
                memory = given.untyped_storage()
                if memory.data_ptr() not in self.own and memory.data_ptr() not in self.before:
                    self.before[memory.data_ptr()] = (memory, memory.clone())
        out = function(*args, **(kwargs or {}))
        results = [x for x in tree_leaves(out) if isinstance(x, Tensor)]
        self.own |= {r.untyped_storage().data_ptr() for r in results} - self.before.keys()
        self.tape.operations.append((function, args, kwargs or {}, results))
        return out

    def undo(self) -> None:
        for memory, content in self.before.values():
            memory.copy_(content)


@contextmanager
def noting(tape: Tape, **_: Any) -> Iterator[None]:
    """What :class:`torch.cuda.graph` is on a GPU."""
    state, mode = torch.get_rng_state(), _Noting(tape)
    with mode:
        yield
    mode.undo()
    torch.set_rng_state(state)


def use_tapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the CPU pass for a device that runs ahead of the program and has graphs."""
    monkeypatch.setattr(devices, "runs_ahead", lambda device: True)
    monkeypatch.setattr(devices, "has_graphs", lambda device: True)
    # Here the processor's generator is the device's, so it must be allowed to draw.
    monkeypatch.setattr(recording, "_host_generator", lambda: torch.zeros(0))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Tape)
    monkeypatch.setattr(torch.cuda, "graph", noting)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: 0)
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda mode: None)
