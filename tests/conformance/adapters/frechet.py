"""Golden cases of the Fréchet distance as video papers compute it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from diorama.metrics.frechet import frechet_distance, statistics
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def fvd_formula(case: Case) -> Mapping[str, Tensor]:
    """The distance of two sets of features; both published forms are one number here."""
    value = frechet_distance(statistics(case.inputs["feats_fake"]), statistics(case.inputs["feats_real"]))
    return dict.fromkeys(("fvd", "fvd_symmetric_eigh"), torch.tensor([value], dtype=torch.float32))


ADAPTERS: dict[str, Compute] = {"our_fvd.compute_fvd": fvd_formula}
