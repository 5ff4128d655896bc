"""Full disks, read-only folders, two processes in one folder and Ctrl-C: told, and nothing that was saved is lost."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from diorama.core.locks import only_process
from diorama.training import folder
from tests.data.pictures import folder_of
from tests.journeys.conftest import TINY_GAN, Run
from tests.journeys.surroundings import everything, untouched

QUICK = (*TINY_GAN, "--evaluation.samples", "0", "--preview-every", "0", "--checkpoint-every", "16")


@pytest.fixture
def data(diorama: Run, tmp_path: Path) -> Path:
    out = tmp_path / "data"
    diorama("prepare", folder_of(tmp_path / "in", 40), "--out", out, "--size", 16)
    return out


def training(data: Path, out: Path, images: int = 80) -> tuple[object, ...]:
    return ("train", "dcgan_cpu", "--data", data, "--out", out, "--images", images, *QUICK)


def states(run: Path) -> dict[Path, str]:
    return everything(run / "checkpoints")


# A full disk.


@pytest.mark.parametrize("file", ["state.safetensors", "model.safetensors"])
def test_a_disk_that_fills_up_in_a_save_keeps_the_state_before_and_training_goes_on_from_it(
    diorama: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    run = tmp_path / "run"
    diorama(*training(data, run, 32))
    kept = states(run)

    def full(path: object) -> OSError | None:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) if str(path).endswith(file) else None

    def failing(write: Callable[..., object], place: int) -> Callable[..., object]:
        def wrapped(*words: object, **named: object) -> object:
            if problem := full(words[place]):
                raise problem
            return write(*words, **named)

        return wrapped

    with monkeypatch.context() as filled:
        filled.setattr(folder, "save_file", failing(folder.save_file, 1))
        filled.setattr("diorama.core.files.os.replace", failing(os.replace, 1))
        with untouched(tmp_path, tmp_path / "cache", run):
            told = diorama(*training(data, run), code=1)
    assert "the resume state of step 3 cannot be written: the disk is full" in told
    assert "The state of step 2 is intact; make room and run the same command" in told
    assert states(run) == kept
    told = diorama(*training(data, run))
    assert "continues after step 2" in told
    assert "is complete" in told


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of four megabytes, outside the folders that pytest clears, lest a killed run leave it there."""
    disk = Path(tempfile.mkdtemp(prefix="small-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    try:
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a small file system")
        yield disk
        subprocess.run(["umount", "--lazy", str(disk)], check=False)
    finally:
        shutil.rmtree(disk, ignore_errors=True)


def _fill_up(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.slow
def test_every_command_meets_a_disk_that_is_really_full(
    diorama: Run, data: Path, tmp_path: Path, small_disk: Path
) -> None:
    run = small_disk / "run"
    diorama(*training(data, tmp_path / "elsewhere", 32))
    diorama(*training(data, run, 32))
    kept = states(run)
    ballast = small_disk / "ballast"
    _fill_up(ballast)
    with untouched(tmp_path, tmp_path / "cache", small_disk):
        told = diorama(*training(data, run), code=1)
        assert str(run) in told
        assert states(run) == kept
        for words in (
            ("sample", tmp_path / "elsewhere", "--count", 2, "--out", small_disk / "samples"),
            ("prepare", tmp_path / "in", "--size", 16, "--out", small_disk / "data"),
            training(data, small_disk / "another"),
            (
                "compare",
                "--data",
                data,
                "--runs",
                tmp_path / "elsewhere",
                "--out",
                small_disk / "report",
                "--count",
                20,
            ),
        ):
            told = diorama(*words, code=1)
            assert str(small_disk) in told, words
            assert "No space left" in told or "no space left" in told or "the disk is full" in told, words
    ballast.unlink()
    told = diorama(*training(data, run))
    assert "continues after step 2" in told
    assert "is complete" in told


@pytest.mark.slow
def test_a_file_that_may_not_grow_further_stops_with_the_state_before(diorama: Run, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    diorama(*training(data, run, 32))
    kept = states(run)
    largest = max(path.stat().st_size for path in run.rglob("*") if path.is_file())

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, largest // 2))

    done = subprocess.run(
        [sys.executable, "-m", "diorama", *map(str, training(data, run))],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "The state of step 2 is intact" in done.stderr
    assert states(run) == kept


# Places that cannot be written.


def outputs(data: Path, run: Path, source: Path, out: Path) -> dict[str, tuple[object, ...]]:
    return {
        "prepare": ("prepare", source, "--size", 16, "--out", out),
        "train": training(data, out),
        "sample": ("sample", run, "--count", 2, "--out", out),
        "compare": ("compare", "--data", data, "--runs", run, "--out", out, "--count", 20),
        "evaluate": ("evaluate", run, "--against", data, "--metrics", "fd@lite", "--count", 20, "--json", out),
    }


@pytest.fixture
def run(diorama: Run, data: Path, tmp_path: Path) -> Path:
    diorama(*training(data, tmp_path / "run", 16))
    return tmp_path / "run"


@pytest.mark.parametrize(
    "out",
    [
        "file/below",
        pytest.param("/proc/nowhere", marks=pytest.mark.slow),
        pytest.param("n" * 300, marks=pytest.mark.slow),
    ],
)
def test_an_output_that_cannot_be_is_named_by_every_command(
    diorama: Run, data: Path, run: Path, tmp_path: Path, out: str
) -> None:
    (tmp_path / "file").write_text("mine")
    with untouched(tmp_path, tmp_path / "cache"):
        for name, words in outputs(data, run, tmp_path / "in", tmp_path / out).items():
            assert out in diorama(*words, code=1), name


def test_a_file_where_a_folder_is_wanted_is_left_alone(diorama: Run, data: Path, run: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with untouched(tmp_path, tmp_path / "cache"):
        for name, words in outputs(data, run, tmp_path / "in", file).items():
            if name != "evaluate":
                assert str(file) in diorama(*words, code=1), name


@pytest.mark.slow
def test_a_read_only_disk_is_named_by_every_command(
    diorama: Run, data: Path, run: Path, tmp_path: Path, small_disk: Path
) -> None:
    shutil.copytree(run, small_disk / "run")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with untouched(tmp_path, tmp_path / "cache"):
        for name, words in outputs(data, run, tmp_path / "in", small_disk / "new").items():
            told = diorama(*words, code=1)
            assert str(small_disk / "new") in told, name
            assert "Read-only file system" in told, name
        told = diorama(*training(data, small_disk / "run"), code=1)
        assert f"{small_disk / 'run'}: cannot be written (Read-only file system)" in told


def test_an_output_that_holds_other_things_is_left_alone(diorama: Run, data: Path, run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with untouched(tmp_path, tmp_path / "cache"):
        for name, words in outputs(data, run, tmp_path / "in", mine).items():
            if name not in ("compare", "evaluate"):
                assert str(mine) in diorama(*words, code=1), name


# Two processes, and Ctrl-C.


def test_a_second_process_in_a_run_is_refused_by_the_first_ones_number(
    diorama: Run, data: Path, run: Path, tmp_path: Path
) -> None:
    with only_process(run), untouched(tmp_path, tmp_path / "cache"):
        told = diorama(*training(data, run), code=1)
    assert f"{run}: process {os.getpid()} is at work in this folder" in told
    assert "is complete" in diorama(*training(data, run))


def _start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "diorama", *map(str, words)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


@pytest.mark.slow
def test_two_processes_and_ctrl_c(diorama: Run, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = _start(*training(data, run, 1_000_000))
    try:
        deadline = time.monotonic() + 100
        while not list(run.glob("checkpoints/0*")) and time.monotonic() < deadline:
            time.sleep(0.1)
        told = diorama(*training(data, run, 1_000_000), code=1)
        assert f"process {first.pid} is at work" in told
        first.send_signal(signal.SIGINT)
        told, _ = first.communicate(timeout=100)
    finally:
        first.kill()
    assert first.returncode == 130, told
    assert "Traceback" not in told
    assert f"The same command continues {run}." in told
    saved = max(int(state.name) for state in (run / "checkpoints").iterdir())
    assert f"saved after step {saved:,}" in told
    second = _start(*training(data, run, 1_000_000))
    try:
        assert any(f"continues after step {saved:,}" in line for line in iter(second.stdout.readline, ""))  # type: ignore[union-attr]
    finally:
        second.kill()
        second.communicate()
