"""Pickles as NVIDIA's research code writes them, made without it: names of modules that do not exist here."""

from __future__ import annotations

import collections
import pickle
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

SOURCE = "raise RuntimeError('the source text of a pickle was executed')\n"


class Persistent:
    """An object that is pickled as ``torch_utils.persistence`` pickles its own."""

    def __init__(self, name: str, state: Any) -> None:
        self.name, self.state = name, state

    def __reduce__(self) -> tuple[Any, ...]:
        meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": self.name, "state": self.state}
        return (sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (meta,), None)


@contextmanager
def research_modules() -> Iterator[type[dict[str, Any]]]:
    """Inside, the names that pickles use can be written; gives ``dnnlib.EasyDict``."""
    persistence, util = types.ModuleType("torch_utils.persistence"), types.ModuleType("dnnlib.util")

    def _reconstruct_persistent_obj(meta: Any) -> None:
        raise AssertionError("a pickle called a function")

    class EasyDict(dict[str, Any]):
        pass

    for module, value in ((persistence, _reconstruct_persistent_obj), (util, EasyDict)):
        value.__module__, value.__qualname__ = module.__name__, value.__name__  # type: ignore[attr-defined]
        setattr(module, value.__name__, value)  # type: ignore[attr-defined]
    fakes = {"torch_utils": types.ModuleType("torch_utils"), "dnnlib": types.ModuleType("dnnlib")}
    fakes |= {module.__name__: module for module in (persistence, util)}
    before = {name: sys.modules.get(name) for name in fakes}
    sys.modules.update(fakes)
    try:
        yield EasyDict
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def module_of(name: str, tensors: Mapping[str, Tensor], arguments: Mapping[str, Any], buffers: tuple[str, ...]) -> Any:
    """A network with such tensors, and modules inside by the dots in their names.

    Args:
        name: of its class.
        tensors: by their whole names.
        arguments: that it was made with.
        buffers: ends of the names of those tensors that are no parameters.
    """
    inside: dict[str, dict[str, Tensor]] = collections.defaultdict(dict)
    own: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        first, _, rest = key.partition(".")
        if rest:
            inside[first][rest] = tensor
        else:
            own[first] = tensor
    state = {
        "training": False,
        "_parameters": collections.OrderedDict(
            {key: nn.Parameter(t) for key, t in own.items() if not key.endswith(buffers)} | {"absent": None}
        ),
        "_buffers": collections.OrderedDict({key: t for key, t in own.items() if key.endswith(buffers)}),
        "_non_persistent_buffers_set": set(),
        "_forward_hooks": collections.OrderedDict(),
        "_modules": collections.OrderedDict(
            {key: _inner(key, held, buffers) for key, held in inside.items()} | {"none": None}
        ),
        "_init_args": (),
        "_init_kwargs": dict(arguments),
    }
    return Persistent(name, state)


def _inner(key: str, tensors: Mapping[str, Tensor], buffers: tuple[str, ...]) -> Any:
    if key not in ("enc", "dec"):
        return module_of("Inner", tensors, {}, buffers)
    # The two that are PyTorch's own.
    held = module_of("Inner", tensors, {}, buffers)
    modules = nn.ModuleDict()
    modules.__dict__["_modules"] = held.state["_modules"]
    return modules


def write_pickle(path: Path, content: Any) -> Path:
    """Write, inside :func:`research_modules`."""
    path.write_bytes(pickle.dumps(content, protocol=4))
    return path
