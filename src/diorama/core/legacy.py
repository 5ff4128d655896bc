"""Reading pickled PyTorch checkpoints without running what is in them.

A pickle is a program. The reader here runs it on a machine of its own that knows only data: numbers, strings, lists,
dicts and the few names by which PyTorch stores tensors. Any other name ends the reading; nothing is imported and
nothing is called. Memory is bounded by the file's size: archives must be stored and not compressed, a tensor may not be
larger than its storage, and what a pickle names many times is counted or left as it is (``core/pickles.py``).

Two layouts are read: the zip archive of PyTorch 1.6 and later, and the stream of pickles before it.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.inert import PRECISIONS, Inert, InertArray, NumberType, PublishedObjects
from diorama.core.pickles import Name, NestedStorage, StorageRef, TensorRef, Unreadable, run_pickle, shown

_PICKLED, _ZIPPED = b"\x80", b"PK\x03\x04"
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_MOST_ITEMS, _MOST_DEPTH = 200_000, 100
_MOST_NAME = 1_000
"""Characters of a tensor's whole name; published ones have up to a hundred."""
_MOST_NAMES = 5_000_000
"""Characters of all names together: dicts that share their inner dicts give each of those many names."""
_LONGEST = 2**63 - 1
_DTYPES: Mapping[str, torch.dtype] = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
}


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name.

    Reads ``.safetensors``, and PyTorch's ``.pt``, ``.pth``, ``.bin`` or ``.ckpt``. Nested dicts are joined by dots, so
    that ``{"model": {"conv.weight": …}}`` gives ``model.conv.weight``; what is no tensor is left out.

    Raises:
        BadInput: no such file, of neither kind, broken, or holding anything but tensors, numbers, strings and
            containers.
    """
    return named_tensors(read_checkpoint(path), path)


def named_tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """What :func:`read_state_dict` gathers of a checkpoint that is read already.

    Raises:
        BadInput: as there; the message names the file.
    """
    found: dict[str, Tensor] = {}
    try:
        _Names(found).collect(content, "")
    except Unreadable as problem:
        raise BadInput(f"{path}: {problem}") from problem
    if not found:
        raise BadInput(f"{path}: holds no tensors")
    return found


def read_checkpoint(path: Path) -> Any:
    """The whole checkpoint: dicts, lists, tuples, numbers, strings and tensors on the CPU.

    Raises:
        BadInput: as :func:`read_state_dict`.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
        if path.suffix == ".safetensors":
            return load_file(path)
        if head and not head.startswith((_PICKLED, _ZIPPED)):
            raise BadInput(f"{path}: is no checkpoint: neither safetensors (.safetensors) nor a file of PyTorch's")
        return _read_zip(path) if head.startswith(_ZIPPED) else _read_stream(path)
    except Unreadable as problem:
        raise BadInput(f"{path}: {problem}") from problem
    except (OSError, SafetensorError, zipfile.BadZipFile, ValueError, RuntimeError, EOFError, OverflowError) as problem:
        # zipfile raises all of these on broken archives, and RuntimeError on encrypted ones.
        raise BadInput(f"{path}: cannot be read as a checkpoint ({problem})") from problem


