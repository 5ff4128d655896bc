"""Fixtures of the tests that compare recorded turns with launched ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from diorama.core import device as devices
from diorama.training import recording
from tests.training.tape import use_tapes


@pytest.fixture(params=["tape", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """A device with graphs, whose kernels always give the same bits."""
    if request.param == "tape":
        use_tapes(monkeypatch)
        yield torch.device("cpu")
        return
    found = torch.device("cuda", torch.cuda.current_device())
    precision = torch.get_float32_matmul_precision()
    devices.choose_kernels(found, deterministic=True)
    yield found
    torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision(precision)


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the phases that were recorded, in order."""
    made: list[str] = []
    plain = recording._Recording.__init__

    def noted(self: object, turn: object, *rest: object) -> None:
        made.append(turn.phase.name)  # type: ignore[attr-defined]
        plain(self, turn, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(recording._Recording, "__init__", noted)
    return made
