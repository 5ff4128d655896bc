"""Where the weights of a model folder or run lie."""

from __future__ import annotations

from pathlib import Path

from diorama.core.errors import BadInput
from diorama.core.files import sha256_of


def weights_of(path: Path) -> Path:
    """The weights file of a model folder or run.

    Raises:
        BadInput: there is none.
    """
    for folder in (path, path / "model"):
        if (folder / "model.safetensors").is_file():
            return folder / "model.safetensors"
    raise BadInput(f"{path}: is neither a model folder nor a run with a model (there is no model.safetensors)")


def hash_of_weights(path: Path | None) -> str | None:
    """Hex SHA-256 of the weights of a model folder or run, where there is one.

    Raises:
        BadInput: as :func:`weights_of`.
    """
    return None if path is None else sha256_of(weights_of(path))
