"""The feature network behind ``fd@lite``, trained without labels."""

from __future__ import annotations

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.representation.contrastive import ContrastiveConfig
from diorama.networks.features.decoder import FeatureDecoderConfig
from diorama.networks.features.lite import LiteConfig
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe


def lite(info: DataInfo) -> Recipe:
    """256 features of colour pictures of any kind, at four depths of a network of 0.9 million weights.

    The weights in the package come from this method, batch size and rate on the 5,651 training pictures of
    open_mix64 (drawn by the inverse root of their domain's size) and scenes of the built-in world at 64, 96 and
    128 pixels, for 4,141 steps.

    Command: ``diorama train lite --data open_mix64 --data world --out runs/lite``
    Hardware and time: one H100, two minutes.
    Reference: Chen et al. 2020, arXiv 2002.05709; Bardes et al. 2022, arXiv 2105.04906.
    """
    media = info.media
    if media.kind != "image" or media.channels != 3:
        raise BadConfig(
            f"{info.name} holds {media.kind}s of {media.channels} channels; lite learns from colour pictures"
        )
    encoder = LiteConfig()
    rate = RateConfig(peak=2e-3, warmup=100_000, decay="cosine")
    return Recipe(
        name="lite",
        method=ContrastiveConfig(media=media, encoder=encoder, decoder=FeatureDecoderConfig(features=encoder.features)),
        optimizers={
            "encoder": OptimizerConfig(algorithm="adamw", rate=rate, betas=(0.9, 0.99), weight_decay=1e-4, clip=1.0)
        },
        images=2_120_000,
        batch_size=512,
        averages={"ema": AverageConfig(half_life=180_000)},
        # Its own distance would be measured with an older self: how well features work is told by
        # benchmarks/lite_monotone.py.
        evaluation=EvaluationConfig(samples=0),
        checkpoint_every=500_000,
    )
