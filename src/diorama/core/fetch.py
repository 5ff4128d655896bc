"""Files that are fetched once, verified, and kept in a cache."""

from __future__ import annotations

import os
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
        prefix: the first hex digits of its SHA-256, by which it is known.
        about: what it is, for messages.
    """

    url: str
    name: str
    prefix: str
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
    place = (folder or cache_folder() / "weights") / file.name
    by_hand = f"download {file.url} yourself and put it at {place}"
    if place.is_file():
        digest = sha256_of(place)
        if not digest.startswith(file.prefix):
            raise BadInput(
                f"{place}: is not {file.about} (its SHA-256 begins {digest[:8]}, not {file.prefix}); {by_hand}"
            )
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fetching-") as aside:
            arrived = Path(aside) / file.name
            _download(file.url, arrived, seconds)
            digest = sha256_of(arrived)
            if not digest.startswith(file.prefix):
                raise BadInput(
                    f"{file.url}: gave another file than {file.about} "
                    f"(SHA-256 {digest[:8]}…, expected {file.prefix}…); try again, or {by_hand}"
                )
            os.replace(arrived, place)
    except (OSError, ValueError) as problem:
        reason = problem.reason if isinstance(problem, urllib.error.URLError) else problem
        raise BadInput(f"{file.about} cannot be fetched ({reason}); {by_hand}") from problem
    return place


def _download(url: str, to: Path, seconds: float) -> None:
    with urllib.request.urlopen(url, timeout=seconds) as answer, to.open("wb") as out:
        while piece := answer.read(_PIECE):
            out.write(piece)
