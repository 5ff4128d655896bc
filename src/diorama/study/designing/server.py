"""The server of the page on which a design is written: for one person, on the same machine."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from diorama.core.errors import BadInput
from diorama.study.design import MOST_BYTES
from diorama.study.designing.file import DesignFile, comments_of, file_of, in_words, mark_of
from diorama.study.designing.form import Problem, Texts, blank_texts, draft_from, texts_of
from diorama.study.designing.page import Shown, design_page
from diorama.study.listening import address_of, answer_requests, listen
from diorama.study.middleware import SafeHeaders, SmallBodies
from diorama.study.pages import message_page

_LOOPBACK = "127.0.0.1"
_MOST_FIELDS = 100
_NO_STORE = {"Cache-Control": "no-store"}


def serve_design(where: Path, port: int, about: Mapping[str, str]) -> None:
    """Serve the page on this machine alone until the process is interrupted; its address is printed.

    Args:
        where: a file, which need not be there yet, or a study's folder.
        port: that is listened at; 0 for a free one.
        about: what the command line's help says of the options of ``diorama study new``.

    Raises:
        BadInput: the file is no design, or the port is taken.
    """
    file = file_of(where)
    # What cannot be read is told here, and not in the browser.
    file.draft(file.content())
    token = secrets.token_urlsafe(24)
    app = design_app(file, token, about)
    with closing(listen(_LOOPBACK, port)) as listening:
        print(f"{file.path}: open {address_of(listening)}/d/{token}", flush=True)
        answer_requests(app, listening)


def design_app(file: DesignFile, token: str, about: Mapping[str, str]) -> FastAPI:
    """The application.

    Args:
        file: that is read and written.
        token: who knows it may.
        about: what the command line's help says of the options of ``diorama study new``.
    """
    app = FastAPI(openapi_url=None)

    def check(given: str) -> None:
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise HTTPException(404)

    @app.get("/d/{given}", response_class=HTMLResponse)
    def form(given: str, saved: bool = False) -> HTMLResponse:
        check(given)
        notice = f"{file.path.name} is saved." if saved else ""
        content = file.content()
        draft = file.draft(content)
        texts = texts_of(draft) if draft else blank_texts(_name_of(file.path))
        shown = Shown(texts=texts, content=content, notice=notice, good=True)
        return HTMLResponse(design_page(file, shown, token, about), headers=_NO_STORE)

    @app.post("/d/{given}")
    async def pressed(given: str, request: Request) -> Response:
        check(given)
        try:
            body = (await request.body()).decode("ascii")
            texts = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
        except ValueError as problem:
            raise HTTPException(422) from problem
        status, shown = await run_in_threadpool(_judged, file, texts)
        if shown is None:
            return RedirectResponse(f"{token}?saved=true", 303)
        page = await run_in_threadpool(design_page, file, shown, token, about)
        return HTMLResponse(page, status, _NO_STORE)

    _errors(app)
    app.add_middleware(SmallBodies, most=MOST_BYTES)
    app.add_middleware(SafeHeaders)
    return app


def _judged(file: DesignFile, texts: Texts) -> tuple[int, Shown | None]:
    """What a press of a button comes to: a status and what is shown; nothing to show where the file was written."""
    content, saving = file.content(), texts.get("do") == "save"
    draft = draft_from(texts)
    if not isinstance(draft, Problem) and file.made and draft.design.systems != file.made:
        draft = Problem("systems", f"systems are {', '.join(file.made)} of this study; make another for other ones")
    if isinstance(draft, Problem):
        notice = "Not saved: the design does not fit." if saving else "The design does not fit."
        return 422 if saving else 200, Shown(texts=texts, content=content, problem=draft, notice=notice)
    if not saving:
        return 200, Shown(texts=texts, content=content, notice="The design fits. It is not saved yet.", good=True)
    name, comments = file.path.name, comments_of(content)
    if texts.get("mark") != mark_of(content):
        notice = f"Not saved: {name} was changed since this page showed it. Saving again writes over that."
        return 409, Shown(texts=texts, content=content, notice=notice)
    if comments and not texts.get("overwrite"):
        notice = f"Not saved: the comments of {name} ({in_words(comments)}) would be lost. Say below that they may be."
        return 409, Shown(texts=texts, content=content, notice=notice)
    try:
        file.write(draft)
    except OSError as problem:
        notice = f"Not saved: {problem.filename or name}: {problem.strerror or problem}."
        return 500, Shown(texts=texts, content=content, notice=notice)
    return 303, None


def _errors(app: FastAPI) -> None:
    @app.exception_handler(BadInput)
    def broken(_: Request, problem: BadInput) -> Response:
        page = message_page("Design", "The file cannot be shown", str(problem))
        return HTMLResponse(page, 422, _NO_STORE)

    @app.exception_handler(HTTPException)
    def unknown(_: Request, problem: HTTPException) -> Response:
        text = "There is no such page." if problem.status_code in (404, 405) else "This is no form of this page."
        return HTMLResponse(message_page("Design", "This is not possible", text), problem.status_code, _NO_STORE)


def _name_of(path: Path) -> str:
    """A study's name, of a file's; what a name may not have becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", path.stem).lstrip("._-")[:64] or "study"
