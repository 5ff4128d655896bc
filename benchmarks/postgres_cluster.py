"""A PostgreSQL cluster of one's own in a temporary folder, which is gone afterwards; other clusters are left alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER = "postgres"
_TRIES = 5


class NoPostgres(Exception):
    """There is no PostgreSQL that a cluster could be made with; the message says what is missing."""


@dataclass
class Cluster:
    """A running cluster.

    Args:
        programs: folder of PostgreSQL's programs.
        folder: of the cluster.
        port: that it listens at, on 127.0.0.1.
        durable: whether what was committed outlives a power cut.
    """

    programs: Path
    folder: Path
    port: int
    durable: bool = True

    def database(self, name: str) -> str:
        """Make an empty database.

        Returns:
            Its URL.
        """
        _as_owner([self.programs / "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, name])
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        settings = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        if not self.durable:
            settings += " -c fsync=off"
        log = self.folder / "log"
        command = [self.programs / "pg_ctl", "-D", self.folder / "data", "-w", "-l", log, "-o", settings, "start"]
        for _ in range(_TRIES):
            try:
                return _as_owner(command)
            except RuntimeError:
                # A connection that is being closed may still hold the port.
                time.sleep(1)
        _as_owner(command)

    def stop(self) -> None:
        """Stop it at once."""
        _as_owner([self.programs / "pg_ctl", "-D", self.folder / "data", "-w", "-m", "immediate", "stop"])


@contextmanager
def temporary_cluster(*, durable: bool = True) -> Iterator[Cluster]:
    """A cluster for the length of the block.

    Args:
        durable: whether it waits for the disk, as one that people's answers are kept in must. Without, new databases
            come sooner, and what was committed still outlives killed processes.

    Raises:
        NoPostgres: nothing to make it with.
    """
    programs = _programs()
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        raise NoPostgres("initdb refuses root, and there is no runuser to become another user")
    # pytest's own folders are closed to other users.
    with tempfile.TemporaryDirectory(prefix="diorama-postgres-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        folder.chmod(0o700)
        _as_owner([programs / "initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"])
        cluster = Cluster(programs, folder, _free_port(), durable)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


def _programs() -> Path:
    """Where ``initdb`` is: on the path, or where Debian puts it."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not installed:
        raise NoPostgres("PostgreSQL is not installed: there is no initdb")
    return installed[-1].parent


def _as_owner(command: Sequence[str | Path]) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", USER, "--", *words]
    # The folder that we are in may be closed to that user; the server would keep a pipe open for ever.
    done = subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", timeout=120, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{Path(words[4 if words[0] == 'runuser' else 0]).name} ended with {done.returncode}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
