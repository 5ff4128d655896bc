"""Tensors that are shared out, here over a single process: as parts, whole again, and in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import Shard, distribute_tensor

from diorama.core import distributed
from diorama.core.shards import (
    common_folder,
    gathered,
    holds_parts,
    is_part,
    own_part,
    part_like,
    read_tensors,
    write_tensors,
)


@pytest.fixture
def mesh() -> Iterator[DeviceMesh]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield distributed.mesh(torch.device("cpu"))
    dist.destroy_process_group()


def shared(value: Tensor, mesh: DeviceMesh) -> Tensor:
    return distribute_tensor(value, mesh, [Shard(0)])


def test_a_part_shares_its_memory_with_the_tensor_and_finds_back_to_it(mesh: DeviceMesh) -> None:
    whole, plain = torch.arange(6.0).view(3, 2), torch.ones(2)
    tensor = shared(whole.clone(), mesh)
    assert is_part(tensor)
    assert not is_part(plain)
    own_part(tensor).add_(1)
    assert torch.equal(gathered({"a": tensor})["a"], whole + 1)
    assert own_part(plain) is plain
    back = part_like(own_part(tensor), tensor)
    assert is_part(back)
    assert torch.equal(gathered({"a": back})["a"], whole + 1)
    assert part_like(plain, plain) is plain
    assert gathered({"a": tensor, "b": plain}, keep=False) == {}


def test_what_is_written_together_is_read_as_parts_or_whole(mesh: DeviceMesh, tmp_path: Path) -> None:
    whole = torch.randn(5, 3)
    tensors = {"/a/weight": shared(whole, mesh), "/count": torch.tensor(7), "/half": torch.ones(2).bfloat16()}
    assert holds_parts(tensors)
    assert not holds_parts({"/count": tensors["/count"]})
    with common_folder(tmp_path / "state") as folder:
        sums = write_tensors(folder, tensors)
        assert set(sums) == {path.name for path in folder.iterdir()}
    back = read_tensors(tmp_path / "state", {})
    assert torch.equal(back["/a/weight"], whole)
    assert back["/count"] == 7
    assert back["/half"].dtype == torch.bfloat16
    # By the beginning of its name, and only where the shape is that of the whole.
    like = {"/a": shared(torch.zeros(5, 3), mesh), "/half": shared(torch.zeros(3), mesh)}
    parts = read_tensors(tmp_path / "state", like)
    assert is_part(parts["/a/weight"])
    assert torch.equal(gathered(parts)["/a/weight"], whole)
    assert not is_part(parts["/half"])


def test_a_disk_that_cannot_be_written_says_so(mesh: DeviceMesh, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="process 0"):
        write_tensors(tmp_path / "file/state", {"a": shared(torch.ones(2), mesh)})
