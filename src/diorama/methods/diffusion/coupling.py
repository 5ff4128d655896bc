"""Which noise meets which picture in training.

Pictures and noises of a batch are drawn independently. Matching them so that little has to be moved keeps both
distributions and straightens the paths between them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from diorama.core import device as devices
from diorama.core.contracts import NOTHING_GIVEN, Condition

Coupling = Literal["independent", "minibatch"]
"""As they were drawn; or matched by the least sum of squared distances, among the samples of a batch that are given the
same."""


def matched(noise: Tensor, clean: Tensor, given: Condition = NOTHING_GIVEN) -> Tensor:
    """The noises of a batch in the order that brings them closest to its clean samples.

    Matched across classes or captions, a noise would foretell them in training, though not where samples are drawn: so
    only samples that are given the same exchange theirs. Where no two of a batch are, as with captions that all differ,
    nothing is matched.

    Args:
        noise: (b, ...).
        clean: of the same shape.
        given: what the samples are given, by key, (b, ...) each: labels, soft ones, tokens of captions.

    Returns:
        A permutation of the rows of ``noise``. It waits for the device: the matching is found on the CPU.

    Reference: A. Tong et al., arXiv:2302.00482, section 3.2 (in minibatches, also A.-A. Pooladian et al.,
    arXiv:2304.14772); within one condition H. K. Cheng, A. Schwing, arXiv:2503.10636, section 3.
    """
    # TF32 would keep too few digits of the products to tell distances apart.
    with devices.full_float32():
        distances = torch.cdist(clean.flatten(1).float(), noise.flatten(1).float())
    cost = distances.square().cpu().numpy()
    order = np.arange(len(noise))
    for rows in _groups(len(noise), given):
        _, chosen = linear_sum_assignment(cost[np.ix_(rows, rows)])
        order[rows] = rows[chosen]
    return noise[torch.from_numpy(order).to(noise.device)]


def _groups(count: int, given: Condition) -> list[NDArray[np.intp]]:
    """Rows that may exchange their noises."""
    if not given:
        return [np.arange(count)]
    values = np.concatenate([value.reshape(count, -1).double().cpu().numpy() for value in given.values()], axis=1)
    kinds, kind = np.unique(values, axis=0, return_inverse=True)
    return [np.flatnonzero(kind.reshape(-1) == i) for i in range(len(kinds))]
