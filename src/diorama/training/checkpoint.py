"""Resume states without pickle: tensors in safetensors, the rest in JSON, whole or absent.

Every process holds the same weights, so the first one's suffice and the number of processes may change between
save and resume.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from diorama.core import files
from diorama.core.errors import BadInput, TrainingFailed

FORMAT, FORMAT_WITHOUT_HASHES = 2, 1
TENSORS, REST = "state.safetensors", "state.json"


def write(folder: Path, state: Mapping[str, Any]) -> None:
    """Write a tree of mappings, sequences, numbers, text and tensors into an existing folder."""
    tensors: dict[str, Tensor] = {}
    tree = _flatten("", state, tensors)
    save_file(tensors, folder / TENSORS)
    _make_durable(folder / TENSORS)
    sums = {"tensors_sha256": files.sha256_of(folder / TENSORS), "state_sha256": _sum_of(tree)}
    files.write_json(folder / REST, {"format": FORMAT, "state": tree, **sums})


def read(folder: Path) -> Any:
    """The tree that :func:`write` wrote, on the CPU; tuples come back as lists.

    Raises:
        BadInput: a file is missing, damaged or of another format.
    """
    try:
        content = json.loads((folder / REST).read_text(encoding="utf-8"))
        if content["format"] not in (FORMAT, FORMAT_WITHOUT_HASHES):
            raise BadInput(f"{folder / REST}: format {content['format']}, this version reads {FORMAT}")
        if content["format"] == FORMAT:
            _verify(content, folder)
        return _restore(content["state"], load_file(folder / TENSORS))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as problem:
        raise BadInput(
            f"{folder}: this resume state is damaged ({problem}); remove the folder to continue from the one before"
        ) from problem


@contextmanager
def writing(what: str, consequence: str) -> Iterator[None]:
    """Turn a full or failing disk into an error that says what it means for the run.

    Raises:
        TrainingFailed: what could not be written, why, and the ``consequence``.
    """
    try:
        yield
    except (OSError, SafetensorError) as problem:
        # safetensors hides the system's error number in its message.
        full = getattr(problem, "errno", None) == errno.ENOSPC or "No space left" in str(problem)
        reason = "the disk is full" if full else getattr(problem, "strerror", None) or str(problem)
        raise TrainingFailed(f"{what} cannot be written: {reason}. {consequence}") from problem


def _sum_of(tree: Any) -> str:
    """Hex SHA-256 of the JSON of a tree, which is the same before it is written and after it is read."""
    return hashlib.sha256(json.dumps(tree).encode()).hexdigest()


def _verify(content: Mapping[str, Any], folder: Path) -> None:
    if content["state_sha256"] != _sum_of(content["state"]):
        raise ValueError(f"the hash of {REST} has changed")
    if content["tensors_sha256"] != files.sha256_of(folder / TENSORS):
        raise ValueError(f"the hash of {TENSORS} has changed")


def _make_durable(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flatten(path: str, value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON for a tree; its tensors move into ``tensors`` under their paths."""
    if isinstance(value, Tensor):
        if path in tensors:
            raise ValueError(f"two tensors of a resume state share the path {path!r}")
        # Tied weights share memory, which safetensors refuses to write.
        tensors[path] = value.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
        return {"tensor": path}
    if isinstance(value, Mapping):
        # Pairs keep the type of keys: optimizers number their parameters.
        return {"map": [[k, _flatten(f"{path}/{k}", v, tensors)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [_flatten(f"{path}/{i}", v, tensors) for i, v in enumerate(value)]}
    return {"value": value}


def _restore(node: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    ((kind, value),) = node.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "map":
        return {k: _restore(v, tensors) for k, v in value}
    if kind == "list":
        return [_restore(v, tensors) for v in value]
    return value
