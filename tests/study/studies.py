"""Small studies of pictures and clips that differ from each other, and servers of them."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from starlette.types import ASGIApp

from diorama.media.image import write_image
from diorama.media.video import write_video
from diorama.study.database import FILE as DATABASE_FILE
from diorama.study.database import Database
from diorama.study.design import Kind, Session, Stop, StudyDesign
from diorama.study.folder import Study, open_study
from diorama.study.limits import Rate
from diorama.study.make import new_study
from diorama.study.server import Limits, ServeOptions, make_app
from diorama.study.sources import Shown
from diorama.study.versions import Version, invite, open_version

ITEMS, SIDE, FRAMES = 6, 32, 5
ADMIN = "administrator-of-tests"


def write_pictures(folder: Path, seed: int, count: int = ITEMS, side: int = SIDE) -> Path:
    """Pictures of smooth colours, other ones for every seed."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        write_image(folder / f"{i:06d}.png", coarse.repeat(side // 4, 0).repeat(side // 4, 1))
    return folder


def write_clips(folder: Path, seed: int, count: int = ITEMS, frames: int = FRAMES) -> Path:
    """Clips of a bar that moves, other ones for every seed."""
    for i in range(count):
        pixels = np.full((frames, SIDE, SIDE, 3), 40 * seed + 20, np.uint8)
        for t in range(frames):
            pixels[t, :, (5 * t + 3 * i) % SIDE :][:, :4] = 255
        write_video(folder / f"{i:06d}.mp4", pixels, 8.0)
    return folder


def design(kind: Kind = "pairwise", **changes: Any) -> StudyDesign:
    """A design of three systems with short sessions."""
    short = Session(judgements=6, repeats=1, attention=1, practice=1)
    plain = StudyDesign(name="small", kind=kind, systems=("real", "one", "two"), session=short, stop=Stop(raters=50))
    return replace(plain, **changes)


def small_study(folder: Path, made: StudyDesign | None = None, *, clips: bool = False) -> Study:
    """A study in a folder of its own."""
    made = made or design()
    write = write_clips if clips else write_pictures
    sources = {name: write(folder / "sources" / name, i) for i, name in enumerate(made.systems)}
    new_study(folder / "study", made, sources, ITEMS, Shown(clips=clips))
    return open_study(folder / "study")


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(
    address: str, path: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """One request to a server, whose redirections are not followed."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    try:
        connection.request(method, path, body, dict(headers or {}))
        reply = connection.getresponse()
        named = {name.lower(): value for name, value in reply.getheaders()}
        return Reply(reply.status, named, reply.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Served:
    """A running server.

    Args:
        address: of its front page.
        database: of its study.
        version: of its study.
    """

    address: str
    database: Database
    version: Version

    @property
    def admin(self) -> str:
        """The administrator's page."""
        return f"{self.address}/a/{ADMIN}"

    def tokens(self, count: int) -> list[str]:
        """New raters."""
        return invite(self.database, self.version, count)

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request, whose redirections are not followed."""
        return ask(self.address, path, method, body, headers)

    def begin(self, token: str) -> dict[str, Any]:
        """Agree, and see the first trial."""
        assert self.ask(f"/s/{token}/consent", "POST").status == 303
        return self.state(token)

    def state(self, token: str) -> dict[str, Any]:
        """Where a rater stands, as the page's script is told."""
        page = self.ask(f"/s/{token}").text
        found = re.search(r'id="given">(.*?)</script>', page, re.DOTALL)
        if found is None:
            return {"done": "finished" in page}
        state: dict[str, Any] = json.loads(found[1])["state"]
        return state

    def answer(self, token: str, body: Mapping[str, Any]) -> Reply:
        """Send an answer."""
        return self.ask(f"/s/{token}/answers", "POST", json.dumps(body).encode(), {"Content-Type": "application/json"})

    def answers(self) -> list[dict[str, Any]]:
        """All rows of the export."""
        rows: list[dict[str, Any]] = self.ask(f"/a/{ADMIN}/answers.json").json()["answers"]
        return rows


def body_of(state: Mapping[str, Any], choice: str = "left", key: str | None = None, ms: int = 500) -> dict[str, Any]:
    """An answer to the trial whose turn it is."""
    return {"key": key or secrets.token_hex(8), "trial": state["question"]["trial"], "choice": choice, "ms": ms}


QUICK = Limits(**dict.fromkeys(("answers", "pages", "media", "unknown", "joins"), Rate(burst=1000, seconds=0.001)))
"""Limits that no test comes near."""


def answer_all(server: Served, token: str, choice: str = "left") -> int:
    """Answer everything; how many trials there were."""
    state, count = server.begin(token), 0
    while not state.get("done"):
        reply = server.answer(token, body_of(state, choice, ms=100 + count))
        assert reply.status == 200, reply.text
        state, count = reply.json(), count + 1
    return count


@contextmanager
def served(study: Study, database: str | Path | None = None, **options: Any) -> Iterator[Served]:
    """A study served in a thread of this process, over loopback.

    Args:
        study: in its folder.
        database: a URL, or a file; the study's own by default.
        options: of :class:`ServeOptions`.
    """
    opened = Database(database or study.folder / DATABASE_FILE)
    version = open_version(opened, study)
    with running(make_app(study, version, opened, ServeOptions(admin_token=ADMIN, **options))) as address:
        yield Served(address, opened, version)


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """An application that answers in a thread of this process, over loopback; its address."""
    listening = socket.socket(proto=socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", server_header=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
