"""House rules that a reader feels: small files and functions, no grab bags, no hidden parameters."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.source import ROOT, SOURCE, functions, modules

FILE_LINES, FUNCTION_LINES, PARAMETERS = 400, 60, 8
TRAINING_FILES = 14
DRAWERS = re.compile(r"^(utils?|helpers?|misc|common|tools)(_.*)?\.py$|_utils\.py$")


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def _is_kernel(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A GPU kernel takes pointers and sizes one by one."""
    return any(ast.unparse(decorator).startswith("triton.jit") for decorator in function.decorator_list)


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None and first.end_lineno is not None:
        lines -= first.end_lineno - first.lineno + 1
    return lines


def test_files_have_one_reason_to_exist() -> None:
    assert [str(p) for p in modules() if len((SOURCE / p).read_text().splitlines()) > FILE_LINES] == []


def test_training_is_read_in_few_files() -> None:
    """Following a recipe to the optimizer's step once led through most of 26 files."""
    files = [str(path) for path in modules() if path.parts[0] == "training" and path.name != "__init__.py"]
    assert len(files) <= TRAINING_FILES, files


def test_functions_fit_on_a_page() -> None:
    long = [
        f"{path}:{function.lineno} {function.name} has {_code_lines(function)} lines"
        for path, tree in modules().items()
        for function in functions(tree)
        if _code_lines(function) > FUNCTION_LINES
    ]
    assert long == []


def test_functions_take_few_parameters() -> None:
    wide = [
        f"{path}:{function.lineno} {function.name} takes {_parameters(function)}"
        for path, tree in modules().items()
        for function in functions(tree)
        if _parameters(function) > PARAMETERS and not _is_kernel(function)
    ]
    assert wide == []


def test_no_hidden_parameters_in_public_functions() -> None:
    bags = [
        f"{path}:{function.lineno} {function.name}"
        for path, tree in modules().items()
        for function in functions(tree)
        if function.args.kwarg is not None and not function.name.startswith("_")
    ]
    assert bags == []


def test_no_drawers() -> None:
    assert [str(path) for path in modules() if DRAWERS.search(path.name)] == []


def test_public_modules_classes_and_functions_say_what_they_are() -> None:
    silent = []
    for path, tree in modules().items():
        if path.name == "__init__.py":
            continue
        nodes: list[ast.Module | ast.ClassDef | ast.FunctionDef] = [tree]
        nodes += [n for n in tree.body if isinstance(n, (ast.ClassDef, ast.FunctionDef)) and not n.name.startswith("_")]
        silent += [f"{path} {getattr(n, 'name', '')}" for n in nodes if ast.get_docstring(n) is None]
    assert silent == []


UNPORTABLE = {
    "os.fork": "processes start by spawn",
    "os.getuid": "Windows has no user numbers",
    "signal.SIGKILL": "Windows has no SIGKILL",
    "signal.alarm": "Windows has no alarm",
    "resource": "Windows has no resource module",
    "pwd": "Windows has no pwd module",
}
GUARDED = {"core/locks.py"}
"""The one file in which a call that a system lacks may stand, behind a check."""


def unportable(tree: ast.Module) -> list[str]:
    """Calls and imports that macOS or Windows lack, and processes that fork."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in UNPORTABLE:
            found.append(f"{ast.unparse(node)} (line {node.lineno})")
        if isinstance(node, ast.Import):
            found += [f"import {a.name} (line {node.lineno})" for a in node.names if a.name in (*UNPORTABLE, "fcntl")]
        if isinstance(node, ast.Constant) and node.value in ("fork", "forkserver"):
            found.append(f"{node.value!r} (line {node.lineno})")
    return found


def test_no_call_that_another_system_lacks() -> None:
    found = {str(p): unportable(t) for p, t in modules().items() if p.as_posix() not in GUARDED}
    assert {path: calls for path, calls in found.items() if calls} == {}


@pytest.mark.parametrize("code", ["import os\nos.fork()", "import fcntl", "get_context('fork')", "import resource"])
def test_an_unportable_call_is_seen(code: str) -> None:
    assert unportable(ast.parse(code)) != []


def test_constraints_name_no_place_and_nothing_of_pytorch() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in packages if not re.match(r"^[a-z0-9][a-z0-9._-]*==[\w.]+( ; .+)?$", line)] == []
    closure = {"torch", "triton", "sympy", "networkx", "jinja2", "fsspec", "filelock", "mpmath"}
    assert {line.split("==")[0] for line in packages} & closure == set()


def test_nothing_is_pickled() -> None:
    writers = ("torch.save", "pickle.dump", "pickle.dumps", "pickle.load", "pickle.loads", "torch.load")
    found = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in writers
    ]
    assert found == []


def test_repository_names_no_machine() -> None:
    shared = re.compile("/" + "work/|/" + "root/|pypi" + "-more|/" + "opt/")
    texts = [p for p in ROOT.rglob("*") if p.suffix in (".py", ".md", ".toml", ".txt", ".yml") and p.is_file()]
    kept = [p for p in texts if not any(part.startswith(".") for part in p.relative_to(ROOT).parts)]
    outside = {"demo", "build", "runs"}
    named = [
        str(p.relative_to(ROOT))
        for p in kept
        if p.relative_to(ROOT).parts[0] not in outside and shared.search(Path(p).read_text(errors="replace"))
    ]
    assert named == []
