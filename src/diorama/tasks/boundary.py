"""Directions that are learned from labels of samples.

Reference: Y. Shen, J. Gu, X. Tang, B. Zhou, "Interpreting the latent space of GANs for semantic face editing",
arXiv:1907.10786; Y. Shen, C. Yang, X. Tang, B. Zhou, arXiv:2005.09635, section 3.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diorama.core.errors import BadInput, WrongValue
from diorama.core.suggestions import did_you_mean, in_a_line
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.classifier import NoisyClassifier
from diorama.tasks.edit import AT_ONCE
from diorama.tasks.latents import Sample, Styles

LEAST = 10
"""Labelled samples on either side of a boundary."""
_HELD_OUT = 5
"""Every so-manieth sample tells how well the boundary serves."""
_SOFTNESS = 1.0
"""Weight of the squared hinges' mean beside half the squared length of the normal."""
_CLEAN = 1e-3
"""Time of a classifier of noisy pictures at which there is next to no noise."""
_FILE = re.compile(r"(\d{6,})\.\w+")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Samples and their labels.

    Args:
        samples: of the model.
        labels: one each.
    """

    samples: tuple[Sample, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """A plane between styles of samples with a label, and of those without.

    Args:
        normal: (style,) a unit vector that points to those with the label.
        positive: samples that have it.
        negative: samples that do not.
        accuracy: share of samples that were held out and lie on their side, the mean of both sides.
    """

    normal: Tensor
    positive: int
    negative: int
    accuracy: float


def read_labels(path: Path) -> Labelled:
    """Labels in a table with the columns ``sample`` and ``label``.

    A sample is a file that ``diorama sample`` wrote with seed 0, or its number, or SEED:NUMBER.

    Raises:
        BadInput: the file cannot be read, or a row names no sample; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(f"{path}: cannot be read as a table ({problem})") from problem
    rows = csv.DictReader(io.StringIO(text))
    if not {"sample", "label"} <= set(rows.fieldnames or ()):
        raise BadInput(
            f"{path}: has no columns sample and label; its first line names {in_a_line(rows.fieldnames or ())}"
        )
    samples, labels = [], []
    for row in rows:
        word = (row["sample"] or "").strip()
        file = _FILE.fullmatch(Path(word).name)
        seed, colon, number = ("0", ":", file[1]) if file else word.partition(":")
        seed, number = (seed, number) if colon else ("0", seed)
        if not seed.isdecimal() or not number.isdecimal():
            raise BadInput(f"{path}: line {rows.line_num}: {word!r} is no sample, such as 000012.png, 12 or 0:12")
        samples.append(Sample(int(seed), int(number)))
        labels.append((row["label"] or "").strip())
    return Labelled(samples=tuple(samples), labels=tuple(labels))


@torch.no_grad()
def labels_by(classifier: Synthesizer, styles: Styles, count: int, name: str) -> Labelled:
    """Samples 0 … count - 1 of seed 0, labelled by a classifier.

    Args:
        classifier: of pictures like those that the model draws.
        styles: of the model.
        count: samples.
        name: of the label that is wanted.

    Raises:
        BadInput: the model is no classifier of such pictures.
        WrongValue: it knows no such label.
    """
    media = styles.model.config.media
    if not isinstance(classifier, NoisyClassifier):
        raise BadInput(
            f"labels: needs a classifier (recipe adm_classifier) or a .csv file, and this is a {classifier.kind}"
        )
    config = classifier.config
    if (config.media.channels, config.media.height, config.media.width) != (media.channels, media.height, media.width):
        raise BadInput(f"labels: the classifier reads {config.media.in_words()}, the model draws {media.in_words()}")
    if name not in config.names:
        raise WrongValue(
            f"label.{name}{did_you_mean(name, config.names)}: the classifier knows {in_a_line(config.names)}"
        )
    level = config.process.at(torch.full((1,), _CLEAN, device=styles.model.device))
    labels: list[str] = []
    for first in range(0, count, AT_ONCE):
        few = min(AT_ONCE, count - first)
        condition = styles.given(range(first, first + few))
        x = styles.model.sample(few, seed=0, first=first, condition=condition)
        labels += [config.names[int(i)] for i in classifier.logits(level.alpha * x, level).argmax(dim=1)]
    return Labelled(samples=tuple(Sample(0, i) for i in range(count)), labels=tuple(labels))


def boundary(styles: Styles, labelled: Labelled, name: str) -> Boundary:
    """The plane that parts styles of samples with a label from others, with the widest margin: a linear support vector
    machine with squared hinges, in which both sides weigh the same.

    Args:
        styles: of the model.
        labelled: samples and labels.
        name: of the label.

    Raises:
        WrongValue: too few samples have the label, or too few have not.
    """
    sides = torch.tensor([1.0 if label == name else -1.0 for label in labelled.labels], dtype=torch.float64)
    positive, negative = int((sides > 0).sum()), int((sides < 0).sum())
    if min(positive, negative) < LEAST:
        known = in_a_line(sorted(set(labelled.labels)))
        raise WrongValue(
            f"label.{name}: {positive} of {len(sides)} samples have the label and {negative} have not; a boundary "
            f"needs {LEAST} of either, more are better (labels are {known})"
        )
    w = _styles_of(styles, labelled.samples)
    centre = w.mean(dim=0)
    x = (w - centre) / (w - centre).square().sum(dim=1).mean().sqrt().clamp(min=1e-12)
    held = torch.zeros(len(x), dtype=torch.bool)
    for side in (1, -1):
        held[torch.nonzero(sides == side).flatten()[::_HELD_OUT]] = True
    plane = _widest(x[~held], sides[~held])
    found = (x @ plane[:-1] + plane[-1]).sign() == sides
    accuracy = sum(float(found[held & (sides == side)].double().mean()) for side in (1, -1)) / 2
    normal = plane[:-1] / plane[:-1].norm().clamp(min=1e-12)
    return Boundary(normal=normal, positive=positive, negative=negative, accuracy=accuracy)


@torch.no_grad()
def _styles_of(styles: Styles, samples: Sequence[Sample]) -> Tensor:
    """(n, style) without truncation, which moves all of them alike."""
    z = torch.cat([styles.gan.latents(1, seed=each.seed, first=each.index) for each in samples])
    return styles.untruncated(z, [each.index for each in samples]).double().cpu()


def _widest(x: Tensor, sides: Tensor) -> Tensor:
    """The plane (style + 1,), its normal and then its offset."""
    weights = torch.where(sides > 0, 0.5 / (sides > 0).sum(), 0.5 / (sides < 0).sum()) * len(sides)
    plane = torch.zeros(x.shape[1] + 1, dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([plane], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        short = (1 - sides * (x @ plane[:-1] + plane[-1])).clamp(min=0)
        value = plane[:-1].square().sum() / (2 * len(x)) + _SOFTNESS * (weights * short.square()).mean()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    return plane.detach()
