"""Numbers carry their protocol: what was measured, by which extractor, on how many samples, against what.

The JSON of results is read by other programs, so its shape is fixed::

    {"results": [{"metric": "fd@lite", "value": 3.1,
                  "interval": {"low": 2.9, "high": 3.2, "level": 0.95, "method": "…"},
                  "extractor": {"name": "lite", "sha256": "…"}, "resize": "…", "dtype": "float32",
                  "samples": 5000, "reference": {"count": 50000, "sha256": "…"}, "seed": 0,
                  "sampling": {"sampler": "ddim", "steps": 50, "guidance": 1.0}}]}

``sampling`` stands only where a model drew the samples in steps; of files nobody knows it. It also names the kind of
guidance, as ``guidance_kind``, where that is not the classifier-free one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from diorama.core.config import decode
from diorama.core.errors import BadInput, DioramaError
from diorama.core.files import write_json
from diorama.core.numbers import interval_words
from diorama.synthesis.base import Sampling


class DifferentProtocols(DioramaError):
    """Two results that must not be compared. The message names every field that differs."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A confidence interval for the quantity that the metric estimates.

    Args:
        low: lower end.
        high: upper end, at least ``low``.
        level: nominal coverage in (0, 1).
        method: how it was made, in a few words.
    """

    low: float
    high: float
    level: float = 0.95
    method: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"an interval needs low <= high, got {self.low} and {self.high}")


@dataclass(frozen=True, kw_only=True)
class ExtractorStamp:
    """Which network the features came from; both empty for metrics that use none.

    Args:
        name: ``"lite"``, ``"inception"`` …
        sha256: hash of its weights file.
    """

    name: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class ReferenceStamp:
    """Which real records the samples were held against.

    Args:
        count: records (pictures, or frames or clips of a video metric).
        sha256: hash that names the data, the split and the records chosen from it.
    """

    count: int = 0
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One number and everything that must be equal before it may be held against another.

    Args:
        metric: name, ``"fd@lite"``.
        value: the number that the literature would report under this name.
        interval: where the true quantity lies.
        extractor: the feature network.
        resize: how pictures were brought to the extractor's size.
        dtype: of the features.
        samples: records that were measured.
        reference: the real records.
        seed: of every random choice that the measurement made.
        sampling: how the samples were drawn, where a model drew them in steps. It is no part of the protocol, since
            samplers are compared by what they draw.
    """

    metric: str
    value: float
    interval: Interval
    extractor: ExtractorStamp = field(default_factory=ExtractorStamp)
    resize: str = "none"
    dtype: str = "float32"
    samples: int
    reference: ReferenceStamp = field(default_factory=ReferenceStamp)
    seed: int = 0
    sampling: Sampling | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"{self.metric} is {self.value}: a result must be finite")


PROTOCOL = ("metric", "extractor", "resize", "dtype", "samples", "reference")
"""The fields that must agree. The seed is not one of them: it names a draw, not a way of measuring."""


def in_words(result: Mapping[str, Any]) -> str:
    """One line for people: the value and its interval.

    A Fréchet distance of finite samples is biased upwards and may lie above the interval, which is for the distance
    between what the samples were drawn from; so the line says which is which.

    Args:
        result: a result as JSON.
    """
    interval = result["interval"]
    value, low, high = interval_words(result["value"], interval["low"], interval["high"])
    biased = result["metric"].partition("@")[0] == "fd"
    return f"{value}{', true distance in' if biased else ''} [{low}, {high}]"


def differences(first: Result, second: Result) -> list[str]:
    """The protocol fields in which two results differ, as ``"samples: 500 and 2000"``; empty when comparable."""
    pairs = ((name, getattr(first, name), getattr(second, name)) for name in PROTOCOL)
    return [f"{name}: {_plain(a)} and {_plain(b)}" for name, a, b in pairs if a != b]


def require_same_protocol(results: Iterable[Result]) -> None:
    """Refuse results that were measured differently.

    Raises:
        DifferentProtocols: naming what differs between the first result and the first one that does not fit it.
    """
    first: Result | None = None
    for result in results:
        first = first or result
        if differing := differences(first, result):
            raise DifferentProtocols(f"results of different protocols cannot be compared: {'; '.join(differing)}")


def clearly_below(first: Result, second: Result) -> bool:
    """Whether the first result's interval lies wholly below the second's.

    Raises:
        DifferentProtocols: the two were measured differently.
    """
    require_same_protocol((first, second))
    return first.interval.high < second.interval.low


def to_json(results: Sequence[Result]) -> dict[str, Any]:
    """The fixed JSON form of results."""
    return {"results": [_as_json(result) for result in results]}


def _as_json(result: Result) -> dict[str, Any]:
    # The form of samples that lie in files is older than the field, and other programs read it.
    value = {key: v for key, v in asdict(result).items() if key != "sampling"}
    return value if result.sampling is None else value | {"sampling": result.sampling.in_json()}


def from_json(value: Any, where: str = "results") -> list[Result]:
    """Results from their JSON form.

    Raises:
        BadConfig: a missing, unknown or wrong field; the message names its path.
        BadInput: there is no list ``results``.
    """
    if not isinstance(value, dict) or not isinstance(value.get("results"), list):
        raise BadInput(f"{where}: expected an object with a list 'results'")
    return [decode(Result, item, f"{where}[{i}]") for i, item in enumerate(value["results"])]


def write_results(path: Path, results: Sequence[Result]) -> None:
    """Write results atomically as JSON."""
    write_json(path, to_json(results))


def read_results(path: Path) -> list[Result]:
    """Read results that :func:`write_results` wrote.

    Raises:
        BadInput: the file is missing or is not JSON of that form.
        BadConfig: a field does not fit.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror})") from problem
    except ValueError as problem:
        raise BadInput(f"{path}: is not JSON ({problem})") from problem
    return from_json(content, path.name)


def _plain(value: Any) -> str:
    if isinstance(value, ExtractorStamp):
        return f"{value.name or 'none'} ({value.sha256[:12]})"
    if isinstance(value, ReferenceStamp):
        return f"{value.count} records ({value.sha256[:12]})"
    return str(value)
