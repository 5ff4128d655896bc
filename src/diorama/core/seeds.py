"""Seeds that are functions of names, without PyTorch: servers and orders of studies need it nowhere else."""

from __future__ import annotations

import numpy as np

_MASK = 0xFFFFFFFF


def fold(*counters: int) -> int:
    """One 63-bit seed for counters in [0, 2^64).

    Other counters, as many, give an unrelated seed; zeros at the end add nothing.
    """
    # Two words for each, since the generator would run counters of one and of two words into one another.
    words = [word for counter in counters for word in (counter & _MASK, counter >> 32)]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))
