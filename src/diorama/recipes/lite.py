"""The feature network behind ``fd@lite`` and ``fd@lite2``."""

from __future__ import annotations

from dataclasses import replace

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
    return _recipe(info, "lite", LiteConfig())


def lite2(info: DataInfo) -> Recipe:
    """The network of :func:`lite`, trained so that it ranks generators much as networks do that learned their data.

    Features are normalised before they are rectified and averaged. The two views of a picture differ in colour, and
    show as little as 15 % of its area. Features must name the collection that a picture comes from (its label), and
    redrawing the picture counts less than in :func:`lite`.

    The weights in the package were trained by this method, at this batch size and rate, on the 5,651 training pictures
    of open_mix64, whose labels are their sources. Three things differ from this recipe: a picture was drawn with a
    weight of one over the root of its source's size, there were 1,940 steps and no average of weights, and damaged
    views had no change of light. ``benchmarks/lite2_weights.py`` then shortened the directions in which damage moves
    features.

    Command: ``diorama train lite2 --data open_mix64 --out runs/lite2``
    Hardware and time: one H200, seven minutes beside seven other trainings.
    Reference: Chen et al. 2020, arXiv 2002.05709; Bardes et al. 2022, arXiv 2105.04906.
    """
    recipe = _recipe(info, "lite2", LiteConfig(normed_taps=True))
    if not info.classes:
        raise BadConfig(f"{info.name} has no labels; lite2 learns to name the collection that a picture comes from")
    assert isinstance(recipe.method, ContrastiveConfig)
    method = replace(
        recipe.method,
        look_weight=0.5,
        collections=len(info.classes),
        least_crop=0.15,
        recolour=True,
    )
    return replace(recipe, method=method, images=1_000_000)


def _recipe(info: DataInfo, name: str, encoder: LiteConfig) -> Recipe:
    media = info.media
    if media.kind != "image" or media.channels != 3:
        raise BadConfig(
            f"{info.name} holds {media.kind}s of {media.channels} channels; lite learns from colour pictures"
        )
    rate = RateConfig(peak=2e-3, warmup=100_000, decay="cosine")
    return Recipe(
        name=name,
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
