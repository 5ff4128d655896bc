"""Directions in which the styles of a generator are moved: computed of its weights or its styles, or read of a file.

Reference: Y. Shen, B. Zhou, "Closed-form factorization of latent semantics in GANs", arXiv:2007.06600, equation 8.
E. Härkönen, A. Hertzmann, J. Lehtinen, S. Paris, "GANSpace: discovering interpretable GAN controls", arXiv:2004.02546,
section 2.1.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save as to_bytes
from torch import Tensor

from diorama.core.errors import BadConfig, BadInput, WrongValue
from diorama.core.files import write_bytes
from diorama.core.suggestions import did_you_mean
from diorama.media.array import read_array
from diorama.synthesis.sample_place import writing
from diorama.tasks.latents import Styles

SUFFIXES = (".npy", ".safetensors")
"""Of files that hold a direction."""

_SAMPLES, _SEED = 8192, (1 << 64) - 2
"""Latent vectors, always the same, whose styles are looked at."""
_AT_ONCE = 1024
_WORD = re.compile(r"(sefa|pca)\.(\d+)|label\.(.+)")
_KINDS = ("sefa.N", "pca.N", "label.NAME", *(f"FILE{suffix}" for suffix in SUFFIXES))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A direction and how far to go.

    Args:
        word: as it was asked for, without the amounts.
        kind: ``sefa``, ``pca``, ``label`` or ``file``.
        number: of ``sefa`` and ``pca``, the strongest being 0.
        amounts: one edit for each.
    """

    word: str
    kind: Literal["sefa", "pca", "label", "file"]
    number: int
    amounts: tuple[float, ...]

    @property
    def name(self) -> str:
        """Of ``label``, which."""
        return self.word.removeprefix("label.")


def asked_in(words: str) -> Asked:
    """What ``DIRECTION:AMOUNT`` or ``DIRECTION:AMOUNT,AMOUNT,…`` asks for.

    Raises:
        BadConfig: there is no such kind of direction, or no amount.
    """
    word, colon, tail = words.rpartition(":")
    try:
        amounts = tuple(float(part) for part in tail.split(","))
    except ValueError:
        amounts = ()
    if not colon or not word or not amounts or not all(map(math.isfinite, amounts)):
        raise BadConfig(f"{words!r} is no DIRECTION:AMOUNT, such as sefa.0:2 or pca.1:-3,0,3")
    if word.lower().endswith(SUFFIXES):
        return Asked(word=word, kind="file", number=0, amounts=amounts)
    match = _WORD.fullmatch(word)
    if match is None:
        near = did_you_mean(word.partition(".")[0], ("sefa", "pca", "label"))
        raise BadConfig(f"{word!r}{near}: there is no such direction; there are {', '.join(_KINDS)}")
    if match[3] is not None:
        return Asked(word=word, kind="label", number=0, amounts=amounts)
    return Asked(word=word, kind="sefa" if match[1] == "sefa" else "pca", number=int(match[2]), amounts=amounts)


def factors(readers: Sequence[Tensor]) -> Tensor:
    """Unit vectors (style, style) that change what reads a style the most, in that order.

    They are the eigenvectors of AᵀA, A being the weights of all affine maps that read styles, below one another.

    Args:
        readers: weights (outputs, style).

    Reference: arXiv:2007.06600, equation 8.
    """
    weights = torch.cat([weight.detach().double().cpu() for weight in readers])
    return _by_size(weights.T @ weights)


class StyleStatistics:
    """Mean and covariance of a generator's styles, without truncation.

    Args:
        styles: of the model, with what its samples are given.
    """

    @torch.no_grad()
    def __init__(self, styles: Styles) -> None:
        rows = []
        for first in range(0, _SAMPLES, _AT_ONCE):
            z = styles.gan.latents(_AT_ONCE, seed=_SEED, first=first)
            rows.append(styles.untruncated(z, range(first, first + _AT_ONCE)).double().cpu())
        w = torch.cat(rows)
        self.mean, self.covariance = w.mean(dim=0), torch.cov(w.T)

    @property
    def spread(self) -> float:
        """Root of the mean squared distance of styles from their mean."""
        return float(self.covariance.trace().sqrt())

    def deviation(self, direction: Tensor) -> float:
        """Standard deviation of styles along a unit vector (style,)."""
        return float((direction @ self.covariance @ direction).clamp(min=0).sqrt())

    def principal(self) -> Tensor:
        """Unit vectors (style, style) along which styles vary the most, in that order.

        Reference: arXiv:2004.02546, section 2.1.
        """
        return _by_size(self.covariance)


