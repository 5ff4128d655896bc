"""Means of losses between two reports, kept on the device until they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from diorama.core import distributed


class LossMeans:
    """Adds up losses step by step, and averages them over steps and processes when asked.

    What was added since the last report is part of the resume state, since the next line of the log depends on it.

    Args:
        device: where losses lie.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Count in the losses of a step; lazy phases are absent from most."""
        again = [name for name in losses if name in self._sums]
        if again:
            # All in one kernel, where one for each would take a GPU longer to launch than to run.
            torch._foreach_add_([self._sums[name] for name in again], [losses[name] for name in again])
        self._sums |= {name: value.clone() for name, value in losses.items() if name not in self._sums}
        for name in losses:
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """The means since the last call, over all processes; waits for the device."""
        if not self._sums:
            return {}
        means = torch.stack([self._sums[n] / self._counts[n] for n in self._sums])
        values = distributed.mean(means).tolist()
        taken = dict(zip(self._sums, values, strict=True))
        self._sums, self._counts = {}, {}
        return taken

    def state_dict(self) -> dict[str, Any]:
        """Sums of every process, so that each continues from its own; all processes must call it."""
        sums = torch.stack(list(self._sums.values())) if self._sums else torch.zeros(0)
        return {"names": list(self._sums), "counts": dict(self._counts), "sums": distributed.gather(sums.cpu())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue; where the number of processes changed, all take the mean of the sums."""
        rows: Tensor = state["sums"]
        same = rows.shape[0] == distributed.world_size()
        row = rows[distributed.rank()] if same else rows.mean(0)
        self._sums = dict(zip(state["names"], row.to(self.device).clone().unbind(), strict=True))
        self._counts = dict(state["counts"])
