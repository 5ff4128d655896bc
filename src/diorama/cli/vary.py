"""``diorama vary``: draw other pictures like given ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diorama.cli.arguments import parse
from diorama.cli.editing import EditArguments, EditInput, run_edit

if TYPE_CHECKING:
    from diorama.synthesis.base import Synthesizer
    from diorama.tasks.vary import Vary


@dataclass(frozen=True, kw_only=True)
class _Own(EditInput):
    """Its own options.

    Args:
        strength: share of the way from noise that is drawn anew, above 0 and up to 1, which keeps next to nothing.
    """

    strength: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Arguments(EditArguments, _Own):
    """Draw other pictures like given ones: each is noised part of the way, and drawn anew from there (SDEdit).

    Every file says that it is an edit.

    Args:
        steps: of the sampler on the whole way, in place of the model's own number.
    """


def main(words: Sequence[str]) -> None:
    """Vary, with progress."""
    arguments = parse(Arguments, "vary", words)

    def made(model: Synthesizer) -> Vary:
        from diorama.tasks.vary import Vary

        return Vary(model, arguments.strength)

    run_edit(arguments, made)
