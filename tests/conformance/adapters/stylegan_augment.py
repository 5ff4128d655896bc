"""Golden cases of ADA's augmentations: at shares of their distributions, and of given draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from diorama.core.config import decode
from diorama.methods.adversarial.augment import AugmentConfig, augmented
from diorama.methods.adversarial.augment_draws import PercentileDraws, RandomDraws
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def augment(case: Case) -> Mapping[str, Tensor]:
    """``out`` of draws, or ``img_pK`` for every share."""
    config: AugmentConfig = decode(AugmentConfig, case.config["kwargs"])
    given: Mapping[str, Any] = case.inputs
    images = given["images"]
    if "percentiles" not in case.config:
        drawn: Iterator[Tensor] = iter([given[f"draw/{draw['id']}"] for draw in case.config["draws"]])
        draws = RandomDraws(lambda shape: next(drawn), lambda shape: next(drawn))
        return {"out": augmented(images, config, case.config["p"], draws)}
    return {
        f"img_p{i}": augmented(
            images, config, 1.0, PercentileDraws(share, lambda shape: given["noise_img"], images.device)
        )
        for i, share in enumerate(case.config["percentiles"])
    }


ADAPTERS: dict[str, Compute] = {"training.augment.AugmentPipe": augment}
