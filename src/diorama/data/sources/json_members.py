"""JSON of hundreds of megabytes, one element after another: a whole document takes several times its file in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from diorama.core.errors import BadInput

_SPACE = re.compile(r"[ \t\n\r]*")


def decoded(content: bytes, name: str) -> str:
    """The text of a JSON file, in any of Unicode's encodings.

    Raises:
        BadInput: it is none.
    """
    try:
        return content.decode(json.detect_encoding(content)).removeprefix("\ufeff")
    except UnicodeError as problem:
        raise BadInput(f"{name}: is not Unicode text ({problem})") from problem


def elements(text: str, name: str) -> Iterator[tuple[str, Any]]:
    """What the lists of a JSON object hold: the list's key and one element, in order. Other members are passed over.

    Args:
        text: the whole file.
        name: for messages.

    Raises:
        BadInput: broken, cut off, or nested too deeply; what came before has been yielded.
    """
    decoder = json.JSONDecoder()
    try:
        at = _expect(text, 0, "{")
        while text[at : at + 1] != "}":
            key, at = decoder.raw_decode(text, at)
            at = _expect(text, at, ":")
            if text[at : at + 1] == "[":
                at = _skip(text, at + 1)
                while text[at : at + 1] != "]":
                    element, at = decoder.raw_decode(text, at)
                    yield str(key), element
                    at = _next(text, at, "]")
                at = _skip(text, at + 1)
            else:
                _, at = decoder.raw_decode(text, at)
            at = _next(text, at, "}")
    except ValueError as problem:
        raise BadInput(f"{name}: is broken or cut off ({problem})") from problem
    except RecursionError as problem:
        raise BadInput(f"{name}: is nested too deeply") from problem


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None, "it matches nothing as well"
    return found.end()


def _expect(text: str, at: int, mark: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"{mark!r} is missing at letter {at:,} of {len(text):,}")
    return _skip(text, at + 1)


def _next(text: str, at: int, end: str) -> int:
    """Where the next member begins, or the end stands."""
    at = _skip(text, at)
    if text[at : at + 1] == end:
        return at
    at = _expect(text, at, ",")
    if text[at : at + 1] == end:
        raise ValueError(f"a comma before {end!r} at letter {at:,}")
    return at
