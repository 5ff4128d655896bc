"""What `evaluate` prints."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from diorama.cli.scores import listing, table
from diorama.evaluation.catalog.metrics import SHIPPED
from diorama.evaluation.protocol import Interval, ReferenceStamp, Result
from diorama.synthesis.base import Sampling


def _result(metric: str, value: float, low: float, high: float, real: int = 50_000) -> Result:
    interval = Interval(low=low, high=high, method="some")
    return Result(metric=metric, value=value, interval=interval, samples=3_000, reference=ReferenceStamp(count=real))


RESULTS = (
    _result("fd@lite", 4.8171234, 3.343, 4.288),
    _result("recall@lite", 0.81234567, 0.79, 0.83),
    _result("is@inception", 9.5, 9.0, 10.0, real=0),
)


def test_a_table_has_arrows_counts_and_a_meaning_for_each() -> None:
    head, *rows = list(table(RESULTS, SHIPPED, None))[:4]
    assert head.split()[:2] == ["metric", "value"]
    assert [("↓" in row, "↑" in row) for row in rows] == [(True, False), (False, True), (False, True)]
    assert rows[0].split()[:4] == ["fd@lite", "4.82", "[3.34,", "4.29]"]
    assert rows[0].endswith("3,000  50,000  How far the statistics of the samples' features are from the data's")
    assert "      -  Confidence" in rows[2]


@pytest.mark.parametrize(
    ("sampling", "line"),
    [
        (Sampling(sampler="ddim", steps=20, guidance=1.0), "drawn by ddim in 20 steps"),
        (Sampling(sampler="heun", steps=1, guidance=2.5), "drawn by heun in 1 step, guidance 2.5"),
    ],
)
def test_a_table_says_in_how_many_steps_a_model_drew(sampling: Sampling, line: str) -> None:
    drawn = [replace(result, sampling=sampling) for result in RESULTS]
    first, head = list(table(drawn, SHIPPED, None))[:2]
    assert (first, head.split()[0]) == (line, "metric")
    assert next(iter(table(RESULTS, SHIPPED, None))).startswith("metric")


def test_a_value_outside_its_interval_is_explained_once() -> None:
    lines = list(table((RESULTS[0], RESULTS[0], RESULTS[1]), SHIPPED, None))
    assert sum("biased upwards" in line for line in lines) == 1
    assert not any("biased" in line for line in table(RESULTS[1:], SHIPPED, None))


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
def test_meanings_stay_within_the_terminal(width: int) -> None:
    lines = list(table(RESULTS, SHIPPED, width))
    numbers = max(len(line) for line in lines if line.startswith(("fd@lite", "recall")))
    rows = lines[: lines.index("")]
    assert all(len(line) <= max(width, numbers) for line in rows)
    assert "from the data's" in " ".join(" ".join(rows).split())


def test_the_help_lists_every_metric_in_a_line_without_pytorch() -> None:
    code = (
        "import sys; from diorama.cli.main import run; code = run(['evaluate', '--help']); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0
    listed = [line for line in done.stdout.splitlines() if " ↓ " in line or " ↑ " in line]
    for entry in {metric.entry.name: metric.entry for metric in SHIPPED.metrics.values()}.values():
        (line,) = [line for line in listed if line.split()[0].rstrip(",").partition("@")[0] == entry.name]
        assert entry.meaning.rstrip(".") in line
    assert any("(fid, " in line for line in listed)
    assert next(iter(listing(SHIPPED))) in done.stdout
