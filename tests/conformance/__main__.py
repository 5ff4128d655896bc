"""Compute golden cases whose outputs have been removed, or print the table of those that are known.

``python -m tests.conformance FOLDER --out OTHER`` writes ``OTHER/<same file name>`` for every case in FOLDER;
``python -m tests.conformance --table [FOLDER]`` compares with the stored outputs and prints the worst errors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from safetensors.torch import save_file

from tests.conformance.adapters.catalog import ADAPTERS
from tests.conformance.case import Case, golden_files, golden_folder, read_case
from tests.conformance.runner import Adapter, pending_reason, read_pending, relative_error, table

PENDING = Path(__file__).with_name("pending.txt")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, or 1 when a case that has an adapter failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=golden_folder(), help="golden files")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--out", type=Path, help="where the computed outputs are written")
    action.add_argument("--table", action="store_true", help="print systems, cases and worst relative errors")
    given = parser.parse_args(arguments)
    if not given.folder.is_dir():
        parser.error(f"{given.folder}: there is no such folder")
    return print_table(given.folder) if given.table else compute_outputs(given.folder, given.out)


def compute_outputs(folder: Path, out: Path) -> int:
    """Write the outputs of every case that an adapter computes; a case that fails does not stop the others."""
    out.mkdir(parents=True, exist_ok=True)
    written, failed, missing = 0, 0, 0
    for path in golden_files(folder):
        try:
            case = read_case(path)
            adapter = ADAPTERS.get(case.kind)
            if adapter is None:
                missing += 1
                print(f"{path.stem}: no adapter for {case.kind}")
                continue
            outputs = adapter.compute(case)
            tensors = {f"output/{name}": value.detach().contiguous().clone() for name, value in outputs.items()}
            save_file(tensors, out / path.name)
        except Exception as problem:
            failed += 1
            print(f"{path.stem}: {type(problem).__name__}: {problem}", file=sys.stderr)
        else:
            written += 1
    print(f"{written} cases written, {failed} failed, {missing} without an adapter")
    return 1 if failed else 0


def reached(folder: Path) -> Iterator[tuple[Path, Case, Adapter]]:
    """Every case that an adapter computes and that is not pending."""
    pending = read_pending(PENDING)
    for path in golden_files(folder):
        case = read_case(path)
        adapter = ADAPTERS.get(case.kind)
        if adapter is not None and pending_reason(path.stem, pending) is None:
            yield path, case, adapter


def print_table(folder: Path) -> int:
    """Compare every case that an adapter computes with its stored outputs."""
    rows, failed = [], 0
    for path, case, adapter in reached(folder):
        try:
            rows.append((adapter.system, relative_error(case, adapter.compute(case))))
        except Exception as problem:
            failed += 1
            print(f"{path.stem}: {type(problem).__name__}: {problem}", file=sys.stderr)
    print(table(rows))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
