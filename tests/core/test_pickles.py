"""The machine that runs pickles: whatever a file says, memory, time and messages stay in proportion to it."""

from __future__ import annotations

import contextlib
import pickle
import random
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diorama.core import pickles
from diorama.core.errors import BadInput
from diorama.core.legacy import read_state_dict
from diorama.core.pickles import MOST_BITS, Unreadable, run_pickle, shown

STORAGES = ("FloatStorage",)
NAMES = {
    "dict": b"ccollections\nOrderedDict\n",
    "size": b"ctorch\nSize\n",
    "tensor": b"ctorch._utils\n_rebuild_tensor_v2\n",
    "parameter": b"ctorch._utils\n_rebuild_parameter\n",
    "float": b"ctorch\nFloatStorage\n",
}
STORAGE = b"(U\x07storage" + NAMES["float"] + b"U\x010U\x03cpuK\x04tQ"


def doubling(levels: int) -> bytes:
    """A list of itself, twice, and so on: each level costs eight bytes and doubles what the words for it would be."""
    program = b"\x80\x04]q\x00"
    for level in range(levels):
        program += b"](h" + bytes([level]) + b"h" + bytes([level]) + b"eq" + bytes([level + 1])
    return program


def many_times(prepare: bytes, again: bytes, times: int = 100_000) -> bytes:
    """A program that does one thing again and again with what it has prepared."""
    return b"\x80\x02" + prepare + b"(" + again * times + b"l."


def numbers(count: int) -> bytes:
    return b"(" + b"K\x01" * count + b"l"


HOSTILE = {
    "a global name of nested lists": doubling(60) + b"h\x0a\x93.",
    "an attribute of nested lists": doubling(60) + b"\x8c\x05torchh\x0a\x93.",
    "a function of nested lists": doubling(60) + b")R.",
    "a storage under nested lists": doubling(60) + b"(U\x07storage" + NAMES["float"] + b"h\x3cU\x03cpuK\x01tQ.",
    "a shape copied again and again": many_times(
        NAMES["size"] + b"q\x00" + numbers(100_000) + b"\x85q\x01", b"h\x00h\x01R"
    ),
    "a tensor's shape copied again and again": many_times(
        NAMES["tensor"] + b"q\x00(" + STORAGE + b"K\x00" + numbers(100_000) + numbers(100_000) + b"tq\x01",
        b"h\x00h\x01R",
    ),
    "a dict copied again and again": many_times(
        NAMES["dict"] + b"q\x00(" + b"".join(b"J" + i.to_bytes(4, "little") + b"K\x01\x86" for i in range(50_000))
        + b"l\x85q\x01",
        b"h\x00h\x01R",
    ),
    "a huge number as a key": many_times(
        b"\x8b" + (1 << 20).to_bytes(4, "little") + b"\x01" * (1 << 20) + b"q\x00}", b"h\x00K\x01s"
    ),
    "a huge name": b"\x80\x02c" + b"a" * (1 << 20) + b"\nb\n.",
    "a huge key of a storage": b"\x80\x02(U\x07storage" + NAMES["float"] + b"X" + (1 << 20).to_bytes(4, "little")
    + b"k" * (1 << 20) + b"U\x03cpuK\x01tQ.",
    "empty dicts without end": b"\x80\x02](" + b"}" * 1_900_000 + b"e.",
    "keys that all have one hash": b"\x80\x02}(" + b"".join(
        b"\x8a\x0a" + (k * (2**61 - 1)).to_bytes(10, "little") + b"K\x01" for k in range(1, 20_000)
    ) + b"u.",
    "a memory whose keys all have one hash": b"\x80\x02N" + b"".join(
        f"p{k * (2**61 - 1)}\n".encode() for k in range(1, 20_000)
    ) + b".",
    "a string without its quotes": b"\x80\x02S" + b"a" * (1 << 20) + b"\n.",
}  # fmt: skip


def archive(path: Path, program: bytes, storage: bytes = bytes(16)) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", program)
        file.writestr("a/data/0", storage)
    return path


@pytest.mark.parametrize("what", HOSTILE)
def test_what_would_unfold_without_end_is_refused_in_few_words(tmp_path: Path, what: str) -> None:
    path = archive(tmp_path / "a.pth", HOSTILE[what])
    tracemalloc.start()
    try:
        with pytest.raises(BadInput) as problem:
            read_state_dict(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(problem.value)) < len(str(path)) + 400
    assert peak < 50e6 + 20 * path.stat().st_size


def test_two_hundred_bytes_stay_two_hundred_bytes() -> None:
    """This message doubled with every eight bytes of the file: 179 bytes gave one of 25 million characters."""
    program = doubling(21) + b"h\x15\x93."
    assert len(program) < 200
    with pytest.raises(Unreadable) as problem:
        run_pickle(program, STORAGES)
    assert len(str(problem.value)) < 400


def test_a_name_that_grows_from_dict_to_dict_is_refused(tmp_path: Path) -> None:
    """One key of a megabyte, in ninety dicts that lie in one another, would be written out ninety times."""
    key = b"X" + (1 << 20).to_bytes(4, "little") + b"k" * (1 << 20) + b"q\x00"
    tensor = NAMES["tensor"] + b"(" + STORAGE + b"K\x00K\x04\x85K\x01\x85tR"
    program = b"\x80\x02" + key + b"0" + b"}h\x00" * 90 + tensor + b"s" * 90 + b"."
    with pytest.raises(BadInput, match="the name of a tensor has more than 1,000 characters"):
        read_state_dict(archive(tmp_path / "a.pth", program))


