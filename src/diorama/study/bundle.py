"""A study without a server: a page for each rater, whose answers come back as files."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeGuard

from diorama.core.errors import BadInput
from diorama.core.files import fresh_folder, write_json, write_text
from diorama.data.answers import Answer, Answers
from diorama.study.addresses import bundled_name, new_secret, trial_address
from diorama.study.collection import media_path
from diorama.study.design import FILE
from diorama.study.exporting import Sight, answer_of, rater_name
from diorama.study.folder import Study
from diorama.study.pages import bundle_page
from diorama.study.plan import PlannedTrial, trials_of
from diorama.study.questions import LONGEST_MS, choices_of
from diorama.study.turns import judgements_of

KEYS = "bundles.json"
DOWNLOAD = "diorama-study-download/1"
_KEY = {"number", "secret", "plans"}
_MOST_BYTES = 1 << 24
MOST_RATERS = 10_000
"""Pages that one bundle may have."""
_RATER = re.compile(r"r[0-9]{4,6}")
_TIME = 1_577_836_800
"""When all media of a bundle were changed last, in seconds since 1970: the beginning of 2020."""


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
        BadInput: the folder is there already, order or exposures follow answers, or a picture is missing.
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
    if study.design.staircase is not None:
        raise BadInput(
            f"{study.folder / FILE}: exposures follow whether answers are right, and a page that knew it would tell "
            "whose pictures are whose; serve the study, or leave [staircase] out and write session.exposure_ms"
        )
    known = _keys(study)
    secret = new_secret()
    suffix = Path(study.collection.media[0].file).suffix
    plans = []
    with fresh_folder(out) as fresh:
        (fresh / "media").mkdir()
        _copy_media(study, fresh / "media", {bundled_name(secret, i): i for i in range(len(study.collection.media))})
        for number in range(raters):
            one = _page(study, secret, number)
            plans.append(_plan_hash(study, one))
            trials = [
                {
                    "trial": address,
                    "role": "practice" if trial.role == "practice" else "judge",
                    "media": [f"media/{bundled_name(secret, place)}{suffix}" for place in _places(trial)],
                    "exposure_ms": study.design.session.exposure_ms,
                }
                for address, trial in one.trials.items()
            ]
            html = bundle_page(study.design, study.collection, _identity(secret), one.rater, trials)
            write_text(fresh / f"rater-{number:04d}.html", html)
    key = {"number": len(known) + 1, "secret": secret, "plans": plans}
    write_json(study.folder / KEYS, {**known, _identity(secret): key}, indent=None)
    (study.folder / KEYS).chmod(0o600)


def answers_of_downloads(study: Study, files: Sequence[Path]) -> tuple[Answers, list[str]]:
    """The answers in files that raters sent.

    Raters are called by the number of the bundle and their own, as in ``b1-r0000``: those of two bundles, or of a
    bundle and a server, are different people.

    Args:
        study: whose bundle they answered.
        files: each of one rater; of two of the same rater the longer one counts.

    Returns:
        The answers, and what was left out, a sentence each.
    """
    known = _keys(study)
    found: dict[tuple[int, str], tuple[Path, list[Answer]]] = {}
    problems = []
    for file in files:
        try:
            held = _read(file)
            key, rater = known.get(str(held.get("bundle"))), str(held.get("rater"))
            if key is None:
                raise BadInput(f"{file}: answers no bundle of this study")
            rows, passed = _answers(study, key, rater, held, file)
        except BadInput as problem:
            problems.append(str(problem))
            continue
        problems += passed
        place = key["number"], rater
        if place not in found:
            found[place] = file, rows
            continue
        shorter, longer = sorted([found[place], (file, rows)], key=lambda one: len(one[1]))
        found[place] = longer
        if shorter[1] != longer[1][: len(shorter[1])]:
            problems.append(f"{shorter[0]}: its rater's answers in {longer[0].name} are others, and count")
    rows = [row for place in sorted(found) for row in found[place][1]]
    return Answers(rows=tuple(rows), truth=study.design.truth), problems


def _keys(study: Study) -> dict[str, dict[str, Any]]:
    """By the identity of each bundle its number, its secret, and what its pages asked."""
    path = study.folder / KEYS
    known = _loaded(path) if path.is_file() else {}
    if not isinstance(known, dict) or not all(isinstance(key, dict) and set(key) >= _KEY for key in known.values()):
        raise BadInput(f"{path}: is no list of a study's bundles, so that their answers cannot be read")
    return known


def _copy_media(study: Study, folder: Path, places: Mapping[str, int]) -> None:
    """Copy media under their names in the bundle, in the order of these and with one time: neither tells whose they
    are."""
    for name in sorted(places):
        source = media_path(study.folder, study.collection.media[places[name]])
        target = folder / f"{name}{source.suffix}"
        try:
            target.write_bytes(source.read_bytes())
        except FileNotFoundError as problem:
            raise BadInput(f"{problem.filename}: is missing, and the study shows it") from problem
        os.utime(target, (_TIME, _TIME))


def _page(study: Study, secret: str, number: int) -> _Page:
    judged = judgements_of(study.design, study.collection, number)
    trials = trials_of(study.design, study.collection, number, judged)
    return _Page(rater_name(number), {trial_address(secret, number, i): trial for i, trial in enumerate(trials)})


def _plan_hash(study: Study, page: _Page) -> str:
    """What a page asks, shortened: where the study's folder now says something else, nobody knows what was shown."""
    media = study.collection.media
    asked = [
        [trial.role, trial.wanted, *([media[i].system, media[i].item, media[i].file] for i in _places(trial))]
        for trial in page.trials.values()
    ]
    return hashlib.sha256(json.dumps([study.design.kind, asked]).encode()).hexdigest()[:16]


