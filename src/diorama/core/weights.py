"""Published weights that are not fetched: looked for where they are at hand, and known by their hash."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.core.files import cache_folder, sha256_of


@dataclass(frozen=True, kw_only=True)
class OwnFile:
    """A file that the user brings.

    Args:
        url: where it is to be had.
        name: of the file, possibly with a folder before it: ``lpips/alex.pth``.
        sha256: hex digest of the file, or the digits that it begins with where the publisher tells no more.
        about: what it is, for messages.
    """

    url: str
    name: str
    sha256: str
    about: str


def find(file: OwnFile, folder: Path | None = None) -> Path:
    """Where a file lies: in ``folder``, the cache's ``weights``, ``DIORAMA_DATA`` or PyTorch's own cache of weights.

    Args:
        file: which.
        folder: that the user names, which is looked into first.

    Raises:
        BadInput: it is nowhere, or what bears its name is another file.
    """
    home = cache_folder() / "weights"
    for place in (each / file.name for each in (*([] if folder is None else [folder]), home, *_others())):
        if place.is_file():
            digest = sha256_of(place)
            if not digest.startswith(file.sha256):
                raise BadInput(
                    f"{place}: is not {file.about} (its SHA-256 is {digest}, which should "
                    f"{'be' if len(file.sha256) == 64 else 'begin with'} {file.sha256})"
                )
            return place
    raise BadInput(f"{file.about} is not at hand: download {file.url} and put it at {(folder or home) / file.name}")


def _others() -> list[Path]:
    named = [Path(data) for data in (os.environ.get("DIORAMA_DATA"),) if data]
    hub = Path(os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch") / "hub" / "checkpoints"
    return [*named, hub]
