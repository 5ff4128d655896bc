"""The web server of a study: pages for raters, answers, pictures under addresses that tell nothing."""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from diorama.study.administration import Administration, administration_routes
from diorama.study.database import Database, DatabaseUnavailable
from diorama.study.folder import Study
from diorama.study.limits import Rate, RateLimit, TooOften
from diorama.study.media_files import MediaFiles
from diorama.study.middleware import SafeHeaders, SmallBodies
from diorama.study.pages import consent_page, done_page, message_page, state_json, trial_page
from diorama.study.questions import LONGEST_MS, choices_of
from diorama.study.sessions import Given, Refused, Sessions, Standing
from diorama.study.turns import Chooser, judgements_of
from diorama.study.versions import Version, invite, is_full, progress_of

_log = logging.getLogger(__name__)

_LATER = "The study cannot be reached just now. Nothing of this was stored; please try again in a minute."
_GONE = (
    "The pictures that you were to judge are missing here, so that you were asked nothing. This is no fault of yours; "
    "please tell whoever sent you the link."
)
_NO_ANSWER = "This is no answer to the question."


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How often what may be asked.

    Args:
        answers: of one rater.
        pages: of one rater.
        media: of one rater.
        unknown: links that do not exist, from one address.
        joins: new raters from one address, where anyone may take part.
    """

    answers: Rate = field(default_factory=lambda: Rate(burst=10, seconds=0.25))
    pages: Rate = field(default_factory=lambda: Rate(burst=20, seconds=1))
    media: Rate = field(default_factory=lambda: Rate(burst=60, seconds=0.1))
    unknown: Rate = field(default_factory=lambda: Rate(burst=20, seconds=2))
    joins: Rate = field(default_factory=lambda: Rate(burst=40, seconds=10))


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """How a study is served.

    Args:
        admin_token: whoever knows it sees progress and answers.
        anyone: whoever comes may take part, without a link.
        limits: how often what may be asked.
    """

    admin_token: str
    anyone: bool = False
    limits: Limits = field(default_factory=Limits)


class AnswerBody(BaseModel):
    """What a browser sends: nothing else is taken."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str = Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    trial: str = Field(max_length=32)
    choice: str = Field(max_length=16)
    ms: int = Field(ge=0, le=LONGEST_MS)


