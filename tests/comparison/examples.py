"""Comparisons made by hand: what a report must be able to show, without training anything."""

from __future__ import annotations

import math

import numpy as np

from diorama.comparison.columns import Column, Comparison, Neighbours, TrainingHistory
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.evaluation.protocol import ExtractorStamp, Interval, ReferenceStamp, Result
from diorama.recipes.catalog import find

IMAGES = MediaSpec(kind="image", channels=3, height=16, width=16)
CLIPS = MediaSpec(kind="video", channels=3, height=16, width=16, frames=8, fps=8.0)


def result(metric: str, value: float, half: float) -> Result:
    return Result(
        metric=metric,
        value=value,
        interval=Interval(low=value - half, high=value + half, method="jackknife"),
        extractor=ExtractorStamp(name="lite", sha256="ab" * 32),
        resize="antialiased to 32",
        samples=500,
        reference=ReferenceStamp(count=2_000, sha256="cd" * 32),
    )


def history() -> TrainingHistory:
    images = range(0, 50_000, 500)
    return TrainingHistory(
        images=50_000,
        steps=780,
        seconds=61.5,
        joules=1_850.0,
        energy="estimated from processor time",
        losses={
            "generator": tuple((float(i), 2 + math.sin(i / 4_000)) for i in images),
            "discriminator": tuple((float(i), 1 + math.cos(i / 3_000)) for i in images),
        },
        scores={"fd@lite": ((0.0, 90.0), (25_000.0, 30.0), (50_000.0, 12.0))},
    )


def pictures(media: MediaSpec, count: int, seed: int) -> np.ndarray:
    """Smooth colours that move along the time axis, so that frames differ."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0 : media.height, 0 : media.width] / media.height
    frames = np.arange(media.frames or 1)[:, None, None, None] / 8
    turns = generator.uniform(0, 6, (count, 1, 1, 1, 3))
    waves = 127 + 120 * np.sin(turns + 4 * x[None, None, :, :, None] + 3 * y[None, None, :, :, None] + 6 * frames)
    clips = waves.astype(np.uint8)
    return clips if media.frames is not None else clips[:, 0]


def in_rows(shown: np.ndarray, count: int) -> np.ndarray:
    return shown.reshape(count, -1, *shown.shape[1:])


def comparison(media: MediaSpec = IMAGES, *, real: bool = True) -> Comparison:
    """Two trained generators with their untrained networks, foreign pictures, the mixture and held-out records."""
    scores = {"a": (11.0, 0.6), "b": (14.0, 0.9)}
    columns = []
    for i, (name, recipe) in enumerate((("dcgan_toy", "dcgan_toy"), ("my <own> model", "my_recipes.py:faces"))):
        value, half = list(scores.values())[i]
        columns.append(
            Column(
                name=name,
                kind="trained",
                recipe=recipe,
                entry=find(recipe),
                parameters=1_250_000,
                model="12" * 32,
                count=500,
                results=(result("fd@lite", value, half), result("precision@lite", 0.6 + i / 10, 0.02)),
                seconds=0.8 + i,
                history=history(),
                pictures=pictures(media, 64, i),
                stages=pictures(IMAGES, 12, i).reshape(3, 4, 16, 16, 3) if i else None,
                between=in_rows(pictures(media, 8, i), 2),
                warnings=("fewer samples than dimensions",) if i else (),
            )
        )
        columns.append(
            Column(
                name=f"{name} untrained",
                kind="untrained",
                trained_column=name,
                count=500,
                results=(result("fd@lite", 120.0 + i, 2.0), result("precision@lite", 0.0, 0.0)),
            )
        )
    foreign, floor = result("fd@lite", 9.0, 1.5), result("fd@lite", 40.0, 1.2)
    columns += [
        Column(name="peer", kind="samples", count=500, results=(foreign,), pictures=pictures(media, 64, 7)),
        Column(name="mixture", kind="mixture", parameters=250_000, results=(floor,), pictures=pictures(media, 64, 8)),
        Column(name="real", kind="real", count=500, results=(result("fd@lite", 1.1, 0.3),)),
    ]
    shown = pictures(media, 8, 9) if real else None
    return Comparison(
        data=DataInfo(name="shapes", media=media, count=2_000, sha256="ef" * 32),
        budget="1 min",
        device="CPU, 2 threads",
        columns=tuple(columns),
        neighbours={"dcgan_toy": Neighbours(pictures=shown, distances=tuple(12.0 + i for i in range(8)))},
        real=pictures(media, 64, 10) if real else None,
        searched=2_000,
        reference=2_000,
        began="2026-11-29T04:40:00+00:00",
        command="diorama compare --data <mine> --out report",
        notes=("There is no GPU here: the small recipes were taken.",),
    )
