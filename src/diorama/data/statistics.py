"""Statistics of a data set, from sums kept per record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def channel_statistics(sums: Sequence[NDArray[np.float64]], pixels: NDArray[np.float64]) -> dict[str, list[float]]:
    """Mean, standard deviation, smallest and largest value of every channel, in stored units.

    Args:
        sums: of every record, (c, 4): sum, sum of squares, smallest, largest.
        pixels: (n,) values of one channel in every record.
    """
    if not len(sums):
        return {}
    stacked, total = np.stack(sums), float(pixels.sum())
    mean = stacked[:, :, 0].sum(0) / total
    variance = np.maximum(stacked[:, :, 1].sum(0) / total - np.square(mean), 0.0)
    return {
        "mean": mean.tolist(),
        "std": np.sqrt(variance).tolist(),
        "low": stacked[:, :, 2].min(0).tolist(),
        "high": stacked[:, :, 3].max(0).tolist(),
    }
