"""One generator in a comparison: what it is, what it drew, how it scored, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from diorama.comparison.kinds import KINDS, Kind, KindTraits
from diorama.core.contracts import DataInfo
from diorama.evaluation.catalog.metrics import SHIPPED, MetricCatalog
from diorama.evaluation.protocol import Result, to_json
from diorama.recipes.entry import RecipeEntry

Curve = tuple[tuple[float, float], ...]
"""(images seen, value) pairs."""


@dataclass(frozen=True, kw_only=True)
class TrainingHistory:
    """What a training took, and its curves.

    Args:
        images: seen.
        steps: taken.
        seconds: of training, interruptions left out.
        joules: used.
        energy: how joules were found.
        losses: curves by phase.
        scores: curves by metric, as measured while training.
    """

    images: int
    steps: int
    seconds: float
    joules: float
    energy: str = ""
    losses: Mapping[str, Curve] = field(default_factory=dict)
    scores: Mapping[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One generator's column.

    Args:
        name: unique in the comparison.
        kind: how it came here.
        recipe: its recipe as it was named, a shipped one or ``file.py:function``; empty where there is none.
        entry: what a catalog says of the recipe; ``None`` where none does.
        trained_column: for an untrained network, the name of the column that it became.
        parameters: of everything that draws.
        model: SHA-256 of the model; empty for foreign pictures and real records.
        count: samples measured.
        results: stamped results.
        warnings: of the measurement.
        seconds: that drawing took; ``None`` where nothing was drawn.
        history: of the training, where it is known.
        pictures: the first samples as they are shown, uint8 (n, h, w, 3) or (n, t, h, w, 3).
        stages: of the first samples on their way from noise, uint8 (n, k, h, w, 3); ``None`` where it draws in one
            pass.
        between: from samples of one seed to those of the next, uint8 (n, k, h, w, 3) or (n, k, t, h, w, 3).
        kept_budget: its training took what the comparison gave to each.
        origin: folder or archive it was read from, its name alone.
        sampler: with which a finished run is drawn where several were asked for, ``ddim:50``; empty for its own.
        seeds: the single trainings, where the recipe was trained from several seeds and the results are their means;
            pictures are left out.
    """

    name: str
    kind: Kind
    recipe: str = ""
    entry: RecipeEntry | None = None
    trained_column: str = ""
    parameters: int | None = None
    model: str = ""
    count: int = 0
    results: tuple[Result, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    history: TrainingHistory | None = None
    pictures: np.ndarray | None = None
    stages: np.ndarray | None = None
    between: np.ndarray | None = None
    kept_budget: bool = True
    origin: str = ""
    sampler: str = ""
    seeds: tuple[Column, ...] = ()

    @property
    def traits(self) -> KindTraits:
        """How columns of its kind take part."""
        return KINDS[self.kind]

    @property
    def generator(self) -> str:
        """What columns of one model share, however it is drawn: the model's name and hash, else the column's name."""
        return f"{self.origin} {self.model}" if self.sampler else self.name

    def result(self, metric: str) -> Result | None:
        """The result of a metric, if it was measured."""
        return next((result for result in self.results if result.metric == metric), None)

    @property
    def samples_per_second(self) -> float | None:
        """Drawing speed on the machine of the comparison."""
        return self.count / self.seconds if self.seconds else None

    def to_json(self) -> dict[str, Any]:
        """Every number of the column; pictures are left out."""
        return {
            "name": self.name,
            "kind": self.kind,
            "recipe": self.recipe,
            "of": self.trained_column,
            "origin": self.origin,
            "parameters": self.parameters,
            "model": self.model,
            "samples": self.count,
            "kept_budget": self.kept_budget,
            "drawing_seconds": self.seconds,
            "samples_per_second": self.samples_per_second,
            "training": None if self.history is None else asdict(self.history),
            **to_json(self.results),
            "warnings": list(self.warnings),
            **({"sampler": self.sampler} if self.sampler else {}),
            **({"seeds": [single.to_json() for single in self.seeds]} if self.seeds else {}),
        }


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The training records that are closest to a generator's first samples.

    Args:
        pictures: as they are shown, (n, h, w, 3) or (n, t, h, w, 3) uint8; ``None`` where they must not be shown.
        distances: root mean square difference in grey levels, one for each sample.
    """

    pictures: np.ndarray | None
    distances: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything a report says of one data set.

    Args:
        data: what the generators were trained on.
        budget: of each training, in words; empty when nothing was trained.
        device: in words.
        columns: the generators, in the order they are shown.
        neighbours: by column name.
        real: real records as they are shown; ``None`` where they must not be.
        searched: training records among which neighbours were looked for.
        split: that all were held against.
        reference: real records that all were held against.
        began: when it was begun, ISO 8601 with the zone.
        command: that asked for it; empty where it was no command.
        notes: sentences on how the comparison was run.
        catalog: of the metrics.
        better: which way is better, as a report that was read says of metrics that the catalog does not know.
    """

    data: DataInfo
    budget: str
    device: str
    columns: tuple[Column, ...]
    neighbours: Mapping[str, Neighbours] = field(default_factory=dict)
    real: np.ndarray | None = None
    searched: int = 0
    split: str = "train"
    reference: int = 0
    began: str = ""
    command: str = ""
    notes: tuple[str, ...] = ()
    catalog: MetricCatalog = SHIPPED
    better: Mapping[str, Literal["lower", "higher"]] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics that were measured, in order of first use."""
        return list(dict.fromkeys(result.metric for column in self.columns for result in column.results))

    @property
    def warnings(self) -> list[str]:
        """What the reader must be warned of, each once."""
        return list(dict.fromkeys(warning for column in self.columns for warning in column.warnings))

    def to_json(self) -> dict[str, Any]:
        """Every number of the comparison."""
        return {
            "data": asdict(self.data),
            "budget": self.budget,
            "device": self.device,
            "split": self.split,
            "reference": self.reference,
            "began": self.began,
            "command": self.command,
            "models": [column.to_json() for column in self.columns],
            "nearest_training_records": {
                name: {"searched": self.searched, "rms_grey_levels": list(found.distances)}
                for name, found in self.neighbours.items()
            },
            "notes": list(self.notes),
            "warnings": self.warnings,
        }
