"""Tensors that are shared out over processes, each of which holds a part; and files that all of them write.

Files are PyTorch's distributed checkpoints in their safetensors form, so that nothing is pickled: each says which part
of which tensor it holds, and any number of processes reads them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor

from diorama.core import distributed, files

if TYPE_CHECKING:
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.tensor import DTensor

# PyTorch takes a second to import what shares tensors out, for which runs of whole tensors do not wait.


def is_part(tensor: Tensor) -> TypeGuard[DTensor]:
    """Whether a tensor is shared out."""
    return hasattr(tensor, "device_mesh")


def own_part(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor, detached and in the same memory: all of it, if it is not shared out."""
    return tensor.to_local().detach() if is_part(tensor) else tensor


def part_like(part: Tensor, like: Tensor) -> Tensor:
    """A part of this process as the shared-out tensor that it belongs to.

    Args:
        part: of this process.
        like: a tensor of the same shape as the whole, shared out in the same way, or not at all.
    """
    if not is_part(like) or is_part(part):
        return part
    from torch.distributed.tensor import DTensor

    return DTensor.from_local(
        part, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )


def whole_rows(rows: Tensor, like: Tensor) -> Tensor:
    """The rows of all processes; all that share the tensor out must call it.

    Args:
        rows: (r, n), of which this process has as many as it holds of ``like`` along the first axis.
        like: a tensor that is shared out along its first axis, or not at all.

    Returns:
        (len(like), n), the same in every process.
    """
    if not is_part(like):
        return rows
    from torch.distributed.tensor import DTensor

    shape = torch.Size((like.shape[0], rows.shape[1]))
    shared = DTensor.from_local(
        rows.contiguous(), like.device_mesh, like.placements, run_check=False, shape=shape, stride=(shape[1], 1)
    )
    whole: Tensor = shared.full_tensor()
    return whole


def own_rows(whole: Tensor, like: Tensor) -> Tensor:
    """The rows of this process, as :func:`whole_rows` took them."""
    if not is_part(like):
        return whole
    from torch.distributed.tensor import DTensor, Replicate

    everywhere = DTensor.from_local(whole, like.device_mesh, [Replicate()] * like.device_mesh.ndim, run_check=False)
    rows: Tensor = everywhere.redistribute(placements=like.placements).to_local()
    return rows


def gathered(tensors: Mapping[str, Tensor], *, keep: bool = True) -> dict[str, Tensor]:
    """Whole tensors, of which those that were shared out lie on the CPU; all processes must call it.

    Args:
        tensors: some of them shared out, the same in all processes.
        keep: whether this process wants them; else it only gives its parts, and nothing comes back.
    """
    whole: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        # One after another, so that the device holds a single one of them at a time.
        value = tensor.full_tensor().detach().cpu() if is_part(tensor) else tensor
        if keep:
            whole[name] = value
    return whole


def holds_parts(tensors: Mapping[str, Tensor]) -> bool:
    """Whether some of the tensors are shared out."""
    return any(is_part(tensor) for tensor in tensors.values())


@contextmanager
def common_folder(path: Path) -> Iterator[Path]:
    """As :func:`~diorama.core.files.fresh_folder`, the same for all processes, which must all enter the block.

    The first one makes it, and puts it in place once its own block has ended well.
    """
    with files.fresh_folder(path) if distributed.is_first() else nullcontext(path) as made:
        yield Path(distributed.share(str(made)))


def write_tensors(folder: Path, tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Write tensors together, each process its parts; of those that all hold alike the first process writes its own.

    Args:
        folder: exists, and is the same for all processes.
        tensors: by name, the same names everywhere.

    Returns:
        In the first process the files' names, each with the hex SHA-256 of its content.

    Raises:
        OSError: a process cannot write, in all of them.
    """
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.api import CheckpointException

    own = {name: t.detach() for name, t in tensors.items() if is_part(t) or distributed.is_first()}
    try:
        dcp.save(own, storage_writer=dcp.HuggingFaceStorageWriter(str(folder), save_distributed=True))
    except CheckpointException as problem:
        raise _cause(problem) from problem
    # PyTorch counts processes from one.
    mine = sorted(folder.glob(f"shard-{distributed.rank() + 1:05d}-*.safetensors"))
    return dict(sorted(distributed.gather_lists([(path.name, files.sha256_of(path)) for path in mine])))


def read_tensors(folder: Path, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read all tensors of a state, whichever number of processes wrote it.

    Args:
        folder: of the state.
        parts: tensors that are shared out, by names or the beginnings of names: tensors of such a name and of the same
            shape are read as they are, each process its part. Without any, a process reads for itself.

    Returns:
        By name; what is not shared out is whole, and on the CPU.

    Raises:
        ValueError: the files are not such tensors.
    """
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata

    stored = dcp.HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata
    into: dict[str, Tensor] = {}
    for name, about in sorted(stored.items()):
        if not isinstance(about, TensorStorageMetadata):
            raise ValueError(f"{name} is no tensor")
        like, dtype = parts.get(name, parts.get(name.rpartition("/")[0])), about.properties.dtype
        if like is not None and like.shape == about.size:
            into[name] = torch.empty_like(like.detach(), dtype=dtype)
        else:
            into[name] = torch.empty(about.size, dtype=dtype)
    try:
        with warnings.catch_warnings():
            # That one process reads alone is meant.
            warnings.filterwarnings("ignore", message="torch.distributed is disabled")
            dcp.load(into, storage_reader=dcp.HuggingFaceStorageReader(str(folder)), no_dist=not parts)
    except CheckpointException as problem:
        raise _cause(problem) from problem
    return into


def _cause(problem: CheckpointException) -> BaseException:
    """What went wrong in the first process in which something did; PyTorch's own exception shows all their stacks."""
    rank, (cause, _) = min(problem.failures.items(), key=lambda failure: failure[0])
    if isinstance(cause, OSError):
        return OSError(cause.errno, f"{cause.strerror or cause} (process {rank})")
    if isinstance(cause, Exception):
        return ValueError(f"{cause} (process {rank})")
    return cause