def make_app(study: Study, version: Version, database: Database, options: ServeOptions) -> FastAPI:
    """The application.

    Args:
        study: as its folder holds it.
        version: the latest, that new raters join.
        database: of the study.
        options: admin token, who may join, limits.
    """
    media = MediaFiles(study.folder, study.collection.bytes)
    sessions = Sessions(
        database,
        choices=lambda one: [choice.value for choice in choices_of(one.design)],
        judgements=judgements_of,
        choose=Chooser(),
        is_there=media.is_there,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    # Descriptions of the interface would tell strangers what to try.
    app = FastAPI(title=study.design.name, openapi_url=None, lifespan=lifespan)
    guards = _Guards(options.limits)
    _errors(app, guards)
    _front(app, version, database, guards, anyone=options.anyone)
    _raters(app, sessions, media, guards)
    administration_routes(
        app, Administration(version, database, media, lambda token: hmac.compare_digest(token, options.admin_token))
    )
    app.add_middleware(SmallBodies)
    app.add_middleware(SafeHeaders)
    return app


class _Guards:
    """The limits at work."""

    def __init__(self, limits: Limits) -> None:
        self.answers, self.pages = RateLimit(limits.answers), RateLimit(limits.pages)
        self.media = RateLimit(limits.media)
        self.unknown, self.joins = RateLimit(limits.unknown), RateLimit(limits.joins)


def _front(app: FastAPI, version: Version, database: Database, guards: _Guards, *, anyone: bool) -> None:
    design = version.design

    @app.get("/", response_class=HTMLResponse)
    def front() -> str:
        if not anyone:
            return message_page(design.title, design.title, "To take part you need a link of your own.")
        with database.reading() as connection:
            full = is_full(progress_of(connection, version), design)
        if full:
            return message_page(design.title, "Thank you", "The study has all the answers it needs.")
        text = "With the next page you get a link of your own. Keep it if you want to go on later."
        return message_page(design.title, design.title, text, join=True)

    if anyone:

        @app.post("/join")
        def join(request: Request) -> Response:
            guards.joins.count(_address(request))
            return RedirectResponse(f"s/{invite(database, version, 1)[0]}", 303)


def _raters(app: FastAPI, sessions: Sessions, media: MediaFiles, guards: _Guards) -> None:
    @app.get("/s/{token}", response_class=HTMLResponse)
    def rater_page(token: str) -> HTMLResponse:
        guards.pages.count(token)
        standing = sessions.standing(token)
        return HTMLResponse(_rater_page(standing, token), headers={"Cache-Control": "no-store"})

    @app.post("/s/{token}/consent")
    def agree(token: str) -> Response:
        guards.pages.count(token)
        sessions.agree(token)
        return RedirectResponse(f"../{token}", 303)

    @app.post("/s/{token}/answers")
    def answer(token: str, body: AnswerBody) -> JSONResponse:
        guards.answers.count(token)
        given = Given(key=body.key, trial=body.trial, choice=body.choice, ms=body.ms)
        standing = sessions.answer(token, given)
        return JSONResponse({"accepted": True, **state_json(standing, token)}, headers={"Cache-Control": "no-store"})

    async def medium(request: Request) -> Response:
        token, address = request.path_params["token"], request.path_params["address"]
        guards.media.count(token)
        # Most are in memory, where a thread of their own would cost more than they do.
        known = sessions.remembered(token, address)
        if known is None:
            known = await run_in_threadpool(sessions.medium, token, address)
        version, place = known
        return media.response(version, place, request.headers.get("range"))

    app.add_route("/s/{token}/m/{address}", medium)


def _rater_page(standing: Standing, token: str) -> str:
    design = standing.version.design
    if standing.stage == "consent":
        return consent_page(design, f"{token}/consent")
    if standing.stage == "full":
        return message_page(design.title, "Thank you", "The study has all the answers it needs.")
    if standing.stage == "gone":
        return message_page(design.title, "Nothing can be shown", _GONE)
    return trial_page(standing, token) if standing.stage == "trials" else done_page(design, standing.withdrawn)


def _errors(app: FastAPI, guards: _Guards) -> None:
    def told(request: Request, status: int, heading: str, text: str, headers: dict[str, str] | None = None) -> Response:
        headers = {"Cache-Control": "no-store", **(headers or {})}
        if request.url.path.endswith("/answers"):
            return JSONResponse({"accepted": False, "message": text}, status, headers)
        return HTMLResponse(message_page("Study", heading, text), status, headers)

    @app.exception_handler(Refused)
    def refused(request: Request, problem: Refused) -> Response:
        if problem.status == 404:
            try:
                guards.unknown.count(_address(request))
            except TooOften as too_often:
                return slower(request, too_often)
        return told(request, problem.status, "This is not possible", problem.message)

    @app.exception_handler(TooOften)
    def slower(request: Request, problem: TooOften) -> Response:
        wait = str(max(1, round(problem.seconds)))
        return told(request, 429, "Too many requests", "Please wait a moment.", {"Retry-After": wait})

    @app.exception_handler(DatabaseUnavailable)
    def unavailable(request: Request, problem: DatabaseUnavailable) -> Response:
        _log.error("%s", problem)
        return told(request, 503, "The study is out of reach", _LATER, {"Retry-After": "10"})

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, _: RequestValidationError) -> Response:
        return told(request, 422, "This is not possible", _NO_ANSWER)

    @app.exception_handler(HTTPException)
    def unknown(request: Request, problem: HTTPException) -> Response:
        text = "There is no such page." if problem.status_code in (404, 405) else _NO_ANSWER
        return told(request, problem.status_code, "This is not possible", text)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
