"""Running golden cases: from a class to its adapter, from outputs to errors, from errors to a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import torch
from torch import Tensor

from tests.conformance.case import Case

Compute = Callable[[Case], Mapping[str, Tensor]]
"""Builds from ``case.config``, imports ``case.weights``, feeds ``case.inputs``; returns the outputs by name."""


@dataclass(frozen=True)
class Adapter:
    """How the cases of one official class are computed with Diorama.

    Args:
        system: what the table calls it.
        compute: from a case to its outputs.
    """

    system: str
    compute: Compute


class Mismatch(AssertionError):
    """An output that is missing, misshapen or further from the reference than its tolerance."""


def relative_error(case: Case, outputs: Mapping[str, Tensor]) -> float:
    """The worst error of a case, relative to the largest reference value of its tensor.

    Raises:
        Mismatch: an output is missing or unknown, has another shape, or exceeds the case's tolerance.
    """
    reference = case.outputs
    if set(outputs) != set(reference):
        raise Mismatch(f"{case.stem}: outputs are {sorted(outputs)}, the reference has {sorted(reference)}")
    worst = 0.0
    for name, expected in reference.items():
        found = outputs[name]
        if found.shape != expected.shape:
            raise Mismatch(f"{case.stem}: {name} has shape {tuple(found.shape)}, not {tuple(expected.shape)}")
        if expected.numel() == 0:
            continue
        wide = torch.complex128 if expected.is_complex() else torch.float64
        error = (found.to(wide) - expected.to(wide)).abs().max().item()
        largest = expected.to(wide).abs().max().item()
        if not error <= case.relative * largest + case.absolute:
            raise Mismatch(f"{case.stem}: {name} is off by {error:.3g}, its largest value is {largest:.3g}")
        worst = max(worst, error / largest if largest else error)
    return worst


def read_pending(path: Path) -> dict[str, str]:
    """Globs of stems that are not reached yet, each with the reason."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return {glob: reason.strip() for glob, _, reason in (x.partition(" ") for x in lines if x and x[0] != "#")}


def pending_reason(stem: str, pending: Mapping[str, str]) -> str | None:
    """Why a case is not reached yet, or ``None`` when it must pass."""
    return next((reason for glob, reason in pending.items() if fnmatch(stem, glob)), None)


def table(rows: Iterable[tuple[str, float]]) -> str:
    """Markdown table of (system, relative error) of passed cases: system, cases, worst relative error."""
    grouped: dict[str, list[float]] = {}
    for system, error in rows:
        grouped.setdefault(system, []).append(error)
    lines = ["| system | cases | worst relative error |", "|---|---|---|"]
    lines += [f"| {system} | {len(errors)} | {max(errors):.1e} |" for system, errors in sorted(grouped.items())]
    return "\n".join(lines)
