"""Prints the table of conformance after the tests."""

from __future__ import annotations

import pytest

from tests.conformance.runner import table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """System, cases and worst relative error of the golden cases that passed."""
    reports = terminalreporter.getreports("passed")
    rows = [tuple(value) for report in reports for name, value in report.user_properties if name == "conformance"]
    if rows:
        terminalreporter.section("conformance")
        terminalreporter.write_line(table(rows))
