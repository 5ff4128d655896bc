"""The page on which a design is written."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from diorama.study.designing.fields import GROUPS
from diorama.study.designing.file import DesignFile, comments_of, in_words, mark_of
from diorama.study.designing.form import Problem, Texts, draft_from
from diorama.study.draft import Draft
from diorama.study.drawing import asset, drawn, study_page
from diorama.study.power import power_of


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What one reply shows.

    Args:
        texts: of the form.
        content: of the file as it is now.
        problem: why the texts are no design, to be shown beside their field.
        notice: what became of the last press of a button; empty where there was none.
        good: whether that is good news.
    """

    texts: Texts
    content: bytes
    problem: Problem | None = None
    notice: str = ""
    good: bool = False


def design_page(file: DesignFile, shown: Shown, here: str, about: Mapping[str, str]) -> str:
    """The page.

    Args:
        file: that is written.
        shown: on this page.
        here: the page's own address.
        about: what the command line's help says of the options of ``diorama study new``, by their fields' names.
    """
    comments, draft = comments_of(shown.content), draft_from(shown.texts)
    body = drawn(
        "design.html",
        {
            "here": here,
            "path": str(file.path),
            "file": file.path.name,
            "there": bool(shown.content),
            "made": bool(file.made),
            "groups": GROUPS,
            "about": about,
            "texts": shown.texts,
            "problem": shown.problem,
            "notice": shown.notice,
            "good": shown.good,
            "mark": mark_of(shown.content),
            "comments": in_words(comments) if comments else "",
            "power": _power(draft),
            "then": _next_command(file, draft),
        },
    )
    return study_page(f"{file.path.name}: design", [body], style=asset("design.css"), script=asset("design.js"))


def _power(draft: Draft | Problem) -> list[str]:
    if isinstance(draft, Problem):
        return [f"The power is said here once the design fits. Now: {draft.message}."]
    return power_of(draft.design)


def _next_command(file: DesignFile, draft: Draft | Problem) -> str:
    """What makes a study of the file, or serves the study that was made."""
    if file.made:
        return shlex.join(["diorama", "study", "serve", str(file.path.parent)])
    if isinstance(draft, Problem):
        return shlex.join(["diorama", "study", "new"]) + f" STUDY --design {shlex.quote(str(file.path))}"
    # A folder of the file's own name would be taken.
    folder = draft.design.name if draft.design.name != file.path.name else f"{draft.design.name}-study"
    words = shlex.join(["diorama", "study", "new", folder, "--design", str(file.path)])
    lacking = [f"{name}=FOLDER" for name in draft.design.systems if name not in draft.sources]
    return f"{words} --systems {' '.join(lacking)}" if lacking else words
