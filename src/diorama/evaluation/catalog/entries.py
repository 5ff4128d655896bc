"""What a catalog of metrics is made of: plain values that say what a metric is and name the function that takes it.

Nothing here, nor in the files of the families beside it, imports PyTorch: functions are named as ``module:function``
and imported when they are used. An entry of a user's own may hold the function itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from diorama.core.errors import BadConfig

Need = Literal["pictures", "clips", "texts", "reals", "held-out reals", "pairs", "bound", "density"]
"""What a metric cannot do without: ``pictures`` or ``clips`` as samples, the ``texts`` that samples were drawn of,
``reals`` to hold samples against, ``held-out reals`` that the model was not trained on, ``pairs`` of a record and the
model's reconstruction of it, a ``bound`` that the model puts on the code length, a ``density`` that it gives to
records."""

Function = str | Callable[..., Any]
"""A function, or where it is: ``"module:function"``."""

ARROWS = {"lower": "↓", "higher": "↑"}
"""By which way is better, the sign for it."""

CLIP = "clip"
"""The view of whole clips, which every extractor of pictures has: a mean of frames beside how much they change."""


@dataclass(frozen=True, kw_only=True)
class MetricEntry:
    """What every metric says of itself. It is either a :class:`SampleMetric` or a :class:`ModelMetric`.

    Args:
        name: what stands before the ``@`` of ``fd@lite``; the whole name of a metric that has its extractor in itself.
        title: as a table's head.
        meaning: one sentence for those who have not met it.
        better: which way is better.
        function: takes the metric.
        needs: what it cannot do without.
        least: independent records, pictures or clips, that it needs at least (of reals as many, where it needs them).
        outside: why a value may lie outside its own interval; empty where it cannot.
    """

    name: str
    title: str
    meaning: str
    better: Literal["lower", "higher"]
    function: Function
    needs: tuple[Need, ...] = ()
    least: int = 1
    outside: str = ""

    def __post_init__(self) -> None:
        if type(self) is MetricEntry:
            raise TypeError(f"{self.name}: write a SampleMetric or a ModelMetric")
        if not self.name or set("@,") & set(self.name):
            raise ValueError(f"name: must not be empty nor hold '@' or ',', got {self.name!r}")
        if self.least < 1:
            raise ValueError(f"least: {self.name} needs at least 1 record, got {self.least}")


@dataclass(frozen=True, kw_only=True)
class SampleMetric(MetricEntry):
    """A metric of samples: a chain from samples to features and from all features to a number.

    ``function(pair)`` is given a :class:`~diorama.evaluation.measures.Pair` and returns a
    :class:`~diorama.evaluation.measures.Measured`.

    Args:
        extractor: whose features it is taken of; empty for any, which the metric's name then says: ``fd@lite``.
        view: which of the extractor's features; empty for those of pictures, and of whole clips under ``…-clip``.
        most: rows of each side that are compared at most, drawn by the seed; ``None`` for all.
    """

    extractor: str = ""
    view: str = ""
    most: int | None = None


@dataclass(frozen=True, kw_only=True)
class ModelMetric(MetricEntry):
    """A metric that a model is asked for: a number for each real record, and then their mean.

    ``function(asked)`` is given an :class:`~diorama.evaluation.models.Asked` and returns (b,) numbers.

    Args:
        dtype: of what is compared, for the protocol.
        how: how a record's number comes about, where its meaning does not say: for people, and in the interval's
            method.
    """

    dtype: str = "float32"
    how: str = ""


@dataclass(frozen=True, kw_only=True)
class ExtractorEntry:
    """What turns samples into features.

    Args:
        name: what stands behind the ``@`` of ``fd@lite``.
        load: ``load(device)`` returns an :class:`~diorama.evaluation.extractors.Extractor`.
        resize: how samples reach the network's size, for the protocol.
        views: what it makes of samples: ``""`` features of each picture or frame, ``clip`` of each whole clip; others
            have names that metrics refer to.
    """

    name: str
    load: Function
    resize: str = "none"
    views: tuple[str, ...] = ("", CLIP)

    def __post_init__(self) -> None:
        if not self.name or set("@,-") & set(self.name):
            raise ValueError(f"name: must not be empty nor hold '@', ',' or '-', got {self.name!r}")


CatalogEntry = MetricEntry | ExtractorEntry
"""What a file's catalog may hold beside config classes."""


def resolve(function: Function) -> Callable[..., Any]:
    """The function itself.

    Raises:
        BadConfig: there is no function where the entry says.
    """
    if not isinstance(function, str):
        return function
    module, _, name = function.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as problem:
        raise BadConfig(f"{function!r}: is no function, expected 'module:function' ({problem})") from problem
