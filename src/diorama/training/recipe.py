"""The recipe: a typed value that holds everything a training run needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from diorama.methods.base import MethodConfig


@dataclass(frozen=True, kw_only=True)
class RateConfig:
    """Learning rate as a function of images seen.

    Args:
        peak: the rate after warm-up.
        warmup: images over which the rate rises linearly from zero.
        decay: what follows: nothing, or a fall to ``final`` at the run's end.
        final: rate at the end, as a share of ``peak``.
    """

    peak: float
    warmup: int = 0
    decay: Literal["constant", "cosine", "linear"] = "constant"
    final: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("peak", self.peak), ("warmup", self.warmup), ("final", self.final)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be finite and not negative, got {value}")


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """One player's optimizer.

    Args:
        algorithm: the algorithm.
        rate: learning rate.
        betas: of Adam and AdamW; for RMSProp the first is momentum and the second its smoothing.
        eps: added to the denominator.
        weight_decay: decoupled in AdamW.
        clip: largest gradient norm; ``None`` for no clipping.
    """

    algorithm: Literal["adam", "adamw", "rmsprop"] = "adam"
    rate: RateConfig
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    clip: float | None = None


@dataclass(frozen=True, kw_only=True)
class AverageConfig:
    """Exponential moving average of weights.

    Args:
        half_life: in images; 0 keeps the last weights only.
        ramp_up: the half-life is at most this share of the images seen so far; ``None`` for no ramp.
    """

    half_life: int = 500_000
    ramp_up: float | None = 0.05


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """What is measured while training, by images seen and never by time.

    Args:
        metric: decides which model is the best.
        every: images between evaluations; 0 for none but the last.
        samples: generated per evaluation; 0 for no evaluation at all.
    """

    metric: str = "fd@lite"
    every: int = 0
    samples: int = 2_000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything a training run needs, apart from the data.

    Args:
        name: the recipe's name.
        method: networks and losses.
        optimizers: one for each player.
        images: length of the run, in images (or clips) seen.
        batch_size: images of one step over all processes.
        micro_batch: images of one forward pass; ``None`` for the whole batch of a process at once.
        flip: mirror pictures left to right at random.
        precision: ``auto`` is bf16 where the device has it in hardware, else fp32.
        channels_last: memory layout of convolutions.
        compile: ``on`` compiles the networks of first-order phases. ``auto`` replays the networks of one-phase methods
            as CUDA graphs on a GPU, which begins sooner and was faster where it was measured. ``off`` does neither.
        average: moving average of the weights.
        evaluation: in-loop measurement.
        preview_every: images between preview grids; 0 for none.
        checkpoint_every: images between resume states.
        keep: resume states that are kept, the newest.
        log_every: images between lines of the log.
        frozen: parts that are loaded and not trained: their model folders by name; the method finds them as
            ``method.frozen[NAME]``, in evaluation mode.
        seed: of initialisation, data order and training noise.
    """

    name: str
    method: MethodConfig
    optimizers: Mapping[str, OptimizerConfig]
    images: int
    batch_size: int
    micro_batch: int | None = None
    flip: bool = False
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    channels_last: bool = True
    compile: Literal["auto", "on", "off"] = "auto"
    average: AverageConfig = field(default_factory=AverageConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    preview_every: int = 0
    checkpoint_every: int = 100_000
    keep: int = 2
    log_every: int = 2_000
    frozen: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("images", "batch_size", "micro_batch", "keep"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for name in ("preview_every", "checkpoint_every", "log_every"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
