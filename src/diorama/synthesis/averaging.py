"""Averages of weights whose width is chosen after training, made of snapshots of others.

Reference: T. Karras, M. Aittala, J. Lehtinen, J. Hellsten, T. Aila, S. Laine, arXiv:2312.02696, section 3.2 and
appendix C.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from torch import Tensor

from diorama.core.errors import BadInput

Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A weighting of the weights of a run by a power of the images that they had seen.

    Args:
        images: at its end.
        std: standard deviation, as a share of ``images``.
    """

    images: int
    std: float

    def __post_init__(self) -> None:
        if self.images < 1:
            raise ValueError(f"images must be at least 1, got {self.images}")
        if not 0 < self.std <= 12**-0.5:
            raise ValueError(f"std must be above 0 and at most {12**-0.5:.3f}, got {self.std}")


def gamma_of(std: float) -> float:
    """The exponent of the power function whose standard deviation is ``std`` of the length of training.

    Reference: T. Karras et al., arXiv:2312.02696, equation 126 and algorithm 2, the inverse of equation 123:
    std² = (gamma + 1) / ((gamma + 2)² (gamma + 3)).
    """
    # Cleared of its fractions, equation 123 is a cubic in gamma; of its real roots the largest is the profile.
    squared = std**-2
    return float(np.roots([1.0, 7.0, 16.0 - squared, 12.0 - squared]).real.max())


def products(rows: Sequence[Profile], columns: Sequence[Profile]) -> Numbers:
    """Inner products of profiles, (rows, columns) float64: algorithm 3 of the paper."""
    first, second = (np.array([p.images for p in ps], dtype=np.float64) for ps in (rows, columns))
    a, b = (np.array([gamma_of(p.std) for p in ps], dtype=np.float64) for ps in (rows, columns))
    (first, a), (second, b) = (first[:, None], a[:, None]), (second[None], b[None])
    # Both end with the earlier; what the later weighs there falls with its own power.
    shrunk = (first / second) ** np.where(first < second, b, -a)
    found = (a + 1) * (b + 1) * shrunk / ((a + b + 1) * np.maximum(first, second))
    return np.asarray(found, dtype=np.float64)


def coefficients(snapshots: Sequence[Profile], wanted: Sequence[Profile]) -> Numbers:
    """What each snapshot counts in averages that come nearest to the wanted ones: (snapshots, wanted).

    Columns sum to 1.

    Raises:
        BadInput: two snapshots have one profile, so that neither can be told from the other.

    Reference: algorithm 3 of the paper.
    """
    try:
        found = np.linalg.solve(products(snapshots, snapshots), products(snapshots, wanted))
    except np.linalg.LinAlgError as problem:
        raise BadInput("two snapshots have the same images and the same std; leave one of them out") from problem
    return np.asarray(found / found.sum(axis=0), dtype=np.float64)


def mismatch(snapshots: Sequence[Profile], wanted: Profile, shares: Numbers) -> float:
    """How far the profile that the snapshots make is from the wanted one, relative to the wanted one's length."""
    own = products([wanted], [wanted]).item()
    both = products(snapshots, [wanted])[:, 0]
    square = own - 2 * float(shares @ both) + float(shares @ products(snapshots, snapshots) @ shares)
    return math.sqrt(max(square, 0.0) / own)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """An average as it stood, in a file.

    Args:
        path: the file.
        profile: what it is an average by.
    """

    path: Path
    profile: Profile


def snapshots_in(folder: Path) -> list[Snapshot]:
    """The snapshots of all averages of a run, ``folder/NAME/IMAGES.safetensors``, in the order of their images.

    Raises:
        BadInput: a file is broken, or no snapshot.
    """
    found = []
    for path in sorted(folder.glob("*/*.safetensors")):
        try:
            with safe_open(path, framework="pt") as file:
                about = json.loads((file.metadata() or {})["average"])
            found.append(Snapshot(path=path, profile=Profile(images=about["images"], std=about["std"])))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as problem:
            raise BadInput(f"{path}: is no snapshot of an average ({problem})") from problem
    return sorted(found, key=lambda snapshot: (snapshot.profile.images, snapshot.profile.std))


def combined(snapshots: Sequence[Snapshot], shares: Numbers) -> dict[str, Tensor]:
    """The weighted sum of snapshots, float32; integers are those of the last.

    Raises:
        BadInput: the snapshots hold different tensors.
    """
    total: dict[str, Tensor] = {}
    for snapshot, share in zip(snapshots, shares.tolist(), strict=True):
        tensors = _tensors(snapshot.path)
        if total and (tensors.keys() != total.keys() or any(t.shape != total[n].shape for n, t in tensors.items())):
            raise BadInput(f"{snapshot.path}: holds other tensors than {snapshots[0].path}")
        for name, tensor in tensors.items():
            if not tensor.is_floating_point():
                total[name] = tensor
            elif name in total:
                total[name].add_(tensor.float(), alpha=share)
            else:
                total[name] = tensor.float() * share
    return total


def _tensors(path: Path) -> Mapping[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def checked_state(state: Mapping[str, Tensor], averaged: Mapping[str, Tensor], where: Path) -> dict[str, Tensor]:
    """A model's tensors with averaged ones in their places and types.

    Raises:
        BadInput: one is none of the model's, or of another shape.
    """
    for name, tensor in averaged.items():
        if name not in state or state[name].shape != tensor.shape:
            raise BadInput(f"{where}: tensor {name!r} is none of the run's model")
    return {name: averaged[name].to(t.dtype) if name in averaged else t for name, t in state.items()}
