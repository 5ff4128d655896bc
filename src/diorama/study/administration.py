"""The pages of whoever runs a study: progress, links, answers. They are found by a token and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse

from diorama.core.numbers import counted
from diorama.data.answers import Answers, answers_to_csv, answers_to_json
from diorama.study.database import Database
from diorama.study.exporting import answers_of
from diorama.study.media_files import MediaFiles
from diorama.study.pages import admin_page
from diorama.study.sessions import NO_LINK, Refused
from diorama.study.versions import Version, invite, progress_of, tokens_of, versions_of

_MOST_LINKS = 1_000
"""That are made at a time."""


@dataclass(frozen=True)
class Administration:
    """What the pages work on.

    Args:
        version: the latest one.
        database: of the study.
        media: of the study.
        may: whether a token is the administrator's.
    """

    version: Version
    database: Database
    media: MediaFiles
    may: Callable[[str], bool]

    def check(self, token: str) -> None:
        """Let the administrator in.

        Raises:
            Refused: it is somebody else; no more is said than of any link that does not exist.
        """
        if not (token.isascii() and self.may(token)):
            raise Refused(404, NO_LINK)

    def numbered(self, number: int | None) -> Version:
        """A version by its number; the latest by default.

        Raises:
            Refused: there is none.
        """
        if number is None:
            return self.version
        for version in versions_of(self.database, self.version.design.name):
            if version.number == number:
                return version
        raise Refused(404, "There is no such version.")


def administration_routes(app: FastAPI, admin: Administration) -> None:
    """Add the pages to an application."""

    @app.get("/a/{token}", response_class=HTMLResponse)
    def overview(token: str, request: Request) -> HTMLResponse:
        admin.check(token)
        with admin.database.reading() as connection:
            progress = progress_of(connection, admin.version)
        links = [(str(request.url_for("rater_page", token=t)), s) for t, s in tokens_of(admin.database, admin.version)]
        gone = len(admin.media.missing(admin.version))
        notes = [f"{counted(gone, 'file')} missing: trials with them are withdrawn."] if gone else []
        if admin.version.design.staircase is not None:
            notes.append("The JSON has the exposures, which HYPE_time needs; CSV has no place for them.")
        html = admin_page(admin.version, progress, here=token, links=links, notes=notes)
        return HTMLResponse(html, headers={"Cache-Control": "no-store"})

    @app.post("/a/{token}/links")
    async def more(token: str, request: Request) -> Response:
        admin.check(token)
        text = (await request.body()).decode("ascii", "replace").removeprefix("count=")
        if not text.isdigit() or not 1 <= int(text[:6]) <= _MOST_LINKS:
            raise Refused(422, f"Between 1 and {_MOST_LINKS} links can be made at a time.")
        await run_in_threadpool(invite, admin.database, admin.version, int(text))
        return RedirectResponse(f"../{token}", 303)

    @app.get("/a/{token}/links")
    def listed(token: str, request: Request) -> JSONResponse:
        admin.check(token)
        tokens = tokens_of(admin.database, admin.version)
        links = [{"link": str(request.url_for("rater_page", token=t)), "state": state} for t, state in tokens]
        return JSONResponse({"links": links}, headers={"Cache-Control": "no-store"})

    @app.get("/a/{token}/answers.csv")
    def csv(token: str, version: int | None = None) -> PlainTextResponse:
        answers = _answers(admin, token, version)
        return PlainTextResponse(answers_to_csv(answers.rows), media_type="text/csv", headers=_saved_as("csv"))

    @app.get("/a/{token}/answers.json")
    def json(token: str, version: int | None = None) -> JSONResponse:
        return JSONResponse(answers_to_json(_answers(admin, token, version)), headers=_saved_as("json"))


def _answers(admin: Administration, token: str, number: int | None) -> Answers:
    admin.check(token)
    return answers_of(admin.database, admin.numbered(number))


def _saved_as(ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="answers.{ending}"', "Cache-Control": "no-store"}
