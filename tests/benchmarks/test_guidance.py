"""What is asked of the models that a table of guidance is of."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import guidance
from diorama.evaluation.run import EvaluateOptions


@pytest.mark.parametrize(
    ("kind", "asked", "guided"),
    [
        ("none", None, False),
        ("cfg:low=0.2,high=2", "cfg:low=0.2,high=2", False),
        ("autoguidance", "autoguidance", True),
        ("classifier:form=score", "classifier:form=score", True),
    ],
)
def test_a_kind_is_measured_with_its_settings(
    kind: str, asked: str | None, guided: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[EvaluateOptions] = []

    def evaluated(model: Path, split: Any, options: EvaluateOptions) -> SimpleNamespace:
        seen.append(options)
        interval = SimpleNamespace(low=1.0, high=2.0)
        return SimpleNamespace(results=[SimpleNamespace(metric="fd@lite", value=1.5, interval=interval)])

    monkeypatch.setattr(guidance, "evaluate", evaluated)
    given = {"guide": Path("guide"), "model": Path("model"), "cache": Path("cache")}
    row = guidance.row_of(kind, 2.0, None, Namespace(count=9, reference=9, device="cpu", **given))  # type: ignore[arg-type]
    assert (row.kind, row.low, row.high) == (kind, 1.0, 2.0)
    (options,) = seen
    assert (options.sampling.guidance_kind, options.sampling.guidance) == (asked, 2.0)
    assert options.guide == (Path("guide") if guided else None)
