"""What ``gan_trainings.py`` measures beside the usual: each of a run, as cells of a table by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from enlarging import bicubic, by_model
from enlarging import measure as measure_enlarged
from inpainting import biharmonic, features, first, masks_for, splits_of
from inpainting import by_model as filler_of
from inpainting import measure as measure_filled

from diorama.core import runlog
from diorama.data.dataset import Dataset
from diorama.evaluation.intervals import mean_interval
from diorama.evaluation.protocol import in_words
from diorama.evaluation.run import EvaluateOptions, evaluate
from diorama.nn.similarity import psnr, ssim
from diorama.synthesis.conditions import NOTHING
from diorama.synthesis.gan import GANSynthesizer
from diorama.synthesis.store import load
from diorama.tasks.directions import StyleStatistics
from diorama.tasks.invert import Inversion, inverted
from diorama.tasks.latents import Styles


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A run that is to be measured.

    Args:
        run: its folder.
        data: what it was trained on.
        sources: the folder of all data sets.
        device: where it is measured.
        count: pictures, at most.
        images: that the run saw.
    """

    run: Path
    data: Dataset
    sources: Path
    device: str
    count: int
    images: int


Measure = Callable[[Trained], Mapping[str, str]]


def curve(run: Path, metric: str) -> list[tuple[int, Mapping[str, Any]]]:
    """Images seen and result of every measurement of a run, in order."""
    lines = (line for line in runlog.read(run / "log.jsonl") if line.get("kind") == "metric")
    return [(line["images"], each) for line in lines for each in line["results"] if each["metric"] == metric]


def before_last_growth(trained: Trained) -> Mapping[str, str]:
    """The last measurement before the last of two scales begins to fade in, at half of the run."""
    found = [in_words(each) for images, each in curve(trained.run, "fd@lite") if images <= 0.51 * trained.images]
    return {"fd@lite before the last scale": found[-1]} if found else {}


def inversion(trained: Trained) -> Mapping[str, str]:
    """PSNR of 20 held-out pictures that are drawn again from styles in W+; of generators with styles."""
    model = load(trained.run, device=trained.device)
    if not isinstance(model, GANSynthesizer) or not model.has_styles:
        return {}
    styles = Styles(model, NOTHING)
    statistics, how = StyleStatistics(styles), Inversion(steps=1000 if trained.count > 100 else 20)
    values = []
    for part in first(trained.data.split("test"), 20).to(trained.device).split(10):
        found = inverted(styles, statistics, part, 0, how, progress=lambda share: None)
        with torch.no_grad():
            values.append(psnr(model.of_styles(found.styles, found.noise).float().clamp(-1, 1), part).cpu())
    return {"inverted in W+, dB": with_interval(torch.cat(values))}


def untouched(trained: Trained) -> Mapping[str, str]:
    """How far the given pictures themselves lie from those of the other kind."""
    second = trained.data.second
    assert second is not None
    options = EvaluateOptions(metrics=("fd@lite",), subject_split="test", device=trained.device)
    (result,) = evaluate(trained.data.path, second.split("test"), options).results
    return {"untouched, fd@lite": f"{result.value:.2f} [{result.interval.low:.2f}, {result.interval.high:.2f}]"}


def mean_photograph(trained: Trained) -> Mapping[str, str]:
    """SSIM of the mean photograph of the training split with every held-out one."""
    train, test = (first(trained.data.split(name), 10_000) for name in ("train", "test"))
    return {"mean photograph, ssim": with_interval(ssim(train.mean(0, keepdim=True).expand_as(test), test))}


def enlarged(trained: Trained) -> Mapping[str, str]:
    """Set5, Set14 and BSD100, beside bicubic; see ``enlarging.py``."""
    most = min(100, trained.count)
    ways = {"bicubic": bicubic, "": by_model(trained.run, trained.device)}
    found = {name: measure_enlarged(way, trained.sources, most, trained.device) for name, way in ways.items()}
    return {
        f"{name} {key}".strip(): f"{value:.2f}" for name, numbers in found.items() for key, value in numbers.items()
    }


def filled(trained: Trained) -> Mapping[str, str]:
    """Holes of held-out pictures, beside biharmonic filling; see ``inpainting.py``."""
    held, train = splits_of(trained.data.path)
    pictures, others = first(held, trained.count), features(first(train, 4_000))
    masks = masks_for(pictures, 0)
    ways = {"biharmonic": biharmonic, "": filler_of(trained.run, tuple(pictures.shape[1:]), trained.device)}
    found = {name: measure_filled(way, pictures, masks, others) for name, way in ways.items()}
    return {f"{name} {key}".strip(): value for name, numbers in found.items() for key, value in numbers.items()}


def with_interval(values: torch.Tensor) -> str:
    """A mean and its interval."""
    found = mean_interval(values.double())
    return f"{float(np.mean(values.numpy())):.3f} [{found.low:.3f}, {found.high:.3f}]"


MEASURES: Mapping[str, Measure] = {
    measure.__name__: measure
    for measure in (before_last_growth, inversion, untouched, mean_photograph, enlarged, filled)
}
