"""U-Nets of the published score SDEs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from diorama.interop.score_sde import DDPM, NCSNPP, ScoreSDELayout
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def unet(case: Case, layout: ScoreSDELayout) -> Mapping[str, Tensor]:
    """``out`` of ``x`` and ``time_cond``."""
    network = layout.load(case.config, case.weights)
    return {"out": network(case.inputs["x"], case.inputs["time_cond"])}


ADAPTERS: dict[str, Compute] = {
    "models.ncsnpp.NCSNpp": partial(unet, layout=NCSNPP),
    "models.ddpm.DDPM": partial(unet, layout=DDPM),
}
