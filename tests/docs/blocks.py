"""The fenced blocks of a Markdown page, and the commands of the bash ones."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(?P<language>[\w-]+)(?P<rest>[^\n]*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
RUN = ("bash", "sh", "python", "toml")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        language: after the fence.
        title: of a block that is a file; empty otherwise.
        text: between the fences.
        line: of the page, for messages.
    """

    language: str
    title: str
    text: str
    line: int

    @property
    def is_file(self) -> bool:
        """Whether the block is a file to be saved under its title."""
        return self.title.endswith({"python": ".py", "toml": ".toml"}.get(self.language, "…"))

    def commands(self) -> list[list[str]]:
        """The words of every command: comments are dropped, lines that end in a backslash joined."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def blocks_of(page: Path) -> list[Block]:
    """Blocks of the languages that are run, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        title = _TITLE.search(match["rest"])
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match["language"], title[1] if title else "", match["text"], line))
    return [block for block in found if block.language in RUN]
