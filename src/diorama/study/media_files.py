"""The files of a study as a browser gets them: the same headers for each, parts where a player asks for them."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from starlette.responses import Response

from diorama.study.collection import media_path
from diorama.study.sessions import Refused
from diorama.study.versions import Version

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_KEPT, _KEPT_BYTES = 256, 1 << 28
"""Files that are kept in memory, and how much of it they may take."""


class MediaFiles:
    """Pictures or clips of a study's folder.

    Args:
        folder: of the study.
        each: bytes of a file; those of a study have one length.
    """

    def __init__(self, folder: Path, each: int) -> None:
        self._folder = folder
        self._read = lru_cache(maxsize=min(_KEPT, _KEPT_BYTES // max(1, each)))(Path.read_bytes)

    def is_there(self, version: Version, place: int) -> bool:
        """Whether a medium can be shown: its file is there, whole."""
        path = media_path(self._folder, version.collection.media[place])
        try:
            return path.stat().st_size == version.collection.bytes
        except OSError:
            return False

    def missing(self, version: Version) -> list[int]:
        """Places of the media that cannot be shown."""
        return [place for place in range(len(version.collection.media)) if not self.is_there(version, place)]

    def response(self, version: Version, place: int, asked: str | None) -> Response:
        """A file, or the part of it that a player asks for.

        The headers tell nothing but the type: no name, time or hash of the file, and all are of one length.

        Args:
            version: of the study.
            place: among its media.
            asked: the request's ``Range``.

        Raises:
            Refused: the file is gone.
        """
        collection = version.collection
        try:
            content = self._read(media_path(self._folder, collection.media[place]))
        except OSError as problem:
            raise Refused(410, "This picture can no longer be shown.") from problem
        # To one rater an address means the same picture for ever.
        headers = {"Cache-Control": "private, max-age=86400, immutable", "Accept-Ranges": "bytes"}
        part = _part(asked, len(content))
        if part is None:
            return Response(content, media_type=collection.content_type, headers=headers)
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
        return Response(content[part.start : part.stop], 206, headers, collection.content_type)


def _part(asked: str | None, length: int) -> range | None:
    """The one part that a ``Range`` asks for; ``None`` for the whole, and for what cannot be understood.

    Reference: RFC 9110, section 14.
    """
    found = _RANGE.fullmatch(asked or "")
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return range(max(0, length - int(found[2])), length) if int(found[2]) else None
    start, end = int(found[1]), int(found[2]) if found[2] else length - 1
    return range(start, min(end + 1, length)) if start <= end and start < length else None
