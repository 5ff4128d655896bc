"""What a study's server holds: many raters at once while it is killed and started again.

    python -m benchmarks.study_load --raters 200 --browsers 4 --answers 30 --kills 3 --seed 0
    python -m benchmarks.study_load --raters 200 --browsers 4 --answers 30 --kills 3 --seed 0 --postgres

Raters come within ten seconds and answer every two, a few of them in Chromium, the others over HTTP. The installed
server is ended by SIGKILL at times that the seed gives, and started again. Afterwards every acknowledged answer is
looked for in the export: it must be there once. All of it happens on the loopback interface, on ports that are free.
Printed are the numbers as a line of a Markdown table; the exit code is 1 where an answer is lost or doubled, or where
less than 99 % of the requests, or of the answers, outside restarts were replied to within a second. With ``--postgres``
a cluster is made for the purpose.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
from benchmarks.postgres_cluster import temporary_cluster
from benchmarks.study_raters import BrowserRaters, HttpRater, Timed, in_threads

from diorama.media.image import write_image
from diorama.study.design import Session, Stop, StudyDesign
from diorama.study.make import new_study
from diorama.study.sources import Shown

ITEMS, SIDE = 12, 64
WITHIN_SECONDS, SHARE = 1.0, 0.99
_SYSTEMS = ("a", "b", "c")
_SETTLES_SECONDS = 2.0
"""After a restart, in which the requests that waited are answered."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a server is put to.

    Args:
        raters: at once.
        browsers: of them in Chromium.
        answers: of each.
        every: seconds from answer to answer.
        within: seconds within which raters come.
        kills: of the server.
        seed: of choices and times.
        database: a URL; ``None`` for SQLite.
        patience: seconds after which whoever has not finished has failed.
    """

    raters: int
    browsers: int = 0
    answers: int = 30
    every: float = 2.0
    within: float = 10.0
    kills: int = 3
    seed: int = 0
    database: str | None = None
    patience: float = 400.0


@dataclass
class Found:
    """What came of it.

    Args:
        acknowledged: answers, without practice, over HTTP.
        lost: of these, those that the export lacks.
        doubled: answers that the export has more than once, or that nobody gave.
        timed: requests outside restarts.
        away: seconds in which the server was down or came back.
        problems: raters that did not finish.
    """

    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    timed: list[Timed] = field(default_factory=list)
    away: float = 0.0
    problems: list[str] = field(default_factory=list)

    def share_within(self, what: str | None = None) -> float:
        """Share of the requests, or those of one kind, that took at most a second."""
        seconds = self._seconds(what)
        return float(np.mean(seconds <= WITHIN_SECONDS)) if len(seconds) else 0.0

    def quantile(self, share: float, what: str | None = None) -> float:
        """Seconds within which a share of the requests was answered."""
        return float(np.quantile(self._seconds(what), share))

    def holds(self) -> bool:
        """Whether nothing was lost or doubled, and enough requests were quick."""
        quick = min(self.share_within(), self.share_within("answer")) >= SHARE
        return quick and not (self.lost or self.doubled or self.problems)

    def _seconds(self, what: str | None) -> np.ndarray:
        return np.array([one.seconds for one in self.timed if what in (None, one.what)])


class Server:
    """The installed server in a process of its own, at one port for all its lives.

    Args:
        study: its folder.
        database: a URL; ``None`` for SQLite.
    """

    def __init__(self, study: Path, database: str | None) -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        words = ["--database", database] if database else []
        serve = [sys.executable, "-m", "diorama", "study", "serve", str(study)]
        self._command = [*serve, "--port", str(self.port), *words]
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()
        self.admin = f"{self.address}/a/{(study / 'admin-token').read_text().strip()}"

    def start(self, patience: float = 120.0) -> None:
        """Start it, and wait until it answers."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, env=environment)
        end = time.monotonic() + patience
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urlopen(self.address, timeout=5):
                    return
            except (URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError("the server did not start")

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def links(self, count: int) -> list[str]:
        """New links for raters, in the order of their numbers."""
        with urlopen(Request(f"{self.admin}/links", data=f"count={count}".encode(), method="POST")):
            pass
        with urlopen(f"{self.admin}/links") as reply:
            return [one["link"] for one in json.load(reply)["links"]][-count:]

    def answers(self) -> list[dict[str, Any]]:
        """The export."""
        with urlopen(f"{self.admin}/answers.json") as reply:
            rows: list[dict[str, Any]] = json.load(reply)["answers"]
            return rows


def measure(load: Load, folder: Path) -> Found:
    """Put a server to a load.

    Args:
        load: what.
        folder: an empty one, for the study.
    """
    study = make_study(load, folder)
    server = Server(study, load.database)
    try:
        links = server.links(load.raters)
        deadline = time.monotonic() + load.patience
        over_http = [
            HttpRater(link, load.every, load.seed * 1_000_003 + i, load.within, deadline)
            for i, link in enumerate(links[load.browsers :])
        ]
        chromium = shutil.which("chromium") or shutil.which("chromium-browser") or ""
        in_chromium = BrowserRaters(links[: load.browsers], load.every, deadline, chromium)
        threads = in_threads([one.run for one in over_http] + ([in_chromium.run] if load.browsers else []))
        away = _killed(server, load)
        for thread in threads:
            thread.join(max(1.0, deadline + 30 - time.monotonic()))
        return _compared(load, server.answers(), over_http, in_chromium, away)
    finally:
        server.kill()


def make_study(load: Load, folder: Path) -> Path:
    """A study of coloured squares, as long as the load wants it."""
    rng = np.random.default_rng(load.seed)
    for system in _SYSTEMS:
        for i in range(ITEMS):
            coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            path = folder / "sources" / system / f"{i:06d}.png"
            write_image(path, coarse.repeat(SIDE // 8, 0).repeat(SIDE // 8, 1))
    extra = min(2, load.answers // 4)
    session = Session(judgements=load.answers - 3 * extra, repeats=extra, attention=extra, practice=extra)
    design = StudyDesign(
        name="load", kind="pairwise", systems=_SYSTEMS, session=session, stop=Stop(raters=load.raters), seed=load.seed
    )
    sources = {system: folder / "sources" / system for system in _SYSTEMS}
    new_study(folder / "study", design, sources, ITEMS, Shown())
    return folder / "study"


def _killed(server: Server, load: Load) -> list[tuple[float, float]]:
    """Kill the server at times that the seed gives; when it was away, on the monotonic clock."""
    rng = random.Random(load.seed)
    length = load.within + load.answers * load.every
    away = []
    for _ in range(load.kills):
        time.sleep(length / (load.kills + 1) * rng.uniform(0.6, 1.1))
        begun = time.monotonic()
        server.kill()
        server.start()
        away.append((begun, time.monotonic() + _SETTLES_SECONDS))
    return away


def _compared(
    load: Load,
    rows: list[dict[str, Any]],
    over_http: list[HttpRater],
    in_chromium: BrowserRaters,
    away: list[tuple[float, float]],
) -> Found:
    found = Found(away=sum(end - begun for begun, end in away))
    of_rater: dict[str, list[tuple[str, int]]] = {}
    for row in rows:
        if row["choice"]:
            of_rater.setdefault(row["rater"], []).append((row["choice"], row["ms"]))
    for i, rater in enumerate(over_http):
        name = f"r{i + load.browsers:04d}"
        given, kept = Counter(rater.acknowledged), Counter(of_rater.get(name, []))
        found.acknowledged += len(rater.acknowledged)
        found.lost += (given - kept).total()
        # An answer on its way when the time was up may have been kept without the rater's knowing.
        found.doubled += max(0, (kept - given).total() - (not rater.finished))
        if not rater.finished:
            found.problems.append(f"{name}: {rater.problem or 'did not finish'}")
        outside = (t for t in rater.timed if not any(t.begun < end and t.begun + t.seconds > b for b, end in away))
        found.timed += outside
    asked = load.answers - min(2, load.answers // 4)
    for i in range(load.browsers):
        kept_of_page = len(of_rater.get(f"r{i:04d}", []))
        found.lost += max(0, asked - kept_of_page)
        found.doubled += max(0, kept_of_page - asked)
    if load.browsers and in_chromium.finished < load.browsers:
        found.problems.append(f"Chromium: {in_chromium.finished} of {load.browsers} finished; {in_chromium.problem}")
    return found


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("raters", 200), ("browsers", 4), ("answers", 30), ("kills", 3), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    for name, seconds in (("every", 2.0), ("within", 10.0), ("patience", 400.0)):
        parser.add_argument(f"--{name}", type=float, default=seconds)
    parser.add_argument("--postgres", action="store_true")
    asked = vars(parser.parse_args())
    postgres = asked.pop("postgres")
    load = Load(**asked)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if postgres:
            load = replace(load, database=stack.enter_context(temporary_cluster()).database("study"))
        found = measure(load, folder)
    columns = {
        "database": "PostgreSQL" if postgres else "SQLite",
        "raters": load.raters,
        "in Chromium": load.browsers,
        "kills": load.kills,
        "seconds away": f"{found.away:.0f}",
        "acknowledged": f"{found.acknowledged:,}",
        "lost": found.lost,
        "doubled": found.doubled,
        "requests outside restarts": f"{len(found.timed):,}",
        "within 1 s": f"{100 * found.share_within():.2f} %",
        "of answers": f"{100 * found.share_within('answer'):.2f} %",
        "median answer": f"{1000 * found.quantile(0.5, 'answer'):.0f} ms",
        "99 % of answers": f"{1000 * found.quantile(0.99, 'answer'):.0f} ms",
    }
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n| {' | '.join(map(str, columns.values()))} |")
    for problem in found.problems:
        print(problem)
    sys.exit(0 if found.holds() else 1)


if __name__ == "__main__":
    main()
