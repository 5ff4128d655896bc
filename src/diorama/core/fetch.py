"""Files that are fetched once, verified, and kept in a cache."""

from __future__ import annotations

import os
import shutil
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.core.files import cache_folder, sha256_of

_PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Published:
    """A file that someone published under a fixed address.

    Args:
        url: where.
        name: of the file in the cache.
        sha256: hex digest of the whole file, by which it is known.
        size: bytes; a server that sends more is not listened to.
        about: what it is, for messages.
    """

    url: str
    name: str
    sha256: str
    size: int
    about: str


def fetch(file: Published, folder: Path | None = None, *, seconds: float = 30.0) -> Path:
    """The file's path in the cache; downloaded first if it is not there.

    Args:
        file: what to have.
        folder: the cache; ``None`` for ``weights`` in the user's cache folder.
        seconds: without an answer after which the download is given up.

    Raises:
        BadInput: it cannot be downloaded, or what lies there is another file; the message gives the address and
            where to put the file by hand.
    """
    place = place_of(file, folder)
    by_hand = f"download {file.url} yourself and put it at {place}"
    if place.is_file():
        digest = sha256_of(place)
        if digest != file.sha256:
            raise BadInput(f"{place}: is not {file.about} (its SHA-256 is {digest}, not {file.sha256}); {by_hand}")
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fetching-") as aside:
            arrived = Path(aside) / file.name
            _download(file, arrived, seconds)
            digest = sha256_of(arrived)
            if digest != file.sha256:
                raise BadInput(
                    f"{file.url}: gave another file than {file.about} "
                    f"(SHA-256 {digest}, expected {file.sha256}); try again, or {by_hand}"
                )
            os.replace(arrived, place)
    except (OSError, ValueError) as problem:
        reason = problem.reason if isinstance(problem, urllib.error.URLError) else problem
        raise BadInput(f"{file.about} cannot be fetched ({reason}); {by_hand}") from problem
    return place


def keep(file: Published, source: Path, folder: Path | None = None) -> Path:
    """Copy a published file that lies elsewhere into the cache; returns its place there.

    Args:
        file: what it shall be.
        source: where it lies.
        folder: as of :func:`fetch`.

    Raises:
        BadInput: it is another file.
    """
    place = place_of(file, folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".keeping-") as aside:
        copied = Path(shutil.copy(source, aside))
        digest = sha256_of(copied)
        if digest != file.sha256:
            raise BadInput(
                f"{source}: is not {file.about} (its SHA-256 is {digest}, not {file.sha256}); numbers that it gives "
                "could not be compared with others"
            )
        os.replace(copied, place)
    return place


def place_of(file: Published, folder: Path | None = None) -> Path:
    """Where a published file lies, or would lie, in the cache; ``None`` for the user's own."""
    return (folder or cache_folder() / "weights") / file.name


def _download(file: Published, to: Path, seconds: float) -> None:
    left = file.size
    with urllib.request.urlopen(file.url, timeout=seconds) as answer, to.open("wb") as out:
        # One byte more than the file has, so that a longer answer ends as another file, and not on a full disk.
        while left >= 0 and (piece := answer.read(min(_PIECE, left + 1))):
            left -= len(piece)
            out.write(piece)
