"""A copy of the package to which a page's system is added, as the page says."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import diorama

PARTS = re.compile(r"^# (\d)\. [^\n]*-\n", re.MULTILINE)
"""The headings between the parts of a page's file."""


def parts_of(text: str) -> tuple[str, Mapping[int, str]]:
    """The head of a page's file (its imports) and its numbered parts."""
    head, *rest = PARTS.split(text)
    return head, {int(number): part for number, part in zip(rest[::2], rest[1::2], strict=True)}


def module_of(part: str, head: str, moved: Mapping[str, str]) -> str:
    """A part as a module of its own, with just the imports that it needs.

    Args:
        part: the code.
        head: the imports of the page's file.
        moved: modules of the names that the page's other parts define.
    """
    used = {node.id for node in ast.walk(ast.parse(part)) if isinstance(node, ast.Name)}
    lines = ["from __future__ import annotations"]
    for node in ast.parse(head).body:
        if isinstance(node, ast.Import):
            lines += [ast.unparse(node)] if used & {alias.name for alias in node.names} else []
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            names = [alias.name for alias in node.names if alias.name in used]
            lines += [f"from {node.module} import {', '.join(names)}"] if names else []
    own = {node.name for node in ast.parse(part).body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    lines += [f"from {module} import {name}" for name, module in moved.items() if name in used - own]
    return "\n".join(lines) + "\n" + part


def copy_package(folder: Path) -> Path:
    """A copy of the package's source; the folder is what ``PYTHONPATH`` is to name."""
    origin = Path(diorama.__file__).parent
    return shutil.copytree(origin, folder / "diorama", ignore=shutil.ignore_patterns("__pycache__")).parent


def join_union(catalog: Path, union: str, module: str, name: str) -> None:
    """Add a class to a union of a room's catalog."""
    text = catalog.read_text(encoding="utf-8")
    assert re.search(rf"^{union} = ", text, re.MULTILINE), f"{catalog.name} has no union {union}"
    catalog.write_text(f"{text}\nfrom {module} import {name}\n{union} = {union} | {name}\n", encoding="utf-8")