def _by_size(matrix: Tensor) -> Tensor:
    """Eigenvectors as rows, of the largest eigenvalue first; the largest value of each is positive."""
    vectors = torch.linalg.eigh(matrix)[1].T.flip(0)
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return vectors * largest.sign()


def one_of(vectors: Tensor, asked: Asked) -> Tensor:
    """The vector (style,) of a number.

    Raises:
        BadConfig: there are fewer.
    """
    if asked.number >= len(vectors):
        last = f"{asked.kind}.{len(vectors) - 1}"
        raise BadConfig(f"along {asked.word}: styles have {len(vectors)} values, so there are {asked.kind}.0 … {last}")
    return vectors[asked.number]


def layers_named(words: str | None, count: int) -> range:
    """Layers by ``A-B`` or ``A``, of so many, the coarsest being 0.

    Raises:
        BadConfig: there are no such layers.
    """
    if words is None:
        return range(count)
    first, dash, last = words.partition("-")
    if not first.isdecimal() or not (last.isdecimal() or not dash):
        raise BadConfig(f"layers: {words!r} is no range such as 0-3")
    found = range(int(first), int(last or first) + 1)
    if not found or found.stop > count:
        raise BadConfig(f"layers: {words} are none of the {count} layers of this generator, 0-{count - 1}")
    return found


def at_layers(vector: Tensor, layers: range, count: int) -> Tensor:
    """A vector (style,) or (count, style) at some layers alone, (count, style)."""
    whole = torch.zeros(count, vector.shape[-1], dtype=torch.float32)
    whole[layers.start : layers.stop] = vector.float().expand(count, -1)[layers.start : layers.stop]
    return whole


def read_direction(path: Path, count: int, style: int) -> Tensor:
    """A direction in a file: (style,), or (count, style) with a row for each layer.

    Raises:
        BadInput: it cannot be read, or is for another generator.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror})") from problem
    if path.suffix.lower() == ".npy":
        array = read_array(content, str(path))
        vector = torch.from_numpy(np.array(array, np.float32)) if array.dtype.kind in "iuf" else torch.zeros(0)
    else:
        try:
            tensors = tensors_of(content)
        except SafetensorError as problem:
            raise BadInput(f"{path}: is no whole safetensors file ({problem})") from problem
        if len(tensors) != 1:
            raise BadInput(f"{path}: holds {len(tensors)} tensors, and a direction is one")
        vector = next(iter(tensors.values())).float()
    shape = tuple(vector.shape)
    while vector.dim() > 1 and len(vector) == 1:
        vector = vector[0]
    if tuple(vector.shape) not in ((style,), (count, style)):
        raise BadInput(f"{path}: holds numbers of shape {shape}, and this model wants {(style,)} or {(count, style)}")
    if not bool(vector.isfinite().all()) or not bool(vector.any()):
        raise BadInput(f"{path}: holds values that are not finite, or zeros alone")
    return vector


def check_direction_file(path: Path) -> None:
    """See that a path is for a direction.

    Raises:
        WrongValue: its suffix is none of :data:`SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise WrongValue(f"{path}: a direction is saved as {' or '.join(SUFFIXES)}")


def save_direction(path: Path, vector: Tensor) -> None:
    """Write a direction (count, style) so that :func:`read_direction` reads it.

    Raises:
        BadInput: it cannot be written.
    """
    buffer = io.BytesIO()
    if path.suffix.lower() == ".npy":
        np.save(buffer, vector.numpy(), allow_pickle=False)
    content = buffer.getvalue() or to_bytes({"direction": vector.contiguous()})
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)
