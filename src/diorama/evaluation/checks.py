"""What must hold before a metric is taken: its needs are there, records are enough, features are numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from diorama.core.contracts import Batch
from diorama.core.errors import BadInput
from diorama.data.dataset import Split
from diorama.evaluation.catalog.entries import Need
from diorama.evaluation.catalog.metrics import Metric
from diorama.synthesis.abilities import BoundsBits, Reconstructs
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import given_picture
from diorama.synthesis.diffusion import DiffusionSynthesizer

_NEEDED: Mapping[Need, str] = {
    "pairs": "it holds records against a model's reconstructions of them, or partners against what a model draws in "
    "their place, so it needs a model that makes one of them (an autoencoder, a translator), and samples have no such "
    "pairs",
    "bound": "it needs a model that bounds the code length of records (diffusion, an autoencoder)",
    "density": "it needs a model that gives a density to records (diffusion)",
}
"""What only a model can give, in words."""

_KEYS: Mapping[Need, tuple[str, str]] = {
    "pictures": ("image", "of pictures, and these are clips"),
    "clips": ("video", "of clips, and these are pictures"),
    "texts": ("tokens", "of what samples were drawn of, and these come without texts"),
}
"""The key of a batch that fulfils a need, and what is said where it is missing."""


def checked_batches(batches: Iterable[Batch], metrics: Sequence[Metric]) -> Iterator[Batch]:
    """The batches, each looked at for what the metrics need of it.

    Raises:
        BadInput: naming the first metric that lacks something, or what every batch must have.
    """
    for batch in batches:
        if "index" not in batch or not batch.keys() & {"image", "video"}:
            raise BadInput(f"samples: a batch needs image or video, and index; this one has {', '.join(batch)}")
        for metric in metrics:
            for need in metric.needs:
                key, words = _KEYS.get(need, ("", ""))
                if key and key not in batch:
                    raise BadInput(f"metrics: {metric.name} is {words}")
        yield batch


def asked_of_samples(metric: Metric) -> BadInput:
    """What to raise where a metric that a model is asked for is asked of samples."""
    why = next((_NEEDED[need] for need in metric.needs if need in _NEEDED), "samples have none")
    return BadInput(f"metrics: {metric.name} is asked of a model: {why}; of samples, fd@lite says how close they are")


def check_able(model: Synthesizer, metric: Metric, *, in_pairs: bool = False) -> None:
    """Refuse to ask a model for what it cannot give.

    Args:
        model: that is asked.
        metric: for which.
        in_pairs: whether the model is given pictures whose partners show what it should draw.

    Raises:
        BadInput: the model cannot reconstruct, or has no bound or density.
    """
    name = f"a {model.kind}"
    if "pairs" in metric.needs and not (in_pairs or isinstance(model, Reconstructs)):
        if given_picture(model.config.conditions) is not None:
            raise BadInput(f"metrics: {metric.name} is of pairs, and these data have none (side target)")
        raise BadInput(f"metrics: {metric.name} is of reconstructions, and {name} makes none")
    if "bound" in metric.needs and not isinstance(model, BoundsBits):
        raise BadInput(f"metrics: {metric.name} needs a bound on the code length, and {name} has none")
    if "density" in metric.needs and not isinstance(model, DiffusionSynthesizer):
        raise BadInput(f"metrics: {metric.name} needs the density of records, and {name} has none")


def not_held_out(split: Split, metrics: Iterable[Metric]) -> list[str]:
    """A warning for metrics that say little of records which the model may have been trained on."""
    names = [metric.name for metric in metrics if "held-out reals" in metric.needs]
    if split.name != "train" or not names:
        return []
    return [f"{', '.join(names)}: taken of the split train, which a model may know by heart; held-out ones say more"]


def check_enough(metric: Metric, draws: int, side: str) -> None:
    """Refuse sets that are too small for a metric.

    Raises:
        BadInput: naming the metric, the side and what it needs.
    """
    if draws < metric.entry.least:
        raise BadInput(f"{metric.name}: needs at least {metric.entry.least} {side}, got {draws}")


def check_finite(kind: str, features: Tensor, side: str) -> None:
    """Refuse features that no number can be made of.

    Raises:
        BadInput: a sample has values that are not finite.
    """
    if not bool(torch.isfinite(features).all()):
        raise BadInput(f"{side}: some {kind} features are not finite; the pictures hold values that are not numbers")
