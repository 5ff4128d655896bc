"""The block of YAML at the head of a Markdown file, by which hubs of models and data find their way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_/-]*(?:[.<][A-Za-z0-9<]+)*")
_NOT_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))
"""What readers of YAML take for something else than text."""


def front_matter(values: Mapping[str, Any]) -> str:
    """Mappings, lists, text, numbers and truth values as YAML between two lines of dashes.

    Text that is not plain stands in double quotes with escapes, so that nothing in it can end the line or the block.
    """
    return "\n".join(["---", *_members(values, ""), "---", ""])


def _members(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in values.items():
        name = f"{indent}{_scalar(key)}:"
        if isinstance(value, Mapping):
            yield name
            yield from _members(value, f"{indent}  ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield name if value else f"{name} []"
            for one in value:
                yield from _element(one, indent)
        else:
            yield f"{name} {_scalar(value)}"


def _element(value: Any, indent: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{indent}- {_scalar(value)}"
        return
    for number, line in enumerate(_members(value, f"{indent}  ")):
        yield f"{indent}- {line.removeprefix(f'{indent}  ')}" if number == 0 else line


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _NOT_WORDS:
        return str(value)
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
