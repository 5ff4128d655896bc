"""What is said of a metric comes from its entry, whoever wrote it."""

from __future__ import annotations

from dataclasses import replace

from diorama.comparison.tables import score_chart, score_table
from diorama.comparison.verdict import best
from diorama.comparison.words import described
from diorama.evaluation.catalog.entries import SampleMetric
from diorama.evaluation.catalog.metrics import catalog_with
from tests.comparison.examples import comparison, result


def test_a_metric_is_described_by_its_entry() -> None:
    found = described(comparison(), "kid@lite-clip")
    assert (found.title, found.better) == ("Kernel distance (clips)", "lower")
    assert "the value may lie outside" in found.outside


def test_a_metric_that_nobody_knows_keeps_its_name() -> None:
    found = described(comparison(), "sharpness@old")
    assert (found.title, found.meaning, found.outside) == ("sharpness@old", "", "")


def test_the_direction_of_a_metric_of_ones_own_decides_who_is_best() -> None:
    own = SampleMetric(name="dust", title="Dust", meaning="Specks.", better="lower", function=print, outside="It may.")
    whole = comparison()
    columns = tuple(replace(c, results=(result("dust@lite", i + 1.0, 0.1),)) for i, c in enumerate(whole.columns))
    dusty = replace(whole, columns=columns, catalog=catalog_with((own,)))
    winner = best(dusty, "dust@lite")
    assert winner is not None
    assert winner.name == columns[0].name
    table = score_table(dusty)
    assert "Dust&nbsp;↓" in table
    assert "It may." in table
    assert "Fréchet" not in table
    assert "Specks. Lower is better." in score_chart(dusty)
