"""The pages of a study, drawn on the server: what a rater's browser is told, and what an administrator sees."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from diorama.core.numbers import counted
from diorama.study.collection import Collection
from diorama.study.design import StudyDesign
from diorama.study.drawing import asset, drawn, study_page
from diorama.study.questions import Choice, choices_of
from diorama.study.sessions import Standing
from diorama.study.versions import Progress, Version, is_full


def consent_page(design: StudyDesign, action: str) -> str:
    """What a rater agrees to before anything is stored."""
    return study_page(design.title, [_consent(design, action)])


def trial_page(standing: Standing, token: str) -> str:
    """The page on which trials follow each other."""
    version = standing.version
    given = {"medium": version.collection.medium, "state": state_json(standing, token)}
    return study_page(
        version.design.title, [_trials(version.design, version.collection, given)], script=asset("study.js")
    )


def done_page(design: StudyDesign, withdrawn: int = 0) -> str:
    """Thanks, the completion code and the way back.

    Args:
        design: of the study.
        withdrawn: trials that the rater was not asked, since their pictures were missing.
    """
    return study_page(design.title, [_done(design, withdrawn=withdrawn)])


def message_page(title: str, heading: str, text: str, *, join: bool = False) -> str:
    """One thing that is to be said, perhaps with a button to take part."""
    return study_page(title, [_drawn("message.html", heading=heading, text=text, join=join)])


def bundle_page(design: StudyDesign, collection: Collection, bundle: str, rater: str, trials: Sequence[Any]) -> str:
    """A whole study in one page that needs no server.

    Args:
        design: of the study.
        collection: of the study.
        bundle: what tells the bundle apart from others.
        rater: whose page it is.
        trials: with addresses of media relative to the page, as :func:`state_json` has its question.
    """
    given = {"medium": collection.medium, "bundle": bundle, "rater": rater, "trials": list(trials)}
    body = [
        _consent(design, ""),
        _trials(design, collection, given, hidden=True),
        _done(design, download=True, hidden=True),
    ]
    return study_page(design.title, body, script=asset("study.js"), media="file: 'self'")


def admin_page(
    version: Version, progress: Progress, *, here: str, links: Sequence[tuple[str, str]], notes: Sequence[str]
) -> str:
    """How far a study is.

    Args:
        version: the latest one.
        progress: of it.
        here: the page's own address.
        links: of raters, with how far each is.
        notes: on media that are missing, and the like.
    """
    design, stop = version.design, version.design.stop
    bounds = [counted(stop.raters, "rater")] + ([counted(stop.judgements, "judgement")] if stop.judgements else [])
    rule = f"{' or '.join(bounds)}, as the design says"
    closed = is_full(progress, design)
    return study_page(
        version.name,
        [
            _drawn(
                "admin.html",
                name=version.name,
                about=f"{design.kind}, {design.order} order. Systems: {', '.join(design.systems)}",
                numbers=[
                    ("links", progress.invited),
                    ("begun", progress.agreed),
                    ("finished", f"{progress.finished} of {stop.raters}"),
                    ("judgements", progress.judgements),
                    ("withdrawn trials", progress.withdrawn),
                ],
                stopping=f"Nobody new is let in: it was to end at {rule}." if closed else f"It ends at {rule}.",
                notes=notes,
                here=here,
                links=links,
                versions=range(1, version.number),
            )
        ],
    )


def state_json(standing: Standing, token: str) -> dict[str, Any]:
    """What a rater's browser is told of where the rater stands; addresses are relative to the rater's page."""
    if standing.question is None:
        return {"done": standing.stage == "done", "reload": standing.stage != "done"}
    question = standing.question
    return {
        "question": {
            "trial": question.trial,
            "role": question.role,
            "media": [f"{token}/m/{a}" for a in question.media],
            "exposure_ms": question.exposure_ms,
        },
        "then": [f"{token}/m/{address}" for address in standing.then],
        "answered": standing.answered,
        "of": standing.of,
    }


def _consent(design: StudyDesign, action: str) -> Markup:
    session = design.session
    return _drawn(
        "consent.html",
        title=design.title,
        instructions=design.instructions,
        question=design.asked,
        count=session.practice + session.judgements + session.attention + session.repeats,
        practice=session.practice,
        exposure_ms=session.exposure_ms,
        staircase=design.staircase,
        keys=_keys(choices_of(design)),
        consent=design.consent,
        action=action,
    )


def _keys(choices: Sequence[Choice]) -> str:
    return ", ".join(f"{choice.shown} {choice.label.lower()}" for choice in choices)


def _trials(design: StudyDesign, collection: Collection, given: dict[str, Any], *, hidden: bool = False) -> Markup:
    return _drawn(
        "trial.html",
        question=design.asked,
        choices=choices_of(design),
        grades=design.kind == "opinion",
        two=design.two,
        ratio=f"{collection.width / collection.height:.4f}",
        hidden=hidden,
        # Inside a script element only "<" could end it.
        given=Markup(json.dumps(given).replace("<", "\\u003c")),
    )


def _done(design: StudyDesign, *, withdrawn: int = 0, download: bool = False, hidden: bool = False) -> Markup:
    return _drawn(
        "done.html",
        withdrawn=counted(withdrawn, "question") if withdrawn else "",
        code=design.completion_code,
        return_address=design.return_address,
        download=download,
        hidden=hidden,
    )


def _drawn(template: str, **values: Any) -> Markup:
    return drawn(template, values)
