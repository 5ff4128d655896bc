"""A user's own Python file: it is run once, and its ``CATALOG`` says what Diorama is to know of it.

``CATALOG`` is a tuple. Config classes in it are read back from JSON as the shipped ones are; entries in it (of recipes,
say) stand beside those of the shipped catalogs.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TypeVar
from zlib import crc32

from diorama.core.errors import BadInput

T = TypeVar("T")


def file_and_name(word: str | Path) -> tuple[Path, str]:
    """The two parts of ``file.py:name``; the name is empty where the file stands alone."""
    path, colon, name = str(word).rpartition(":")
    # A drive letter has a colon too: what follows the last one is a name only if it is no Python file.
    return (Path(path), name) if colon and not name.endswith(".py") else (Path(word), "")


def catalog_of(files: Iterable[str | Path]) -> tuple[object, ...]:
    """All that users' files name in their ``CATALOG``; arguments and errors are :func:`members_of`'s.

    Whoever is handed it takes what concerns them: config classes to read a model, metrics to measure it.
    """
    return members_of(files, object)


def members_of(files: Iterable[str | Path], kind: type[T]) -> tuple[T, ...]:
    """What users' files name in their ``CATALOG``, of one kind.

    Args:
        files: paths of Python files; a ``file.py:function`` may be given as well.
        kind: ``type`` for config classes, or the class of the entries that are wanted.

    Raises:
        BadInput: a file is missing or cannot be run, or its ``CATALOG`` holds what is neither a class nor an entry.
    """
    members: list[T] = []
    for file in files:
        path, _ = file_and_name(file)
        named = getattr(load_file(path), "CATALOG", ())
        if not isinstance(named, (tuple, list)):
            raise BadInput(f"{path}: CATALOG must be a tuple of config classes and entries, got {named!r}")
        for item in named:
            if not isinstance(item, type) and not dataclasses.is_dataclass(item):
                raise BadInput(f"{path}: CATALOG must hold config classes and entries, got {item!r}")
            if isinstance(item, kind):
                members.append(item)
    # A file may be named twice, by a recipe and by --with.
    return tuple(dict.fromkeys(members))


def load_file(path: Path) -> ModuleType:
    """Run a user's Python file once and return it as a module.

    Raises:
        BadInput: the file is missing or raises while it runs.
    """
    if not path.is_file():
        raise BadInput(f"{path}: there is no such Python file")
    # One module per file, however often it is named: its classes must stay identical between uses.
    name = f"diorama_user_{path.stem}_{crc32(str(path.resolve()).encode()):08x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path}: is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses with postponed annotations look their module up in sys.modules while it still runs.
    sys.modules[name] = module
    # As for a script, files beside it can be imported.
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        del sys.modules[name]
        raise BadInput(f"{path}: {type(problem).__name__} while it ran: {problem}") from problem
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module
