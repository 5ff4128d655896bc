"""What people answered in a study, as files hold it: one answer a row of CSV, or the same in JSON.

The columns of CSV are :data:`COLUMNS`. JSON holds the same rows and says of the whole which source is the true one and
whether the raters were simulated::

    {"format": "diorama-answers/1", "truth": "real", "simulated": false, "answers": [{"study": "faces", …}]}

CSV has no place for the two: simulated raters are known by their names, which begin with :data:`SIMULATED`. Nor has it
one for :data:`FURTHER`, which rows of JSON have where they are known.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any, Literal, get_args

from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.core.suggestions import did_you_mean

FORMAT = "diorama-answers/1"
SIMULATED = "simulated-"
"""What the names of simulated raters begin with."""

Kind = Literal["pairwise", "2afc", "real_or_fake", "opinion", "attention"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CHOICES: Mapping[Kind, tuple[str, ...]] = {
    "pairwise": ("left", "right", "tie"),
    "2afc": ("left", "right"),
    "real_or_fake": ("real", "fake", "unsure"),
    "opinion": ("1", "2", "3", "4", "5"),
}
"""What may be chosen besides nothing; an attention item may want any word."""

MOST_BYTES = 1 << 27
"""Larger files are refused before they are read; this is more than a million answers."""
_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One answer of one rater.

    Args:
        study: the study's name.
        item: what was shown, without its source: a scene or a prompt.
        rater: who answered; the name says nothing of the person.
        kind: of the question.
        left: the system whose picture stood on the left, or the only one.
        right: the system on the right; empty where one picture was shown; what an attention item wanted.
        choice: one of :data:`CHOICES`; empty where nothing was answered, which is no tie.
        ms: from the first sight to the answer in milliseconds; ``None`` where it is not known.
        shown_at: when it was shown, ISO 8601 in UTC; empty where it is not known.
        repeat: 0 for the first time that this rater was asked this, then 1, 2 …
        exposure_ms: how long it was shown, in milliseconds; ``None`` for as long as the rater wanted, or where nobody
            knows.
        block: which of the rater's staircases of exposures it belongs to, from 0 on; ``None`` for none. A row of
            ``real_or_fake`` with ``exposure_ms`` alone can have one.
    """

    study: str
    item: str
    rater: str
    kind: Kind
    left: str
    right: str = ""
    choice: str = ""
    ms: int | None = None
    shown_at: str = ""
    repeat: int = 0
    exposure_ms: int | None = None
    block: int | None = None


FURTHER = ("exposure_ms", "block")
"""What rows of JSON alone may have."""
COLUMNS = tuple(field.name for field in fields(Answer) if field.name not in FURTHER)
"""Of the CSV, in this order."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """All answers of a file.

    Args:
        rows: in the order of the file.
        truth: the source whose pictures are true, for 2AFC and real-or-fake.
        simulated: the raters are a program, or some of them.
    """

    rows: tuple[Answer, ...]
    truth: str = "real"
    simulated: bool = False


def answers_to_csv(rows: Sequence[Answer]) -> str:
    """The answers as CSV: UTF-8, commas, LF, names of the columns in the first line."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = (getattr(row, name) for name in COLUMNS)
        writer.writerow(["" if value is None else value for value in values])
    return text.getvalue()


def answers_to_json(answers: Answers) -> dict[str, Any]:
    """The answers as JSON."""
    rows = [_json_row(row) for row in answers.rows]
    return {"format": FORMAT, "truth": answers.truth, "simulated": answers.simulated, "answers": rows}


def _json_row(row: Answer) -> dict[str, Any]:
    further = {name: getattr(row, name) for name in FURTHER}
    known = {name: value for name, value in further.items() if value is not None}
    return {name: getattr(row, name) for name in COLUMNS} | known


def has_answer_columns(header: Sequence[str]) -> bool:
    """Whether a table with these columns holds answers in Diorama's form, or lacks one or two columns of it."""
    return len(set(COLUMNS) - set(header)) <= 2


def is_json(text: str) -> bool:
    """Whether a file's text is JSON, not CSV; names end in all ways."""
    return text.lstrip()[:1] in ("{", "[")


def read_answers(path: Path) -> Answers:
    """The answers of a file.

    Args:
        path: CSV or JSON; its first letter says which.

    Raises:
        BadInput: it cannot be read, lacks a column, or holds what is no answer. The message names the lines.
    """
    text = read_text(path)
    if is_json(text):
        return _from_json(path, text)
    table = csv.DictReader(StringIO(text, newline=""))
    header = table.fieldnames or ()
    lacking = [name for name in COLUMNS if name not in header]
    if lacking:
        raise BadInput(
            f"{path}: is no file of answers, since it has no column {', '.join(lacking)}; a column may be empty, but "
            "not missing"
        )
    if len(set(header)) < len(header):
        raise BadInput(f"{path}: two columns have the same name")
    rows = tuple(_parsed(path, "line", _csv_rows(path, table), _from_csv_row))
    return Answers(rows=rows, simulated=_simulated(rows))


