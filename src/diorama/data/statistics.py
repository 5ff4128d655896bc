"""Statistics of a data set, from sums kept per record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def channel_statistics(sums: NDArray[np.float64], pixels: NDArray[np.float64]) -> dict[str, list[float]]:
    """Mean, standard deviation, smallest and largest value of every channel, in stored units.

    Args:
        sums: (n, c, 4) of every record: sum, sum of squares, smallest, largest.
        pixels: (n,) values of one channel in every record.
    """
    total = float(pixels.sum())
    mean = sums[:, :, 0].sum(0) / total
    # Rounding may leave a little less than nothing where all values are alike.
    variance = np.maximum(sums[:, :, 1].sum(0) / total - np.square(mean), 0.0)
    return {
        "mean": mean.tolist(),
        "std": np.sqrt(variance).tolist(),
        "low": sums[:, :, 2].min(0).tolist(),
        "high": sums[:, :, 3].max(0).tolist(),
    }
