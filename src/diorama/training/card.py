"""What a model folder says of its origin: the card for people and the provenance for programs."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from diorama import __version__
from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.config import encode
from diorama.core.contracts import DataInfo
from diorama.core.durations import clock_words, energy_words
from diorama.evaluation.catalog.metrics import catalog_with
from diorama.methods import soundness
from diorama.synthesis.base import SynthesizerConfig
from diorama.synthesis.conditions import given_picture
from diorama.synthesis.provenance import DataOrigin, Provenance, TrainingSpent
from diorama.synthesis.store import hash_of_weights
from diorama.training.recipe import Recipe, TrainOptions
from diorama.training.state import Best, TrainingState
from diorama.training.ticks import RunClock


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model comes from.

    Args:
        recipe: how it was trained.
        data: on what.
        frozen: hashes of the parts that were loaded and not trained.
        start_from: hash of the weights it started from, if any.
        device: in words.
        processes: that trained together.
        energy: how joules are known.
        model: what is trained.
        own: config classes of a user's own, by name, without which the model cannot be read.
        catalog: what a user's own files name.
    """

    recipe: Recipe
    data: DataInfo
    frozen: Mapping[str, str]
    start_from: str | None
    device: str
    processes: int
    energy: str
    model: SynthesizerConfig
    own: tuple[str, ...] = ()
    catalog: tuple[object, ...] = ()

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        data: DataInfo,
        frozen: Mapping[str, str],
        state: TrainingState,
        clock: RunClock,
        options: TrainOptions,
    ) -> Origin:
        """What the models of a run have in common."""
        model = state.method.synthesizer()
        return cls(
            recipe=recipe,
            data=data,
            frozen=frozen,
            start_from=hash_of_weights(options.start_from),
            device=devices.describe(state.precision.device),
            processes=distributed.world_size(),
            energy=clock.meter.source,
            model=model,
            own=soundness.own_kinds(model, options.catalog),
            catalog=options.catalog,
        )


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far training had come, for a model's card.

    Args:
        step: completed steps.
        images: seen.
        seconds: spent, interruptions left out.
        joules: spent.
        best: the best model so far.
        evaluations: how many models were measured.
        scores: this model's results.
    """

    step: int
    images: int
    seconds: float
    joules: float
    best: Best | None
    evaluations: int
    scores: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, state: TrainingState, images: int, scores: tuple[Mapping[str, Any], ...]) -> Progress:
        """Where training stands now."""
        return cls(
            step=state.step,
            images=images,
            seconds=state.seconds,
            joules=state.joules,
            best=state.best,
            evaluations=state.evaluations,
            scores=scores,
        )


def provenance(origin: Origin, progress: Progress) -> Provenance:
    """Where a model comes from, for programs."""
    return Provenance(
        recipe=encode(origin.recipe),
        data=DataOrigin(name=origin.data.name, count=origin.data.count, sha256=origin.data.sha256),
        frozen=origin.frozen,
        start_from=origin.start_from,
        training=TrainingSpent(
            steps=progress.step,
            images=progress.images,
            seconds=progress.seconds,
            joules=progress.joules,
            energy=origin.energy,
            device=origin.device,
            processes=origin.processes,
        ),
        versions={
            "diorama": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        scores=progress.scores,
    )


def card(origin: Origin, progress: Progress, *, planned: int) -> str:
    """The model card, Markdown.

    Args:
        origin: where the model comes from.
        progress: when it was taken.
        planned: images that the run is to see.
    """
    media, recipe = origin.model.media, origin.recipe
    what = f"{media.width}×{media.height} {'clips' if media.kind == 'video' else 'pictures'}"
    return f"""# {recipe.name}, trained on {origin.data.name}

Draws {what} of {media.channels} channels. {_choice(origin, progress)}

| | |
|---|---|
| recipe | `{recipe.name}`, seed {recipe.seed} |
| data | {origin.data.name}, {origin.data.count:,} records, SHA-256 `{origin.data.sha256[:16]}…` |
| seen | {progress.images:,} of {planned:,} images, {progress.step:,} steps of {recipe.batch_size} |
| time | {clock_words(progress.seconds)} on {origin.device}, {_plural(origin.processes, "process", "processes")} |
| energy | {energy_words(progress.joules)} ({origin.energy}) |

```python
{_example(origin)}
```
{_own_words(origin)}
What it draws is synthetic, and the files that Diorama writes say so in their metadata.
"""


def _example(origin: Origin) -> str:
    """Python that draws from the model, with what it cannot do without."""
    imports, before, asked = ["import diorama"], [], []
    if origin.model.needs_label:
        asked.append('"label": "all"')
    for spec in origin.model.conditions:
        if given_picture([spec]) is not None:
            imports.append("import torch")
            before.append(f"given = torch.zeros(16, {', '.join(map(str, spec.shape))})  # your pictures, in [-1, 1]")
            asked.append(f'"{spec.key}": given')
    condition = f", condition={{{', '.join(asked)}}}" if asked else ""
    loaded = f'diorama.load("{origin.recipe.name}"{_catalog(origin)})'
    drawn = f"pictures = {loaded}.sample(16, seed=0{condition})  # the path of this folder"
    return "\n".join([*imports, "", *before, drawn])


def _catalog(origin: Origin) -> str:
    return f", catalog=({', '.join(origin.own)},)" if origin.own else ""


def _own_words(origin: Origin) -> str:
    if not origin.own:
        return ""
    names = ", ".join(f"`{name}`" for name in origin.own)
    return f"\nThe file of the recipe defines {names}: import from there, or name the file with `--with FILE.py`.\n"


def _choice(origin: Origin, progress: Progress) -> str:
    """Which model of the run this is, of how many, by what."""
    if progress.best is None:
        return "These are the run's last averaged weights; none of its models was measured."
    config, best = origin.recipe.evaluation, progress.best
    which = "this is the best" if best.step == progress.step else "this is not the best"
    metric = catalog_with(origin.catalog).find(config.metric)
    direction = f", {metric.entry.better} is better" if metric is not None else ""
    drawn, real = min(config.samples, best.result["samples"]), best.result["reference"]["count"]
    return (
        f"Of {_plural(progress.evaluations, 'model', 'models')} measured on the split `val` by {config.metric} "
        f"({drawn:,} samples each against {real:,} real records{direction}) {which}, "
        f"which has {best.result['value']:.4g} after {best.images:,} images."
    )


def _plural(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
