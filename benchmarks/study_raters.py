"""Raters of a study who are programs: over HTTP, who keep a list of what was acknowledged, and in Chromium."""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

_GIVEN = re.compile(r'<script type="application/json" id="given">(.*?)</script>', re.DOTALL)
_TIMEOUT = 20.0
_AGAIN_SECONDS = 0.2
_CHOICES = ("left", "tie", "right")


@dataclass(frozen=True)
class Timed:
    """How long one request took.

    Args:
        what: ``answer``, ``page`` or ``media``.
        begun: on the monotonic clock.
        seconds: until the whole reply was there.
    """

    what: str
    begun: float
    seconds: float


@dataclass
class HttpRater:
    """A rater over HTTP, one connection at a time.

    Args:
        link: of the rater.
        every: seconds from answer to answer.
        seed: of choices and of the moment at which the rater comes.
        within: seconds within which that is.
        deadline: on the monotonic clock; whoever has not finished by then has failed.
    """

    link: str
    every: float
    seed: int
    within: float
    deadline: float
    acknowledged: list[tuple[str, int]] = field(default_factory=list)
    timed: list[Timed] = field(default_factory=list)
    finished: bool = False
    problem: str = ""
    _connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Answer everything."""
        try:
            self._run(random.Random(self.seed))
        except Exception as problem:  # told at the end, with the rater's number
            self.problem = f"{type(problem).__name__}: {problem}"
        finally:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _run(self, rng: random.Random) -> None:
        time.sleep(rng.random() * self.within)
        self._ask("page", "GET", self.link)
        self._ask("page", "POST", f"{self.link}/consent")
        state = self._state()
        seen: set[str] = set()
        due = time.monotonic()
        while not state.get("done"):
            question = state["question"]
            for address in [*question["media"], *state["then"]]:
                if address not in seen:
                    seen.add(address)
                    self._ask("media", "GET", urljoin(self.link, address))
            due = max(due + self.every, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            # The milliseconds tell answers apart when they are looked for in the export.
            body = {
                "key": f"{rng.getrandbits(64):016x}",
                "trial": question["trial"],
                "choice": rng.choice(_CHOICES),
                "ms": rng.randrange(1_000_000),
            }
            state = self._answer(body)
            if question["role"] != "practice":
                self.acknowledged.append((body["choice"], body["ms"]))
            if rng.random() < 0.05:
                # What was lost on the way back is sent again: it must be taken for the same answer.
                self._answer(body)
        self.finished = True

    def _state(self) -> dict[str, Any]:
        text = self._ask("page", "GET", self.link).decode()
        found = _GIVEN.search(text)
        assert found is not None, text[-300:]
        state: dict[str, Any] = json.loads(found[1])["state"]
        return state

    def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = json.loads(self._ask("answer", "POST", f"{self.link}/answers", json.dumps(body)))
        assert reply["accepted"]
        return reply

    def _ask(self, what: str, method: str, address: str, body: str | None = None) -> bytes:
        """One request, sent again until it is answered: a server that was killed comes back."""
        while True:
            begun = time.monotonic()
            if begun > self.deadline:
                raise TimeoutError(f"{method} {what}: not answered in time")
            try:
                status, content = self._once(method, address, body)
            except (OSError, http.client.HTTPException):
                self._disconnect()
                time.sleep(_AGAIN_SECONDS)
                continue
            if status in (200, 303):
                self.timed.append(Timed(what, begun, time.monotonic() - begun))
                return content
            if status not in (429, 503):
                raise RuntimeError(f"{method} {what}: status {status}, {content[:200]!r}")
            time.sleep(_AGAIN_SECONDS)

    def _once(self, method: str, address: str, body: str | None) -> tuple[int, bytes]:
        parts = urlsplit(address)
        if self._connection is None:
            self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=_TIMEOUT)
        headers = {"Content-Type": "application/json"} if body else {}
        self._connection.request(method, parts.path, body, headers)
        reply = self._connection.getresponse()
        return reply.status, reply.read()


@dataclass
class BrowserRaters:
    """Raters in one Chromium, a page each, who press the left arrow.

    Args:
        links: of the raters.
        every: seconds from answer to answer.
        deadline: as for :class:`HttpRater`.
        chromium: path of the browser.
    """

    links: list[str]
    every: float
    deadline: float
    chromium: str
    finished: int = 0
    problem: str = ""

    def run(self) -> None:
        """Answer everything on every page."""
        from playwright.sync_api import Error, sync_playwright

        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=self.chromium, args=["--no-sandbox"])
                pages = [browser.new_page() for _ in self.links]
                waiting = dict(zip(pages, self.links, strict=True))
                while waiting and time.monotonic() < self.deadline:
                    for page, link in list(waiting.items()):
                        try:
                            if page.locator("#finished").count():
                                del waiting[page]
                                self.finished += 1
                            elif page.locator("#consent").count():
                                page.get_by_role("button", name="I agree").click()
                            elif page.locator("button[data-choice]:enabled").count():
                                page.keyboard.press("ArrowLeft")
                            elif not page.locator("#asked").count():
                                # At first, and where the server was away when the page was loaded.
                                page.goto(link)
                        except Error:
                            continue
                    pages[0].wait_for_timeout(self.every * 1000)
                browser.close()
        except Exception as problem:  # told at the end
            self.problem = f"{type(problem).__name__}: {problem}"


def in_threads(runs: list[Callable[[], None]]) -> list[threading.Thread]:
    """Every call in a thread of its own, begun."""
    threads = [threading.Thread(target=run, daemon=True) for run in runs]
    for thread in threads:
        thread.start()
    return threads
