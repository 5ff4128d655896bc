"""The house has floors; an import may only go down."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import modules

FLOORS = (
    ("core",),
    ("media", "nn", "processes", "text", "web"),
    ("data", "networks", "samplers"),
    ("interop",),
    ("losses", "metrics", "synthesis"),
    ("evaluation", "methods", "tasks", "trust"),
    ("training",),
    ("recipes",),
    ("comparison", "studio", "study"),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of what a module imports, wherever the import stands; relative ones start with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def breaches(path: Path, tree: ast.Module) -> Iterator[str]:
    room = path.parts[0].removesuffix(".py")
    for name in imports(tree):
        if name.startswith("."):
            yield f"{path}: relative import {name}"
        top, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if top != "diorama" or target in (room, "", "__version__"):
            continue
        if room == "__init__" or FLOOR[target] >= FLOOR[room]:
            yield f"{path}: {room} must not import {target}"


def test_imports_only_go_down() -> None:
    assert [breach for path, tree in modules().items() for breach in breaches(path, tree)] == []


def test_a_breach_is_seen() -> None:
    up = ast.parse("def late():\n    from diorama.training.run import train")
    beside = ast.parse("import diorama.samplers.ddim")
    assert list(breaches(Path("core/x.py"), up)) == ["core/x.py: core must not import training"]
    assert list(breaches(Path("networks/x.py"), beside)) == ["networks/x.py: networks must not import samplers"]
    assert list(breaches(Path("core/x.py"), ast.parse("from .y import z"))) == ["core/x.py: relative import .y.z"]


def test_every_room_has_a_floor() -> None:
    rooms = {path.parts[0].removesuffix(".py") for path in modules()}
    assert rooms - set(FLOOR) == {"__init__"}


def test_package_files_are_empty() -> None:
    filled = [str(path) for path, tree in modules().items() if path.name == "__init__.py" and tree.body]
    assert filled == ["__init__.py"]