def _places(trial: PlannedTrial) -> list[int]:
    return [place for place in (trial.left, trial.right) if place is not None]


def _identity(secret: str) -> str:
    """What tells bundles apart, and nothing more."""
    return trial_address(secret, -1, -1)


def _loaded(file: Path) -> Any:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{file}: is larger than a bundle's files can be")
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BadInput(f"{file}: cannot be read ({problem.strerror})") from problem
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{file}: is no JSON ({problem})") from problem


def _read(file: Path) -> dict[str, Any]:
    """What a page saved.

    Raises:
        BadInput: it is none.
    """
    held = _loaded(file)
    if not isinstance(held, dict) or held.get("format") != DOWNLOAD or not isinstance(held.get("answers"), list):
        raise BadInput(f"{file}: is no file that a page of a bundle saves")
    return held


def _answers(
    study: Study, key: Mapping[str, Any], rater: str, held: Mapping[str, Any], file: Path
) -> tuple[list[Answer], list[str]]:
    number = int(rater[1:]) if _RATER.fullmatch(rater) else len(key["plans"])
    if number >= len(key["plans"]):
        raise BadInput(f"{file}: the bundle has no rater {rater[:20]!r}")
    page = _page(study, key["secret"], number)
    if _plan_hash(study, page) != key["plans"][number]:
        raise BadInput(
            f"{file}: the study was changed since this rater's page was written, and asks something else now; "
            "change it back"
        )
    choices = {choice.value for choice in choices_of(study.design)}
    who = f"b{key['number']}-{rater}"
    rows: dict[str, Answer] = {}
    wrong = 0
    for entry in held["answers"]:
        address, choice, ms = (entry.get(k) if isinstance(entry, dict) else None for k in ("trial", "choice", "ms"))
        trial = page.trials.get(address) if isinstance(address, str) else None
        if trial is None or address in rows or not isinstance(choice, str) or choice not in choices or not _is_time(ms):
            wrong += 1
        elif trial.role != "practice":
            sight = Sight(rater=who, choice=choice, ms=ms, shown_at=_time(entry.get("shown_at")))
            rows[str(address)] = answer_of(study.design.name, study.design, study.collection, trial, sight)
    return list(rows.values()), [f"{file}: {wrong} entries are no answers of its rater"] if wrong else []


def _is_time(ms: object) -> TypeGuard[int]:
    """Whether it is a number of milliseconds as the server would take it; JSON's true is a whole number to Python."""
    return type(ms) is int and 0 <= ms <= LONGEST_MS


def _time(told: object) -> str:
    """A time that the rater's browser told; empty where it is none."""
    try:
        return told if isinstance(told, str) and len(told) < 40 and datetime.fromisoformat(told) else ""
    except ValueError:
        return ""
