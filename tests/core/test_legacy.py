"""Pickled checkpoints are read as data, and nothing in them runs."""

from __future__ import annotations

import collections
import contextlib
import io
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from diorama.core.errors import BadInput
from diorama.core.legacy import read_checkpoint, read_state_dict

LAYOUTS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "stream"])


def write(path: Path, content: Any, zipped: bool) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def rewrite(path: Path, change: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """Replace members of a checkpoint's archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, change.get(name.partition("/")[2], content))


@LAYOUTS
def test_reads_what_pytorch_wrote(tmp_path: Path, zipped: bool) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    state = network.state_dict() | {"turned": network[0].weight.transpose(0, 1), "empty": torch.empty(0, 3)}
    found = read_state_dict(write(tmp_path / "a.pth", state, zipped))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


@LAYOUTS
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.bool, torch.complex64]
)
def test_keeps_types_and_views(tmp_path: Path, zipped: bool, dtype: torch.dtype) -> None:
    whole = torch.arange(12).to(dtype).reshape(3, 4)
    found = read_state_dict(write(tmp_path / "a.pt", {"row": whole[1], "column": whole[:, 2]}, zipped))
    assert torch.equal(found["row"], whole[1])
    assert torch.equal(found["column"], whole[:, 2])
    assert found["row"].dtype == dtype


@LAYOUTS
def test_keeps_numbers_strings_and_containers(tmp_path: Path, zipped: bool) -> None:
    content = {"epoch": 3, "rate": 1e-4, "name": "ü", "none": None, "flags": (True, [1, -(2**70)])}
    content["size"] = torch.Size([1, 2])
    content["ordered"] = collections.OrderedDict(a=1)
    content["parameter"] = nn.Parameter(torch.ones(3))
    found = read_checkpoint(write(tmp_path / "a.pth", content, zipped))
    assert torch.equal(found.pop("parameter"), torch.ones(3))
    del content["parameter"]
    assert found == content


def test_nested_state_dicts_are_joined_by_dots(tmp_path: Path) -> None:
    write(tmp_path / "a.ckpt", {"epoch": 1, "model": {"conv.weight": torch.ones(2)}}, True)
    assert list(read_state_dict(tmp_path / "a.ckpt")) == ["model.conv.weight"]


def test_reads_safetensors(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    assert torch.equal(read_state_dict(tmp_path / "a.safetensors")["a"], torch.ones(2))


def test_reads_a_checkpoint_of_python_2(tmp_path: Path) -> None:
    """An ordered dict that is called with its items, and 8-bit strings."""
    pairs = b"ccollections\nOrderedDict\n((lp0\n(lp1\nS'epoch'\naI3\naatR."
    path = write(tmp_path / "a.pth", {}, True)
    rewrite(path, {"data.pkl": pairs})
    assert read_checkpoint(path) == {"epoch": 3}


class Command:
    """What an attacker would save."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@LAYOUTS
def test_no_code_runs(tmp_path: Path, zipped: bool) -> None:
    marker = tmp_path / "ran"
    path = write(tmp_path / "a.pth", {"x": Command(marker)}, zipped)
    with pytest.raises(BadInput, match="mkdir"):
        read_checkpoint(path)
    assert not marker.exists()


@LAYOUTS
def test_a_whole_module_is_refused_by_name(tmp_path: Path, zipped: bool) -> None:
    with pytest.raises(BadInput, match=r"a\.pth: asks for torch\.nn\.modules\.linear\.Linear"):
        read_checkpoint(write(tmp_path / "a.pth", nn.Linear(1, 1), zipped))


def billion_laughs() -> bytes:
    """Thirty lists, each of the one before, ten times."""
    program = b"\x80\x02]q\x00"
    for level in range(30):
        program += b"]q" + bytes([level + 1]) + b"(" + b"h" + bytes([level]) + 9 * (b"h" + bytes([level])) + b"e"
    return program + b"."


def nested(depth: int) -> bytes:
    return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."


def itself() -> bytes:
    return b"\x80\x02]q\x00h\x00a."


def huge_view() -> bytes:
    """A tensor of 10^15 values over a storage of one."""
    storage = b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQ"
    size, stride = b"(J\x00\x00\x00\x7fJ\x00\x00\x00\x7ft", b"(K\x00K\x00t"
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + size + stride + b"\x89}tR."


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (billion_laughs(), "items"),
        (nested(5000), "deeper"),
        (itself(), "deeper"),
        (huge_view(), "larger than its storage"),
        (b"\x80\x02ctorch\nFloatStorage\n.", "where a value should be"),
        (b"\x80\x02cos\nsystem\n.", "os.system"),
        (b"\x80\x02}]K\x01s.", "strings or numbers"),
        (b"\x80\x02K\x01K\x02a.", "only lists grow"),
        (b"\x80\x02K\x01}b.", "attributes"),
        (b"\x80\x02K\x01)R.", "only names are called"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x01))tR.", "view of a storage"),
        (b"\x80\x02K\x01Q.", "no readable pickle"),
        (b"\x80\x02(U\x07storageK\x01U\x010U\x03cpuK\x01tQ.", "stand for a storage"),
        (b"\x80\x02(U\x07storagectorch\nSize\nU\x010U\x03cpuK\x01tQ.", "stand for a storage"),
        (b"\x80\x02(U\x07storagectorch\nFloatStorage\n]U\x03cpuK\x01tQ.", "stand for a storage"),
        (b"\x80\x02\x8f.", "EMPTY_SET"),
        (b"\x80\x02h\x05.", "no readable pickle"),
        (b"\x80\x02a.", "no readable pickle"),
        (b"\x80\x02", "no readable pickle"),
        (b"", "no readable pickle"),
    ],
)
def test_hostile_pickles_are_refused(tmp_path: Path, program: bytes, message: str) -> None:
    path = write(tmp_path / "a.pth", {"x": torch.ones(1)}, True)
    rewrite(path, {"data.pkl": program})
    with pytest.raises(BadInput, match=message):
        read_checkpoint(path)


