"""What one item becomes, and what it may cost."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.data import intake
from diorama.data.intake import IntakeOptions, Job, take_in


def test_clips_of_one_file_are_kept_up_to_a_number_and_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job("a", "array", np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8))
    for options, size, kept in (
        (IntakeOptions(size=None, frames=2), 1 << 20, 10),
        (IntakeOptions(size=None, frames=2, clips_per_file=4), 1 << 20, 4),
        (IntakeOptions(size=None, frames=2), 2 * job.content[:2].nbytes, 3),  # type: ignore[index, union-attr]
    ):
        monkeypatch.setattr(intake, "_CLIPS_BYTES", size)
        (taken,) = take_in([job], options)
        assert len(taken.records) == kept
        assert taken.notes == (() if kept == 10 else (f"only its first {kept} clips are kept",))