def test_names_of_shared_dicts_are_counted_together(tmp_path: Path) -> None:
    """A dict of tensors that another names 440 times, under one long key, has 190,000 names of 1,000 characters."""
    key = b"X" + (980).to_bytes(4, "little") + b"k" * 980
    tensor = NAMES["tensor"] + b"(" + STORAGE + b"K\x00K\x04\x85K\x01\x85tRq\x00"
    numbers = [b"M" + i.to_bytes(2, "little") for i in range(440)]
    inner = b"}(" + b"".join(number + b"h\x00" for number in numbers) + b"uq\x01"
    middle = b"}(" + b"".join(number + b"h\x01" for number in numbers) + b"u"
    path = archive(tmp_path / "a.pth", b"\x80\x02" + tensor + b"0" + inner + b"0}" + key + middle + b"s.")
    with pytest.raises(BadInput, match="the names of its tensors have more than"):
        read_state_dict(path)


def test_the_older_layout_puts_no_nested_key_into_words(tmp_path: Path) -> None:
    header = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {}))
    keys = b"\x80\x04](" + doubling(60)[2:] + b"e."
    (tmp_path / "a.pth").write_bytes(header + keys + bytes(8))
    with pytest.raises(BadInput, match="the storage a list does not fit"):
        read_state_dict(tmp_path / "a.pth")


def test_steps_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MOST_STEPS", 11)
    assert run_pickle(b"\x80\x02" + b"]0" * 4 + b"N.", ()).values == [None]
    with pytest.raises(Unreadable, match="more than 11 steps"):
        run_pickle(b"\x80\x02" + b"]0" * 5 + b"N.", ())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("ab", "'ab'"),
        (b"ab", "b'ab'"),
        (3, "3"),
        (None, "None"),
        ([1], "a list"),
        ({}, "a dict"),
        (1 << MOST_BITS, "a huge number"),
    ],
)
def test_values_are_shown_in_few_words(value: object, words: str) -> None:
    assert shown(value) == words
    assert len(shown("x" * 1000)) < 100


def test_magic_and_large_numbers_are_read() -> None:
    assert run_pickle(pickle.dumps([2**70, -(2**1000)], 2), ()).values == [[2**70, -(2**1000)]]


PIECES = (
    *(b"]", b"}", b")", b"(", b"e", b"u", b"a", b"s", b"t", b"l", b"d", b"0", b"1", b"2", b"N", b"\x88", b"b", b"R"),
    *(b"\x85", b"\x86", b"\x87", b"\x93", b"\x94", b"Q", b"K\x00", b"K\x01", b"K\x7f", b"M\xff\xff"),
    *(b"J\x00\x00\x00\x7f", b"\x8a\x08" + b"\x7f" * 8, b"G" + bytes(8), b"U\x010", b"X\x01\x00\x00\x00k", b"I7\n"),
    *(b"U\x07storage", b"\x8c\x05torch", b"\x8c\x04Size", STORAGE, *NAMES.values()),
    *(piece + bytes([i]) for piece in (b"h", b"q") for i in range(4)),
    NAMES["tensor"] + b"(" + STORAGE + b"K\x00K\x02\x85K\x01\x85tR",
)
"""What random programs are made of: opcodes of data, and whole tensors and names, so that some programs get far."""


def try_program(path: Path, pieces: list[bytes]) -> None:
    """Read a program; it must give tensors or be refused, in few words, with little memory and in little time."""
    archive(path, b"\x80\x02" + b"".join(pieces) + b".")
    began, refusal = time.process_time(), ""
    tracemalloc.start()
    try:
        read_state_dict(path)
    except BadInput as problem:
        refusal = str(problem)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(refusal) < len(str(path)) + 400
    assert peak < 60e6
    assert time.process_time() - began < 5


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=80))
def test_any_program_is_read_or_refused(tmp_path: Path, pieces: list[bytes]) -> None:
    try_program(tmp_path / "a.pth", pieces)


@pytest.mark.parametrize("seed", range(20))
def test_long_programs_that_refer_to_what_they_built_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    """Mostly memo, duplicates and containers: the stuff of which bombs are made."""
    draw = random.Random(seed)
    growing = (b"(", b"e", b"u", b"t", b"l", b"2", b"a", b"]", b"}", b"\x85", b"h\x00", b"h\x01", b"q\x00", b"q\x01")
    pieces = [draw.choice(growing if draw.random() < 0.9 else PIECES) for _ in range(3000)]
    try_program(tmp_path / "a.pth", [b"]q\x00]q\x01", *pieces])


@settings(max_examples=150, deadline=None)
@given(program=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(program: bytes) -> None:
    with contextlib.suppress(Unreadable):
        run_pickle(b"\x80\x02" + program, STORAGES, count=2)


def test_a_tensor_of_a_program_is_read(tmp_path: Path) -> None:
    """The pieces above do make tensors, so that the random programs are not all refused at once."""
    storage = torch.arange(4.0).numpy().tobytes()
    program = b"\x80\x02}U\x01k" + PIECES[-1] + b"s."
    found = read_state_dict(archive(tmp_path / "a.pth", program, storage))
    assert torch.equal(found["k"], torch.tensor([0.0, 1.0]))
