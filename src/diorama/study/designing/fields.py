"""The fields of the page: every key of ``study.toml``, in the groups in which it is thought about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from diorama.study.design import KINDS, Order

Widget = Literal["line", "text", "whole", "number", "choice", "tick"]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of the form.

    Args:
        key: of ``study.toml``, dotted within a table.
        label: what stands above it.
        widget: a line, a text of several lines, a whole number, a number, one of a few values, or on and off.
        option: of ``diorama study new``, whose help is the field's.
        about: the field's help, where there is no such option.
        optional: left empty, it is left out of the file.
        hint: what is shown while it is empty.
        choices: the few values.
    """

    key: str
    label: str
    widget: Widget
    option: str = ""
    about: str = ""
    optional: bool = False
    hint: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Group:
    """Fields that belong together.

    Args:
        title: of the group.
        fields: in their order.
        about: a sentence under the title.
        only_with: the key of what must be ticked for the group to be shown; empty for always.
    """

    title: str
    fields: tuple[Field, ...]
    about: str = ""
    only_with: str = ""


STUDY = Group(
    title="The question",
    fields=(
        Field(key="name", label="Name", widget="line", option="name"),
        Field(key="title", label="Title", widget="line", option="title"),
        Field(key="kind", label="Kind", widget="choice", option="kind", choices=KINDS),
        Field(key="question", label="Question", widget="line", option="question", hint="the kind’s own"),
        Field(key="instructions", label="Instructions", widget="text", about="before the first trial."),
        Field(
            key="ties",
            label="“No difference” may be answered",
            widget="tick",
            about="for pairwise.",
        ),
    ),
)

SYSTEMS = Group(
    title="What is shown",
    fields=(
        Field(key="systems", label="Systems, one a line: NAME=FOLDER_OR_RUN", widget="text", option="systems"),
        Field(key="truth", label="The real one", widget="line", option="truth"),
        Field(key="order", label="Order", widget="choice", option="order", choices=get_args(Order)),
        Field(key="seed", label="Seed", widget="whole", option="seed"),
    ),
)

SESSION = Group(
    title="One rater’s session",
    fields=(
        Field(key="session.judgements", label="Judgements", widget="whole", option="judgements"),
        Field(key="session.repeats", label="Repeats", widget="whole", option="repeats"),
        Field(key="session.attention", label="Attention items", widget="whole", option="attention"),
        Field(key="session.practice", label="Practice", widget="whole", option="practice"),
        Field(
            key="session.exposure_ms",
            label="Exposure",
            widget="whole",
            option="exposure_ms",
            optional=True,
            hint="no limit",
        ),
        Field(key="staircase", label="Exposures follow the answers", widget="tick", option="staircase"),
    ),
)

STAIRCASE = Group(
    title="The staircase",
    only_with="staircase",
    fields=(
        Field(key="staircase.start_ms", label="Start", widget="whole", about="milliseconds, of every block."),
        Field(key="staircase.shortest_ms", label="Shortest", widget="whole", about="milliseconds that are ever shown."),
        Field(key="staircase.longest_ms", label="Longest", widget="whole", about="milliseconds that are ever shown."),
        Field(
            key="staircase.shorter_by_ms",
            label="Shorter by",
            widget="whole",
            about="milliseconds, after a row of right answers.",
        ),
        Field(
            key="staircase.longer_by_ms", label="Longer by", widget="whole", about="milliseconds, after a wrong answer."
        ),
        Field(key="staircase.streak", label="Streak", widget="whole", about="right answers that shorten."),
        Field(
            key="staircase.blocks",
            label="Blocks",
            widget="whole",
            about="staircases of a rater, one after another; the judgements are shared out evenly.",
        ),
    ),
)

CONSENT = Group(
    title="First and last page",
    fields=(
        Field(
            key="consent",
            label="Consent",
            widget="text",
            about="what is asked and what is stored; no rater begins without agreeing.",
        ),
        Field(key="completion_code", label="Completion code", widget="line", option="completion_code", hint="none"),
        Field(key="return_address", label="Return address", widget="line", option="return_address", hint="https://…"),
    ),
)

POWER = Group(
    title="Raters and power",
    about="When a study ends is fixed beforehand: one that ends when its result pleases proves nothing.",
    fields=(
        Field(key="stop.raters", label="Raters", widget="whole", option="raters"),
        Field(
            key="stop.judgements",
            label="Judgements in all",
            widget="whole",
            about="of all raters; then nobody new is let in. Whoever has begun may finish.",
            optional=True,
            hint="no bound",
        ),
        Field(
            key="power.effect", label="Effect", widget="number", option="effect", optional=True, hint="0.6; opinion 0.5"
        ),
        Field(key="power.level", label="Level", widget="number", about="of the two-sided test."),
    ),
)

GROUPS = (STUDY, SYSTEMS, SESSION, STAIRCASE, CONSENT, POWER)

FIELDS = tuple(field for group in GROUPS for field in group.fields)
