"""The file that the page reads and writes, and what of it writing would lose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.core.files import write_text
from diorama.study.collection import LIST, read_collection
from diorama.study.design import FILE, design_of, parsed, read_bytes
from diorama.study.draft import Draft, draft_of, draft_to_toml

_MOST_NAMED = 6
"""Lines that are named one by one."""
# Strings come first, so that no mark within one is taken for a comment's.
_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'|(#[^\n]*)", re.DOTALL
)


@dataclass(frozen=True)
class DesignFile:
    """A file that holds a design, or will.

    Args:
        path: of the file.
        made: the systems of the study in whose folder it lies; empty where none was made of it yet.
    """

    path: Path
    made: tuple[str, ...] = ()

    def content(self) -> bytes:
        """What the file holds; nothing where it is not there.

        Raises:
            BadInput: it cannot be read, or is larger than any design.
        """
        return read_bytes(self.path) if self.path.exists() else b""

    def draft(self, content: bytes) -> Draft | None:
        """The draft that the file's content stands for; ``None`` of no content.

        Raises:
            BadInput: it is no design.
        """
        if not content:
            return None
        values = parsed(content, self.path)
        return Draft(design_of(values, str(self.path))) if self.made else draft_of(values, str(self.path))

    def write(self, draft: Draft) -> None:
        """Write a draft, whole or not at all."""
        write_text(self.path, draft_to_toml(draft))


def file_of(where: Path) -> DesignFile:
    """The file that is meant by a path: the path itself, or ``study.toml`` of a study's folder.

    Raises:
        BadInput: it is a folder of no study.
    """
    if not where.is_dir():
        return DesignFile(where)
    if not (where / LIST).is_file():
        raise BadInput(f"{where}: is the folder of no study; name a file, such as {where / FILE}")
    return DesignFile(where / FILE, read_collection(where).systems)


def mark_of(content: bytes) -> str:
    """By which it is known whether a file still holds what the page showed."""
    return sha256(content).hexdigest()


def comments_of(content: bytes) -> tuple[int, ...]:
    """Lines with a comment, from 1 on.

    Args:
        content: of a file that is TOML.
    """
    text = content.decode()
    return tuple(text.count("\n", 0, one.start()) + 1 for one in _COMMENT.finditer(text) if one[1] is not None)


def in_words(lines: tuple[int, ...]) -> str:
    """Which lines, in words; of many only the first are named."""
    named = ", ".join(map(str, lines[:_MOST_NAMED]))
    more = f" and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
    return f"{'line' if len(lines) == 1 else 'lines'} {named}{more}"
