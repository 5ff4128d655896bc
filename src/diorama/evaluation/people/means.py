"""Means of what people answered, by system."""

from __future__ import annotations

import numpy as np

from diorama.evaluation.people.parts import Labels
from diorama.metrics.judgement.means import Means, gathered, means
from diorama.metrics.judgement.paired import Floats


def means_by(values: Floats, raters: Labels, systems: Labels) -> Means:
    """Means of values (j,) by system, over raters; values that are no numbers are left out."""
    keep = np.isfinite(values)
    shape = (len(raters.names), len(systems.names))
    return means(*gathered(values[keep], raters.index[keep], systems.index[keep], shape))


def one_mean(values: Floats, raters: Labels) -> Means:
    """The mean of all values, as the only one."""
    return means_by(values, raters, Labels(("all",), np.zeros(len(values), np.int64)))
