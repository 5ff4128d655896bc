"""A study without a server: a page for each rater, whose answers come back as files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from diorama.core.errors import BadInput
from diorama.core.files import fresh_folder, write_json, write_text
from diorama.data.answers import Answer, Answers
from diorama.study.addresses import bundled_name, new_secret, trial_address
from diorama.study.collection import media_path
from diorama.study.design import FILE, design_of, differences, plain
from diorama.study.exporting import Sight, answer_of, rater_name
from diorama.study.folder import Study
from diorama.study.pages import bundle_page
from diorama.study.plan import PlannedTrial, trials_of
from diorama.study.questions import choices_of
from diorama.study.turns import judgements_of

KEYS = "bundles.json"
DOWNLOAD = "diorama-study-download/1"
_MOST_BYTES = 1 << 24
MOST_RATERS = 10_000
"""Pages that one bundle may have."""


@dataclass(frozen=True)
class _Page:
    """What one page asks: its trials by the addresses that the page has for them."""

    rater: str
    trials: Mapping[str, PlannedTrial]


def write_bundle(study: Study, out: Path, raters: int) -> None:
    """Write the pages and, under names that tell nothing, what they show.

    The secret that the names are made with stays in the study's folder.

    Args:
        study: whose order is balanced.
        out: a new folder.
        raters: pages.

    Raises:
        BadInput: the folder is there already, the order is adaptive, or a picture is missing.
    """
    if out.exists():
        raise BadInput(f"{out}: is there already; a bundle is written into a folder of its own")
    if not 1 <= raters <= MOST_RATERS:
        raise BadInput(f"raters must be in [1, {MOST_RATERS}], got {raters}")
    if study.design.order == "adaptive":
        raise BadInput(
            f"{study.folder / FILE}: an adaptive order follows the answers of others, which pages without a server "
            'do not know; write order = "balanced"'
        )
    known = _known(study)
    secret = new_secret()
    suffix = Path(study.collection.media[0].file).suffix
    with fresh_folder(out) as fresh:
        (fresh / "media").mkdir()
        for place, medium in enumerate(study.collection.media):
            try:
                shutil.copyfile(
                    media_path(study.folder, medium), fresh / "media" / f"{bundled_name(secret, place)}{suffix}"
                )
            except FileNotFoundError as problem:
                raise BadInput(f"{problem.filename}: is missing, and the study shows it") from problem
        for number in range(raters):
            one = _page(study, secret, number)
            trials = [
                {
                    "trial": address,
                    "role": "practice" if trial.role == "practice" else "judge",
                    "media": [f"media/{bundled_name(secret, place)}{suffix}" for place in _places(trial)],
                }
                for address, trial in one.trials.items()
            ]
            html = bundle_page(study.design, study.collection, _identity(secret), one.rater, trials)
            write_text(fresh / f"rater-{number:04d}.html", html)
    keys = study.folder / KEYS
    made = {"secret": secret, "raters": raters, "design": plain(study.design)}
    write_json(keys, {**known, _identity(secret): made})
    keys.chmod(0o600)


def answers_of_downloads(study: Study, files: Sequence[Path]) -> tuple[Answers, list[str]]:
    """The answers in files that raters sent.

    Args:
        study: whose bundle they answered.
        files: each of one rater; of two of the same rater the longer one counts.

    Returns:
        The answers, and what was left out, a sentence each.
    """
    known = _known(study)
    found: dict[tuple[str, str], list[Answer]] = {}
    problems = []
    for file in files:
        try:
            held = _read(file)
            bundle, rater = str(held.get("bundle")), str(held.get("rater"))
            if bundle not in known:
                raise BadInput(f"{file}: answers no bundle of this study")
            _refuse_changed(study, known[bundle], file)
            rows, passed = _answers(study, known[bundle], rater, held, file)
        except BadInput as problem:
            problems.append(str(problem))
            continue
        problems += passed
        if len(rows) > len(found.get((bundle, rater), ())):
            found[bundle, rater] = rows
    rows = [row for place in sorted(found) for row in found[place]]
    return Answers(rows=tuple(rows), truth=study.design.truth), problems


def _known(study: Study) -> dict[str, Any]:
    """What the study's folder knows of its bundles, by their identities."""
    keys = study.folder / KEYS
    try:
        known = json.loads(keys.read_text(encoding="utf-8")) if keys.is_file() else {}
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{keys}: is no JSON ({problem})") from problem
    if not isinstance(known, dict):
        raise BadInput(f"{keys}: says nothing of the study's bundles; `diorama study bundle` writes it")
    return known


def _refuse_changed(study: Study, key: Mapping[str, Any], file: Path) -> None:
    """What a page asked follows from the design; by another one its answers would be taken for others."""
    before = design_of(key["design"], f"{study.folder / KEYS}")
    if changed := differences(before, study.design):
        raise BadInput(
            f"{file}: answers the study as it was before {FILE} was changed ({', '.join(changed)}); change it back for "
            "these answers"
        )


def _page(study: Study, secret: str, number: int) -> _Page:
    judged = judgements_of(study.design, study.collection, number)
    trials = trials_of(study.design, study.collection, number, judged)
    return _Page(rater_name(number), {trial_address(secret, number, i): trial for i, trial in enumerate(trials)})


def _places(trial: PlannedTrial) -> list[int]:
    return [place for place in (trial.left, trial.right) if place is not None]


def _identity(secret: str) -> str:
    """What tells bundles apart, and nothing more."""
    return trial_address(secret, -1, -1)


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{file}: is larger than one rater's answers can be")
        held = json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BadInput(f"{file}: cannot be read ({problem.strerror})") from problem
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{file}: is no JSON ({problem})") from problem
    if not isinstance(held, dict) or held.get("format") != DOWNLOAD or not isinstance(held.get("answers"), list):
        raise BadInput(f"{file}: is no file that a page of a bundle saves")
    return held


def _answers(
    study: Study, key: Mapping[str, Any], rater: str, held: Mapping[str, Any], file: Path
) -> tuple[list[Answer], list[str]]:
    number = int(rater[1:]) if rater[:1] == "r" and rater[1:].isdigit() and len(rater) < 8 else -1
    if not 0 <= number < key["raters"]:
        raise BadInput(f"{file}: the bundle has no rater {rater!r}")
    trials = _page(study, key["secret"], number).trials
    choices = [choice.value for choice in choices_of(study.design)]
    rows: dict[str, Answer] = {}
    wrong = 0
    for entry in held["answers"]:
        address, choice, ms = (entry.get(k) if isinstance(entry, dict) else None for k in ("trial", "choice", "ms"))
        trial = trials.get(address) if isinstance(address, str) else None
        # JSON's true is a whole number to Python.
        if trial is None or choice not in choices or address in rows or type(ms) is not int or ms < 0:
            wrong += 1
        elif trial.role != "practice":
            sight = Sight(rater=rater, choice=choice, ms=ms, shown_at=_time(entry.get("shown_at")))
            rows[str(address)] = answer_of(study.design.name, study.design, study.collection, trial, sight)
    return list(rows.values()), [f"{file}: {wrong} entries are no answers of its rater"] if wrong else []


def _time(told: object) -> str:
    """A time that the rater's browser told; empty where it is none."""
    try:
        return told if isinstance(told, str) and len(told) < 40 and datetime.fromisoformat(told) else ""
    except ValueError:
        return ""
