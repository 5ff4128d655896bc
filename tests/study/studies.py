"""Small studies of pictures and clips that differ from each other, and servers of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np

from diorama.media.image import write_image
from diorama.media.video import write_video
from diorama.study.design import Kind, Session, Stop, StudyDesign
from diorama.study.folder import Study, open_study
from diorama.study.make import new_study
from diorama.study.sources import Shown

ITEMS, SIDE, FRAMES = 6, 32, 5


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


@dataclass
class Served:
    """A server in a process of its own.

    Args:
        process: that serves.
        address: of its front page.
        admin: of its administrator's page.
    """

    process: subprocess.Popen[str]
    address: str
    admin: str
    words: list[str] = field(default_factory=list)

    def links(self, count: int) -> list[str]:
        """Make links for raters."""
        with urlopen(Request(f"{self.admin}/links", data=f"count={count}".encode(), method="POST")):
            pass
        with urlopen(f"{self.admin}/links") as reply:
            return [one["link"] for one in json.load(reply)["links"] if one["state"] == "unused"][-count:]

    def answers(self) -> list[dict[str, Any]]:
        """All rows of the export."""
        with urlopen(f"{self.admin}/answers.json") as reply:
            rows: list[dict[str, Any]] = json.load(reply)["answers"]
            return rows

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def served(study: Path, *words: str, patience: float = 60.0) -> Iterator[Served]:
    """A study, served by the installed program over loopback.

    Args:
        study: its folder.
        words: further options.
        patience: seconds until it must listen.
    """
    command = [sys.executable, "-m", "diorama", "study", "serve", str(study), *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    try:
        assert process.stdout is not None
        begun, said = time.monotonic(), ""
        while "administrator" not in said:
            line = process.stdout.readline()
            said += line
            assert line and time.monotonic() - begun < patience, f"the server did not start: {said}"
        address, admin = re.findall(r"http://\S+", said)[:2]
        yield Served(process, address, admin)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)
        if process.stdout is not None:
            process.stdout.close()
