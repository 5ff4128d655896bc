"""Resume states: what goes in comes out, and nothing half-written is ever read."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput, TrainingFailed
from diorama.training import folder

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(tree=TREES)
def test_a_tree_without_tensors_comes_back(tree: Any, tmp_path: Path) -> None:
    folder.write_state(tmp_path, {"tree": tree})
    assert folder.read_state(tmp_path)["tree"] == tree


def test_tensors_come_back_bit_for_bit_whatever_their_layout(tmp_path: Path) -> None:
    weight = torch.randn(2, 8, 3, 3)
    state = {
        "plain": weight,
        "channels last": weight.contiguous(memory_format=torch.channels_last),
        "tied": [weight, weight],
        "numbered": {0: torch.tensor(3), 7: torch.tensor([], dtype=torch.float16)},
    }
    folder.write_state(tmp_path, state)
    back = folder.read_state(tmp_path)
    assert list(back["numbered"]) == [0, 7]
    assert back["numbered"][7].dtype == torch.float16
    for value in (back["plain"], back["channels last"], *back["tied"]):
        assert torch.equal(value, weight)


def test_no_pickle_is_written(tmp_path: Path) -> None:
    folder.write_state(tmp_path, {"weight": torch.ones(3)})
    assert {path.name for path in tmp_path.iterdir()} == {folder.TENSORS, folder.REST}


@pytest.mark.parametrize("name", [folder.TENSORS, folder.REST])
def test_a_cut_off_file_is_named(name: str, tmp_path: Path) -> None:
    folder.write_state(tmp_path, {"weight": torch.ones(300)})
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match=tmp_path.name):
        folder.read_state(tmp_path)


@pytest.mark.parametrize("name", [folder.TENSORS, folder.REST])
def test_a_changed_value_is_found_by_its_hash(name: str, tmp_path: Path) -> None:
    folder.write_state(tmp_path, {"weight": torch.ones(300), "step": 1234})
    content = (tmp_path / name).read_bytes()
    changed = content.replace(b"1234", b"1235") if name == folder.REST else content[:-1] + b"\x40"
    (tmp_path / name).write_bytes(changed)
    with pytest.raises(BadInput, match=f"the hash of {name} has changed"):
        folder.read_state(tmp_path)


def test_two_tensors_never_share_a_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="share the path"):
        folder.write_state(tmp_path, {"a": {"b/c": torch.ones(1)}, "a/b": {"c": torch.ones(1)}})


def test_a_full_disk_is_told_with_its_consequence() -> None:
    with (
        pytest.raises(TrainingFailed, match=r"the state cannot be written: the disk is full\. All is well"),
        folder.writing("the state", "All is well"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
