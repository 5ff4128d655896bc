"""The closest training record is found in one pass, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.comparison.nearest import nearest


@pytest.mark.parametrize("size", [1, 7, 50])
def test_a_repeated_record_is_found_at_distance_zero(size: int) -> None:
    records = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), dtype=np.uint8)
    samples = {"a": records[[3, 49]], "b": np.full((1, 4, 4, 3), 255, np.uint8)}
    batches = (records[i : i + size] for i in range(0, 50, size))
    found = nearest(samples, batches, show=True)
    assert found["a"].distances == (0.0, 0.0)
    assert found["a"].pictures is not None
    np.testing.assert_array_equal(found["a"].pictures, records[[3, 49]])
    every = np.sqrt(np.square(records.astype(float) - 255).mean((1, 2, 3)))
    assert found["b"].distances[0] == pytest.approx(every.min(), rel=1e-3)


def test_private_records_are_not_kept() -> None:
    records = np.zeros((2, 4, 4, 3), np.uint8)
    assert nearest({"a": records}, iter([records]), show=False)["a"].pictures is None


def test_nobody_asked_means_nothing_is_read() -> None:
    assert nearest({}, iter([]), show=True) == {}
