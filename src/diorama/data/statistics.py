"""Statistics of a data set, from sums kept per record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHADES = 25
"""Steps that the brightness of records is counted in."""


def values_per_channel(rows: NDArray[np.void]) -> NDArray[np.float64]:
    """(n,) values of one channel in every record that the index rows (n,) describe."""
    # In float64, since the product overflows the types of the index.
    return rows["height"].astype(np.float64) * rows["width"] * np.maximum(rows["frames"], 1)


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


def brightness_counts(sums: NDArray[np.float64], pixels: NDArray[np.float64], low: float, high: float) -> list[int]:
    """Records by their mean value over all pixels and channels, in :data:`SHADES` equal steps.

    Args:
        sums: (n, c, 4) of every record: sum, sum of squares, smallest, largest.
        pixels: (n,) values of one channel in every record.
        low: where the first step begins; what is darker counts there.
        high: where the last step ends; what is brighter counts there.
    """
    means = np.nan_to_num(sums[:, :, 0].mean(1) / pixels)
    steps = np.floor((means - low) / max(high - low, 1e-12) * SHADES).clip(0, SHADES - 1)
    return np.bincount(steps.astype(int), minlength=SHADES).tolist()


def plain_records(sums: NDArray[np.float64]) -> NDArray[np.intp]:
    """Records of which every channel has one value all over, in rising order; ``sums`` as above."""
    return np.flatnonzero((sums[:, :, 2] == sums[:, :, 3]).all(1))
