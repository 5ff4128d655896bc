"""From an archive's name to its reader."""

from __future__ import annotations

from pathlib import Path

from diorama.data.sources.entries import Container
from diorama.data.sources.names import ZIPS
from diorama.data.sources.tars import TarContainer
from diorama.data.sources.zips import ZipContainer


def open_archive(path: Path) -> Container:
    """The zip or tar at ``path``; its content is looked at only when its entries are asked for."""
    return ZipContainer(path) if path.name.lower().endswith(ZIPS) else TarContainer(path)
