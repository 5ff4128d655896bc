"""What a model is asked for does not depend on how many records or samples are taken at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diorama.core.contracts import MediaSpec
from diorama.data.dataset import Dataset
from diorama.evaluation.catalog.metrics import parse_metric
from diorama.evaluation.models import measure_model
from diorama.networks.codecs.vae import ConvDecoderConfig, ConvEncoderConfig
from diorama.synthesis.vae import VAESynthesizer, VAESynthesizerConfig

MEDIA = MediaSpec(kind="image", channels=3, height=32, width=32)


@pytest.fixture
def vae() -> VAESynthesizer:
    torch.manual_seed(0)
    return (
        VAESynthesizerConfig(
            media=MEDIA,
            encoder=ConvEncoderConfig(size=(32, 32), channels=3, features=8, latent=3),
            decoder=ConvDecoderConfig(size=(32, 32), channels=3, features=8, latent=3),
        )
        .build()
        .eval()
    )


@pytest.mark.parametrize("name", ["psnr", "ssim", "bpd"])
def test_batch_size_changes_no_answer(pictures: Dataset, vae: VAESynthesizer, name: str) -> None:
    split, metrics = pictures.split("test"), [parse_metric(name)]
    found = [measure_model(vae, metrics, split, np.arange(10), seed=3, batch_size=size)[name] for size in (4, 10)]
    assert found[0].value == pytest.approx(found[1].value, rel=1e-4)
    assert found[0].interval.low <= found[0].value <= found[0].interval.high
