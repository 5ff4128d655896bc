"""Golden cases of the FID network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from diorama.interop.inception_fid import INCEPTION, pytorch_fid_input, torch_fidelity_input
from diorama.networks.features.inception import TAPS, FIDInception
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def inception(case: Case) -> Mapping[str, Tensor]:
    """Taps and logits under both resize conventions."""
    network = cast(FIDInception, INCEPTION.load({}, case.weights))
    unit, ours_input = pytorch_fid_input(case.inputs["images"])
    grey_levels, theirs_input = torch_fidelity_input(case.inputs["images"])
    ours, theirs = network.taps(ours_input), network.taps(theirs_input)
    return {
        **{f"ptfid_{name}": ours[name] for name in TAPS},
        **{f"tf_{name}": theirs[name] for name in TAPS},
        "ptfid_resized_corner": unit[:2, :, :24, :24],
        "tf_resized_corner": grey_levels[:2, :, :24, :24],
        "tf_resized_end": grey_levels[:2, :, -8:, -8:],
        "tf_logits_unbiased": network.logits(theirs["2048"]),
        "tf_logits": network.logits(theirs["2048"], biased=True),
    }


KIND = "torch_fidelity.feature_extractor_inceptionv3.FeatureExtractorInceptionV3 / pytorch_fid.inception.InceptionV3"
ADAPTERS: dict[str, Compute] = {KIND: inception}