def is_pickled_object(path: Path) -> bool:
    """Whether a file is one pickle by itself, as Python writes objects, and no layout of PyTorch's."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    if not data.startswith(_PICKLED) or path.suffix == ".safetensors":
        return False
    try:
        return run_pickle(data, ()).values != [_MAGIC]
    except Unreadable:
        return True


def read_objects(path: Path) -> Any:
    """What a pickle of published objects holds: as :func:`read_checkpoint`, and :class:`Inert` for each object.

    Raises:
        BadInput: broken, or holding anything but tensors, arrays, numbers, strings, containers and the objects that
            :mod:`diorama.core.inert` knows.
    """
    storages: dict[int, Tensor] = {}

    def storage(ref: StorageRef | NestedStorage) -> Tensor:
        if isinstance(ref, StorageRef):
            raise Unreadable(f"the storage {shown(ref.key)} is missing")
        # Tensors that share a storage share its bytes, which are read once.
        if id(ref.data) not in storages:
            storages[id(ref.data)] = _nested(ref.data)
        return storages[id(ref.data)]

    try:
        run = run_pickle(path.read_bytes(), _DTYPES, vocabulary=PublishedObjects())
        return _Resolver(storage)(run.values[0])
    except Unreadable as problem:
        raise BadInput(f"{path}: {problem}") from problem
    except (OSError, ValueError, OverflowError) as problem:
        raise BadInput(f"{path}: cannot be read as a pickle ({problem})") from problem


def _nested(data: bytes) -> Tensor:
    content, storage = _stream(data)
    if not isinstance(content, StorageRef):
        raise Unreadable("something else lies where a storage should be")
    return storage(content)


def tensors_of_module(module: Inert, path: Path) -> dict[str, Tensor]:
    """The state dict of a pickled module of PyTorch: parameters and buffers, its own and those of modules inside.

    Raises:
        BadInput: it is none, or its names are too long.
    """
    found: dict[str, Tensor] = {}
    try:
        _Names(found).collect(_state(module), "")
    except Unreadable as problem:
        raise BadInput(f"{path}: {problem}") from problem
    return found


def _state(module: Inert) -> dict[str, Any]:
    parameters, buffers, modules = (_dict_of(module, name) for name in ("_parameters", "_buffers", "_modules"))
    passing = module.state.get("_non_persistent_buffers_set", ())
    own = parameters | {name: tensor for name, tensor in buffers.items() if name not in passing}
    return own | {name: _state(inner) for name, inner in modules.items() if isinstance(inner, Inert)}


def _dict_of(module: Inert, name: str) -> dict[str, Any]:
    found = module.state.get(name)
    if not isinstance(found, dict):
        raise Unreadable(f"{shown(module.name)} is no module of PyTorch")
    return found


class _Names:
    """Gathers the tensors of dicts in dicts under their whole names.

    Args:
        found: where they go.
    """

    def __init__(self, found: dict[str, Tensor]) -> None:
        self.found, self.characters = found, 0

    def collect(self, value: Any, name: str) -> None:
        """Gather what a value holds.

        Raises:
            Unreadable: names are too long, one or all together.
        """
        # One long key, shared by dicts in dicts, would be written out once for each tensor and level.
        if len(name) > _MOST_NAME:
            raise Unreadable(f"the name of a tensor has more than {_MOST_NAME:,} characters: {shown(name)}")
        if isinstance(value, Tensor):
            self.characters += len(name)
            if self.characters > _MOST_NAMES:
                raise Unreadable(f"the names of its tensors have more than {_MOST_NAMES:,} characters")
            self.found[name] = value
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                self.collect(inner, f"{name}.{key}" if name else str(key))


def _read_zip(path: Path) -> Any:
    """The archive: ``NAME/data.pkl`` and one file a storage, ``NAME/data/KEY``."""
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if sum(entry.file_size for entry in entries.values()) > path.stat().st_size:
            raise Unreadable("the archive claims to hold more than the file does")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise Unreadable("the archive is compressed; PyTorch never writes it so")
        pickles = [name for name in entries if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise Unreadable("the archive holds no PyTorch checkpoint (no data.pkl)")
        root = pickles[0].removesuffix("data.pkl")
        order = entries.get(f"{root}byteorder")
        if order is not None and archive.read(order) != b"little":
            raise Unreadable("the tensors are stored big-endian")
        storages: dict[str, Tensor] = {}

        def storage(ref: StorageRef | NestedStorage) -> Tensor:
            if isinstance(ref, NestedStorage):
                raise Unreadable("a storage lies where none should be")
            name = f"{root}data/{ref.key}"
            if name not in entries:
                raise Unreadable(f"the storage {shown(ref.key)} is missing")
            if ref.key not in storages:
                storages[ref.key] = _flat(archive.read(name), ref)
            return storages[ref.key]

        content = run_pickle(archive.read(pickles[0]), _DTYPES).values[0]
        return _Resolver(storage)(content)


def _read_stream(path: Path) -> Any:
    """The older layout: magic number, protocol, system, content, keys, then every storage with its length."""
    content, storage = _stream(path.read_bytes())
    return _Resolver(storage)(content)


Storages = Callable[[StorageRef | NestedStorage], Tensor]


def _stream(data: bytes) -> tuple[Any, Storages]:
    """The content of the older layout, and what finds the storages that its tensors are views of."""
    if run_pickle(data, ()).values != [_MAGIC]:
        raise Unreadable("is no PyTorch checkpoint")
    run = run_pickle(data, _DTYPES, count=5)
    _, protocol, system, content, keys = run.values
    if protocol != _PROTOCOL or not isinstance(system, dict) or not isinstance(keys, list):
        raise Unreadable("is no PyTorch checkpoint")
    if not system.get("little_endian", True):
        raise Unreadable("the tensors are stored big-endian")
    storages: dict[str, Tensor] = {}
    stream = io.BytesIO(data)
    stream.seek(run.end)
    for key in keys:
        ref = run.storages.get(key) if isinstance(key, str) else None
        count = int.from_bytes(stream.read(8), "little", signed=True)
        if ref is None or count != ref.length or key in storages:
            raise Unreadable(f"the storage {shown(key)} does not fit the tensors that use it")
        storages[key] = _flat(stream.read(count * _DTYPES[ref.kind].itemsize), ref)

    def storage(ref: StorageRef | NestedStorage) -> Tensor:
        if isinstance(ref, NestedStorage) or ref.key not in storages:
            raise Unreadable(f"the storage {shown(getattr(ref, 'key', ''))} is missing")
        return storages[ref.key]

    return content, storage


def _flat(content: bytes, ref: StorageRef) -> Tensor:
    dtype = _DTYPES[ref.kind]
    if ref.length < 0 or len(content) < ref.length * dtype.itemsize:
        raise Unreadable(f"the storage {shown(ref.key)} is truncated")
    if not ref.length:
        return torch.empty(0, dtype=dtype)
    return torch.frombuffer(bytearray(content), dtype=dtype, count=ref.length)


class _Resolver:
    """Puts tensors in place of the references to them.

    Containers that a pickle shares are copied, so that a few bytes could unfold without end: items are counted.
    """

    def __init__(self, storage: Storages) -> None:
        self.storage, self.items = storage, 0
        self.arrays: dict[tuple[int, str], Tensor] = {}

    def __call__(self, value: Any, depth: int = 0) -> Any:
        self.items += 1
        if self.items > _MOST_ITEMS or depth > _MOST_DEPTH:
            raise Unreadable(f"holds more than {_MOST_ITEMS} items, or nests them deeper than {_MOST_DEPTH}")
        if isinstance(value, TensorRef):
            return _view(value, self.storage(value.storage))
        if isinstance(value, Name) and value in PRECISIONS:
            return value.attribute
        if isinstance(value, (Name, StorageRef, NestedStorage, NumberType)):
            raise Unreadable("holds a name or storage where a value should be")
        if isinstance(value, dict):
            return {key: self(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, Inert):
            return Inert(value.name, self(value.state, depth + 1))
        if isinstance(value, InertArray):
            return self._array(value)
        if isinstance(value, (list, tuple)):
            return type(value)(self(inner, depth + 1) for inner in value)
        return value

    def _array(self, array: InertArray) -> Tensor:
        """An array of NumPy; those that share their bytes share the memory for them."""
        numbers = array.flat()
        known = (id(array.data), array.code)
        if known not in self.arrays:
            self.arrays[known] = torch.from_numpy(numbers.copy())
        if not array.fortran:
            return self.arrays[known].reshape(array.shape)
        return self.arrays[known].reshape(array.shape[::-1]).permute(*reversed(range(len(array.shape))))


def _view(ref: TensorRef, flat: Tensor) -> Tensor:
    places = (ref.offset, *ref.size, *ref.stride)
    if len(ref.size) != len(ref.stride) or min(places) < 0 or max(places) > _LONGEST:
        raise Unreadable("a tensor's shape is broken")
    count, last = (
        math.prod(ref.size),
        ref.offset + sum((size - 1) * stride for size, stride in zip(ref.size, ref.stride, strict=True)),
    )
    if not count:
        return flat.new_empty(ref.size)
    # A stride of zero would let a few bytes stand for a tensor of any size.
    if count > flat.numel() or last >= flat.numel():
        raise Unreadable("a tensor is larger than its storage")
    return flat.as_strided(ref.size, ref.stride, ref.offset)
