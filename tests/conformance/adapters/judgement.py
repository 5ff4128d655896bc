"""Golden cases of judgements: Bradley–Terry and its kin, and Krippendorff's alpha."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from diorama.metrics.judgement.agreement import Level, krippendorff_alpha, unit_counts
from diorama.metrics.judgement.paired import Floats, PairedJudgements
from diorama.metrics.judgement.responses import BradleyTerry, Davidson
from diorama.metrics.judgement.sequential import elo_in_sequence, spectral_strengths
from diorama.metrics.judgement.strengths import strengths
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def _tensor(values: Floats | float) -> Tensor:
    return torch.atleast_1d(torch.as_tensor(np.asarray(values), dtype=torch.float32))


def bradley_terry(case: Case) -> Mapping[str, Tensor]:
    """Strengths of ``wins``, with ``ties`` and of ``battles``."""
    wins, ties = case.inputs["wins"].double().numpy(), case.inputs["ties"].double().numpy()
    elo = case.config["elo"]
    judged = PairedJudgements.of_matrices(wins, ties)
    plain = strengths(judged, BradleyTerry(), halve_ties=False)
    davidson = strengths(judged, Davidson())
    n = len(wins)
    assert davidson.tie is not None
    return {
        "bt": _tensor(plain.values),
        "bt_alpha01": _tensor(spectral_strengths(wins, alpha=0.1)),
        "bt_half_ties": _tensor(strengths(judged, BradleyTerry()).values),
        "bt_elo_scale": _tensor(plain.elo),
        "bt_prob": _tensor(np.array([[plain.preferred(i, j) for j in range(n)] for i in range(n)])),
        "bt_standard_error": _tensor(plain.standard_errors),
        "davidson": _tensor(davidson.values),
        "davidson_nu": _tensor(davidson.tie),
        "log_likelihood": _tensor(plain.log_likelihood),
        "elo": _tensor(
            elo_in_sequence(
                case.inputs["battles"].tolist(),
                n,
                k=elo["k"],
                start=elo["init"],
                base=elo["base"],
                scale=elo["scale"],
            )
        ),
    }


def krippendorff(case: Case) -> Mapping[str, Tensor]:
    """Alpha of ``ratings`` (raters, units) at four levels of measurement."""
    ratings = case.inputs["ratings"].double().numpy()
    values, counts = unit_counts(np.where(ratings == case.config["missing"], np.nan, ratings))
    alpha = {level: _tensor(krippendorff_alpha(values, counts, level)) for level in Level}
    return {
        **{level.value: value for level, value in alpha.items()},
        "nominal_from_counts": alpha[Level.NOMINAL],
        "ordinal_from_counts": alpha[Level.ORDINAL],
    }


ADAPTERS: dict[str, Compute] = {
    "choix.ilsr_pairwise_dense": bradley_terry,
    "krippendorff.alpha": krippendorff,
}