def test_hostile_archives_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pth", {"x": torch.ones(1000)}, True)
    rewrite(path, {"data/0": bytes(3)})
    with pytest.raises(BadInput, match="truncated"):
        read_checkpoint(path)
    rewrite(path, {"data/0": bytes(10_000_000)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(BadInput, match="claims to hold more"):
        read_checkpoint(path)
    path = write(tmp_path / "c.pth", {"x": torch.ones(3)}, True)
    rewrite(path, {"byteorder": b"big"})
    with pytest.raises(BadInput, match="big-endian"):
        read_checkpoint(path)
    path = write(tmp_path / "d.pth", {"x": torch.randn(3)}, True)
    rewrite(path, {}, zipfile.ZIP_BZIP2)
    with pytest.raises(BadInput, match=r"compressed|claims"):
        read_checkpoint(path)
    with zipfile.ZipFile(tmp_path / "b.pth", "w") as archive:
        archive.writestr("a/readme", "x")
    with pytest.raises(BadInput, match="holds no PyTorch checkpoint"):
        read_checkpoint(tmp_path / "b.pth")


def test_a_missing_storage_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pth", {"x": torch.ones(3)}, True)
    with zipfile.ZipFile(path) as archive:
        program = archive.read("a/data.pkl")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", program)
    with pytest.raises(BadInput, match="storage '0' is missing"):
        read_checkpoint(path)


def test_a_broken_stream_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pth", {"x": torch.ones(100)}, False)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(BadInput, match="truncated"):
        read_checkpoint(path)
    path.write_bytes(whole.replace(struct.pack("<q", 100), struct.pack("<q", 1 << 60)))
    with pytest.raises(BadInput, match="does not fit"):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(BadInput, match="is no PyTorch checkpoint"):
        read_checkpoint(path)
    header = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {}, [["0"]])
    path.write_bytes(b"".join(pickle.dumps(value, 2) for value in header))
    with pytest.raises(BadInput, match="does not fit"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04rest", bytes(100)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("a.pth", "a.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput, match=name):
            read_state_dict(tmp_path / name)


def test_a_missing_file_and_one_without_tensors_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.pth"):
        read_state_dict(tmp_path / "none.pth")
    with pytest.raises(BadInput, match="holds no tensors"):
        read_state_dict(write(tmp_path / "a.pth", {"epoch": 1}, True))


def _written(zipped: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save({"x": torch.arange(6.0), "n": 1}, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


WRITTEN = {True: _written(True), False: _written(False)}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(zipped=st.booleans(), place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_any_flipped_byte_is_read_or_refused(tmp_path: Path, zipped: bool, place: float, value: int) -> None:
    content = bytearray(WRITTEN[zipped])
    content[int(place * len(content))] = value
    (tmp_path / "a.pth").write_bytes(content)
    with contextlib.suppress(BadInput):
        read_checkpoint(tmp_path / "a.pth")


def test_reads_published_checkpoints(real_data: Any) -> None:
    found = read_state_dict(real_data("lpips") / "alex.pth")
    assert found["lin0.model.1.weight"].shape == (1, 64, 1, 1)
