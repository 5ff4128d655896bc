"""From a path to the source that reads it."""

from __future__ import annotations

from pathlib import Path

from diorama.data.sources.base import Source, SourceOptions

DEFAULT_OPTIONS = SourceOptions()


def open_source(path: str | Path, options: SourceOptions = DEFAULT_OPTIONS) -> Source:
    """The source at ``path``: a folder, a zip or tar, a video file, an array file."""
    ...
