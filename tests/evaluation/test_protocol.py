"""Results keep their protocol through JSON, and refuse to be compared across protocols."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from diorama.core.errors import BadConfig, BadInput
from diorama.evaluation.protocol import (
    DifferentProtocols,
    ExtractorStamp,
    Interval,
    ReferenceStamp,
    Result,
    clearly_below,
    differences,
    from_json,
    read_results,
    require_same_protocol,
    to_json,
    write_results,
)
from diorama.synthesis.base import Sampling

RESULT = Result(
    metric="fd@lite",
    value=3.0,
    interval=Interval(low=2.0, high=2.5, method="m"),
    extractor=ExtractorStamp(name="lite", sha256="ab"),
    resize="none",
    samples=500,
    reference=ReferenceStamp(count=1000, sha256="cd"),
)


def test_the_json_form_is_fixed() -> None:
    assert to_json([RESULT]) == {
        "results": [
            {
                "metric": "fd@lite",
                "value": 3.0,
                "interval": {"low": 2.0, "high": 2.5, "level": 0.95, "method": "m"},
                "extractor": {"name": "lite", "sha256": "ab"},
                "resize": "none",
                "dtype": "float32",
                "samples": 500,
                "reference": {"count": 1000, "sha256": "cd"},
                "seed": 0,
            }
        ]
    }


def test_the_sampler_stands_where_a_model_drew_in_steps(tmp_path: Path) -> None:
    drawn = replace(RESULT, sampling=Sampling(sampler="ddim", steps=50, guidance=1.0))
    (written,) = to_json([drawn])["results"]
    assert written["sampling"] == {"sampler": "ddim", "steps": 50, "guidance": 1.0}
    write_results(tmp_path / "r.json", [drawn])
    assert read_results(tmp_path / "r.json") == [drawn]
    require_same_protocol([drawn, RESULT])


def test_files_give_back_what_was_written(tmp_path: Path) -> None:
    write_results(tmp_path / "r.json", [RESULT, RESULT])
    assert read_results(tmp_path / "r.json") == [RESULT, RESULT]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("{", BadInput, "not JSON"),
        ("[]", BadInput, "list 'results'"),
        ('{"results": [{"metric": "fd@lite"}]}', BadConfig, "value"),
        ('{"results": [{"metric": "fd", "value": 1, "samples": 1, "interval": {}}]}', BadConfig, "interval"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: str, error: type[Exception], words: str) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(error, match=words):
        read_results(tmp_path / "r.json")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"r\.json"):
        read_results(tmp_path / "r.json")


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "kid@lite"},
        {"extractor": ExtractorStamp(name="lite", sha256="ff")},
        {"resize": "bilinear"},
        {"dtype": "float16"},
        {"samples": 501},
        {"reference": ReferenceStamp(count=999, sha256="cd")},
    ],
)
def test_different_protocols_refuse(change: dict[str, object]) -> None:
    other = replace(RESULT, **change)  # type: ignore[arg-type]
    (difference,) = differences(RESULT, other)
    assert difference.startswith(next(iter(change)))
    with pytest.raises(DifferentProtocols, match=next(iter(change))):
        require_same_protocol([RESULT, other])
    with pytest.raises(DifferentProtocols):
        clearly_below(RESULT, other)


def test_a_seed_names_a_draw_not_a_protocol() -> None:
    require_same_protocol([RESULT, replace(RESULT, seed=7)])


def test_clearly_below_needs_disjoint_intervals() -> None:
    above = replace(RESULT, interval=Interval(low=2.6, high=3.0, method="m"))
    touching = replace(RESULT, interval=Interval(low=2.4, high=3.0, method="m"))
    assert clearly_below(RESULT, above)
    assert not clearly_below(RESULT, touching)
    assert not clearly_below(above, RESULT)


def test_results_are_finite_and_intervals_ordered() -> None:
    with pytest.raises(ValueError, match="finite"):
        replace(RESULT, value=float("nan"))
    with pytest.raises(ValueError, match="low <= high"):
        Interval(low=1.0, high=0.0, method="m")
    assert from_json(json.loads(json.dumps(to_json([])))) == []
