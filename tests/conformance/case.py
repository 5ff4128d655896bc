"""A golden case: one file of weights, inputs and outputs that an official implementation computed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from tests.conformance.philox import philox_weights

_TOLERANCE = re.compile(r"([0-9.e+-]+) \* max\|reference\| \+ ([0-9.e+-]+)")


@dataclass(frozen=True)
class Case:
    """What the header of a golden file says; tensors are read when asked for.

    Args:
        path: the file.
        kind: the class of the official implementation, as the metadata names it.
        config: its constructor's arguments.
        call: how it was called, in words and formulas; some name the analytic network that they use here alone.
        names: of all tensors, ``weights/…``, ``input/…`` and ``output/…``.
        relative: allowed error of an output, as a share of the largest reference value.
        absolute: added to it.
    """

    path: Path
    kind: str
    config: Mapping[str, Any]
    call: str
    names: tuple[str, ...]
    relative: float
    absolute: float

    @property
    def stem(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @property
    def weights(self) -> dict[str, Tensor]:
        """The published state dict; where none is stored, it is filled by the Philox rule."""
        stored = self._tensors("weights/")
        return stored or philox_weights(self.config)

    @property
    def inputs(self) -> dict[str, Tensor]:
        """Input tensors by name; a lone ``none`` stands for no input at all."""
        found = self._tensors("input/")
        return {} if list(found) == ["none"] else found

    @property
    def outputs(self) -> dict[str, Tensor]:
        """Reference outputs by name; empty where they have been removed."""
        return self._tensors("output/")

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs; where they have been removed, those that ``twins.json`` lists."""
        named = tuple(name.removeprefix("output/") for name in self.names if name.startswith("output/"))
        if named:
            return named
        twins = json.loads((golden_folder() / "twins.json").read_text())
        return tuple(twins.get(self.stem, {}).get("outputs", ()))

    def _tensors(self, prefix: str) -> dict[str, Tensor]:
        with safe_open(self.path, framework="pt") as file:
            return {n.removeprefix(prefix): file.get_tensor(n) for n in self.names if n.startswith(prefix)}


def read_case(path: Path) -> Case:
    """Read the header of a golden file.

    Raises:
        ValueError: it is no safetensors file, or its metadata has no class.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata, names = file.metadata() or {}, tuple(file.keys())
    except (OSError, SafetensorError) as problem:
        raise ValueError(f"{path.name} is no safetensors file: {problem}") from problem
    if "class" not in metadata:
        raise ValueError(f"{path.name}: the metadata names no class")
    found = _TOLERANCE.match(metadata.get("tolerance", "1e-4 * max|reference| + 1e-6"))
    if found is None:
        raise ValueError(f"{path.name}: cannot read the tolerance {metadata['tolerance']!r}")
    return Case(
        path=path,
        kind=metadata["class"],
        config=json.loads(metadata.get("config", "{}")),
        call=metadata.get("call", ""),
        names=names,
        relative=float(found[1]),
        absolute=float(found[2]),
    )


def golden_folder() -> Path:
    """``DIORAMA_GOLDEN``, by default ``../shared/conformance`` beside the checkout."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "conformance"
    return Path(os.environ.get("DIORAMA_GOLDEN", beside))


def golden_files(folder: Path) -> list[Path]:
    """The golden files of a folder, in the order of their names."""
    return sorted(folder.glob("*.safetensors"))
