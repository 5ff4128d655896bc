"""What is asked of a comparison, and the progress it yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from diorama.comparison.columns import Comparison
from diorama.core.durations import Budget
from diorama.synthesis.base import AS_TRAINED, Sampling
from diorama.synthesis.parts import ModelRef


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """How generators are compared. Every one of them is measured under the same protocol.

    Args:
        budget: of each training.
        seeds: trainings of each recipe, from its seed upwards.
        runs: finished runs or model folders that join as they are.
        samples: folders or archives of other people's pictures, by the name they are shown under.
        real_images: show real pictures in the report; off for private data.
        untrained: measure every recipe's untrained network as well.
        metrics: names; empty for the default ones of the media.
        split: of the data that all are held against.
        count: samples of each; ``None`` for 2,000 pictures or 256 clips.
        reference: real records; ``None`` for all of the split.
        seed: of the samples and of every draw of the measurement.
        batch_size: samples drawn at a time; ``None`` for as many as memory holds; changes no answer.
        sampling: sampler, steps and guidance of all models that draw in steps, in place of their own.
        samplers: with which samplers and steps finished runs are drawn, once with each; empty for their own. Models
            that draw in one pass join once.
        frozen: trained parts for the recipes that want them, by the name of the part.
        device: ``auto`` or what :class:`torch.device` reads.
        catalog: a user's own config classes, metrics and recipe entries.
        study: a study's export, whose judgement stands beside the metrics; ``None`` for none.
        full_size: train the recipes that were named even where there is no GPU, instead of their small counterparts.
        command: that asked for the comparison, for the report; empty where it was no command.
    """

    budget: Budget = field(default_factory=lambda: Budget(seconds=600.0))
    seeds: int = 1
    runs: tuple[Path, ...] = ()
    samples: Mapping[str, Path] = field(default_factory=dict)
    real_images: bool = True
    untrained: bool = True
    metrics: tuple[str, ...] = ()
    split: str = "train"
    count: int | None = None
    reference: int | None = None
    seed: int = 0
    batch_size: int | None = None
    sampling: Sampling = AS_TRAINED
    samplers: tuple[Sampling, ...] = ()
    frozen: Mapping[str, ModelRef] = field(default_factory=dict)
    device: str = "auto"
    catalog: tuple[object, ...] = ()
    study: Path | None = None
    full_size: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        for name in ("seeds", "count", "reference", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.samplers and not self.runs:
            raise ValueError("samplers are those of finished runs, and no run is given")
        if self.samplers and (self.sampling.sampler, self.sampling.steps) != (None, None):
            raise ValueError("samplers name a sampler and its steps, so that no others can be asked for beside them")
        if not 0 <= self.seed < 1 << 63:
            raise ValueError(f"seed must be in [0, 2^63), got {self.seed}")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a comparison stands.

    Args:
        doing: a few words: ``"training dcgan_cpu"``.
        share: of what it is doing that is done, in [0, 1]; ``None`` where that is unknown.
        detail: the newest losses and speed, say.
        note: a sentence that should stay visible.
        place: which participant it works on, from 1, and of how many; ``None`` where it is none's.
        report: the finished report, in the last one.
        comparisons: what the report shows, in the last one.
    """

    doing: str
    share: float | None = None
    detail: str = ""
    note: str = ""
    place: tuple[int, int] | None = None
    report: Path | None = None
    comparisons: tuple[Comparison, ...] = ()
