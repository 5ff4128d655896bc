"""Every golden case passes within its own tolerance, or stands in pending.txt with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.adapters.catalog import ADAPTERS
from tests.conformance.case import golden_files, golden_folder, read_case
from tests.conformance.runner import pending_reason, read_pending, relative_error

FILES = golden_files(golden_folder())
PENDING = read_pending(Path(__file__).with_name("pending.txt"))
ABSENT = pytest.mark.skip(reason="no golden files: set DIORAMA_GOLDEN to their folder")
CASES = [pytest.param(path, id=path.stem) for path in FILES] or [pytest.param(Path(), marks=ABSENT, id="absent")]


@pytest.mark.parametrize("path", CASES)
def test_golden(path: Path, record_property: Callable[[str, object], None]) -> None:
    case, reason = read_case(path), pending_reason(path.stem, PENDING)
    adapter = ADAPTERS.get(case.kind)
    if adapter is None:
        if reason is None:
            pytest.fail(f"no adapter computes {case.kind}, and pending.txt does not say why")
        pytest.skip(f"pending: {reason}")
    if reason is not None:
        _assert_still_pending(path, reason)
    record_property("conformance", (adapter.system, relative_error(case, adapter.compute(case))))


def _assert_still_pending(path: Path, reason: str) -> None:
    """Skip a pending case, unless it passes by now."""
    case = read_case(path)
    try:
        relative_error(case, ADAPTERS[case.kind].compute(case))
    except Exception:
        pytest.skip(f"pending: {reason}")
    pytest.fail(f"{case.stem} passes: take its line out of pending.txt")


@pytest.mark.skipif(not FILES, reason="no golden files: set DIORAMA_GOLDEN to their folder")
def test_every_pending_line_names_a_case() -> None:
    unused = [glob for glob in PENDING if not any(pending_reason(p.stem, {glob: "-"}) for p in FILES)]
    assert unused == []


def test_every_pending_line_gives_a_reason() -> None:
    assert [glob for glob, reason in PENDING.items() if not reason] == []