def read_text(path: Path) -> str:
    """A file's text, in UTF-8 with or without the mark that some spreadsheets put first.

    Raises:
        BadInput: it cannot be read, is no text, or is larger than :data:`MOST_BYTES`.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path}: is larger than the {MOST_BYTES >> 20:,} MiB that are read")
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror or problem})") from problem
    except UnicodeDecodeError as problem:
        line = problem.object[: problem.start].count(b"\n") + 1
        raise BadInput(f"{path}: line {line:,} is no text in UTF-8; save the file as UTF-8") from problem


def _csv_rows(path: Path, table: csv.DictReader[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows with their line numbers."""
    try:
        for row in table:
            yield table.line_num, row
    except csv.Error as problem:
        raise BadInput(f"{path}: line {table.line_num}: is no CSV ({problem})") from problem


def _from_json(path: Path, text: str) -> Answers:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{path}: is no JSON ({problem})") from problem
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadInput(f"{path}: is no file of answers (expected the format {FORMAT!r})")
    entries = document.get("answers")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(f"{path}: its answers are no list of objects")
    truth = document.get("truth", "real")
    if not isinstance(truth, str):
        raise BadInput(f"{path}: truth is {truth!r}, which is no name of a source")
    rows = tuple(_parsed(path, "answer", enumerate(entries, 1), _from_row))
    return Answers(rows=rows, truth=truth, simulated=document.get("simulated") is True or _simulated(rows))


def _simulated(rows: Sequence[Answer]) -> bool:
    return any(row.rater.startswith(SIMULATED) for row in rows)


def _parsed(
    path: Path,
    what: str,
    rows: Iterator[tuple[int, Mapping[str, Any]]],
    parse: Callable[[Mapping[str, Any]], Answer],
) -> list[Answer]:
    """Every row parsed; what is wrong is gathered, so that one run names all of it."""
    good, wrong = [], []
    for place, row in rows:
        try:
            good.append(parse(row))
        except ValueError as problem:
            wrong.append(f"{what} {place}: {problem}")
    if wrong:
        more = f"; and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        raise BadInput(f"{path}: {counted(len(wrong), what)} cannot be read: {'; '.join(wrong[:_SHOWN])}{more}")
    return good


def _from_csv_row(row: Mapping[str, Any]) -> Answer:
    # The reader puts what is too much under the name None, and None where fields are lacking.
    if None in row or None in row.values():
        raise ValueError(f"has {'more' if None in row else 'fewer'} fields than the line of column names")
    return _from_row(row)


def _from_row(row: Mapping[str, Any]) -> Answer:
    """An answer from named values, which are text in CSV and may be numbers in JSON."""
    values = {name: _text(row, name) for name in (*COLUMNS, *FURTHER)}
    kind = next((kind for kind in KINDS if kind == values["kind"]), None)
    if kind is None:
        raise ValueError(f"kind {values['kind']!r} is none of {', '.join(KINDS)}{did_you_mean(values['kind'], KINDS)}")
    known = CHOICES.get(kind)
    choice = values["choice"]
    if known is not None and choice and choice not in known:
        raise ValueError(f"choice {choice!r} of {kind} is none of {', '.join(known)}{did_you_mean(choice, known)}")
    for name in ("rater", "left") if kind != "attention" else ("rater",):
        if not values[name]:
            raise ValueError(f"{name} is empty")
    two = kind in ("pairwise", "2afc")
    if two and not values["right"]:
        raise ValueError(f"right is empty, and {kind} shows two")
    if two and values["left"] == values["right"]:
        raise ValueError(f"left and right are both {values['left']!r}")
    if values["block"] and not (kind == "real_or_fake" and values["exposure_ms"]):
        raise ValueError("block is of a staircase of exposures: it needs the kind real_or_fake and exposure_ms")
    return Answer(
        study=values["study"],
        item=values["item"],
        rater=values["rater"],
        kind=kind,
        left=values["left"],
        right=values["right"],
        choice=choice,
        ms=_whole("ms", values["ms"]) if values["ms"] else None,
        shown_at=_time(values["shown_at"]),
        repeat=_whole("repeat", values["repeat"] or "0"),
        **{name: _whole(name, values[name]) if values[name] else None for name in FURTHER},
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{name} is {value!r}, which is neither text nor a number")
    return str(value)


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ValueError(f"{name} {text!r} is no whole number from 0 on")
    return int(text)


def _time(text: str) -> str:
    if text:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"shown_at {text!r} is no time as ISO 8601 has it") from None
    return text
