"""The recipe: a typed value that holds everything a training run needs; and how it is run on this machine, today."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from diorama.core.config import LATER
from diorama.methods.base import MethodConfig
from diorama.synthesis.parts import ModelRef

_FALLS: Mapping[str, Callable[[float], float]] = {
    "cosine": lambda way: 0.5 * (1.0 + math.cos(math.pi * way)),
    "linear": lambda way: 1.0 - way,
    "root": lambda way: 1.0 - math.sqrt(way),
}
"""What is left after a share of the way."""


@dataclass(frozen=True, kw_only=True)
class RateConfig:
    """Learning rate as a function of images seen.

    Args:
        peak: the rate after warm-up.
        warmup: images over which the rate rises linearly from zero.
        decay: what follows: nothing; a fall to ``final`` at the run's end, along a cosine, a line, or a root, which
            falls fast at first; or, of any length of the run, a fall with the inverse root of the images seen.
        final: rate at the end, as a share of ``peak``; of a cosine, line or root.
        hold: share of the run after warm-up for which the peak is held before such a fall begins (warm-up, stable,
            decay).
        reference: images from which the inverse root falls; twice the rate of four times as many.
    """

    peak: float
    warmup: int = 0
    decay: Literal["constant", "cosine", "linear", "root", "inverse_root"] = "constant"
    final: float = 0.0
    hold: float = field(default=0.0, metadata={LATER: True})
    reference: int = field(default=0, metadata={LATER: True})

    def __post_init__(self) -> None:
        if (self.decay == "inverse_root") != (self.reference > 0):
            raise ValueError(f"reference must be positive with decay inverse_root, else 0, got {self.reference}")
        if not 0 <= self.hold < 1 or (self.hold and self.decay not in _FALLS):
            raise ValueError(f"hold must be in [0, 1), and 0 with decay {self.decay}, got {self.hold}")
        for name, value in (("peak", self.peak), ("warmup", self.warmup), ("final", self.final)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be finite and not negative, got {value}")


def rate(config: RateConfig, images: int, total: int) -> float:
    """The learning rate after ``images`` of ``total``.

    Args:
        config: peak, warm-up and decay.
        images: seen so far, at least 0.
        total: length of the run; constant rates do not depend on it.

    Returns:
        Between 0 and ``config.peak``: the linear rise over the warm-up times what the decay leaves of the peak,
        which of a cosine, line or root is ``config.final`` once ``total`` is reached.

    Reference: the cosine is that of I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm
    restarts", ICLR 2017, arXiv:1608.03983, equation 5, without restarts; the inverse root that of T. Karras et al.,
    arXiv:2312.02696, equation 67; the peak that is held first, and the root, those of A. Hägele et al.,
    arXiv:2405.18392, section 3.
    """
    rise = min(1.0, images / config.warmup) if config.warmup else 1.0
    if config.decay == "constant":
        return config.peak * rise
    if config.decay == "inverse_root":
        return config.peak * rise / math.sqrt(max(images / config.reference, 1.0))
    # The fall takes what the warm-up and the time at the peak leave of the run.
    done = min(1.0, max(0.0, images - config.warmup) / max(1, total - config.warmup))
    way = max(0.0, done - config.hold) / (1.0 - config.hold)
    return config.peak * rise * (config.final + (1.0 - config.final) * _FALLS[config.decay](way))


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """One player's optimizer.

    Args:
        algorithm: the algorithm.
        rate: learning rate.
        betas: of Adam and AdamW, also beside Muon; for RMSProp the first is momentum and the second its smoothing.
        eps: added to the denominator.
        weight_decay: decoupled in AdamW and Muon.
        clip: largest gradient norm; ``None`` for no clipping.
        momentum: of Muon.
        beta2_final: what the second of Adam's betas comes to at the run's end, along a cosine; ``None`` where it stays.
    """

    algorithm: Literal["adam", "adamw", "rmsprop", "muon"] = "adam"
    rate: RateConfig
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    clip: float | None = None
    momentum: float = field(default=0.95, metadata={LATER: True})
    beta2_final: float | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {self.momentum}")
        if self.beta2_final is None:
            return
        if not 0 <= self.beta2_final < 1:
            raise ValueError(f"beta2_final must be in [0, 1), got {self.beta2_final}")
        if self.algorithm != "adam" or self.weight_decay:
            raise ValueError(f"beta2_final belongs to adam without weight_decay, not to {self.algorithm}")


def second_beta(config: OptimizerConfig, images: int, total: int) -> float:
    """The second of Adam's betas after ``images`` of ``total``."""
    if config.beta2_final is None:
        return config.betas[1]
    left = _FALLS["cosine"](min(1.0, images / max(1, total)))
    return config.beta2_final + (config.betas[1] - config.beta2_final) * left


@dataclass(frozen=True, kw_only=True)
class AverageConfig:
    """Exponential moving average of weights.

    Args:
        half_life: in images; 0 keeps the last weights only.
        ramp_up: the half-life is at most this share of the images seen so far; ``None`` for no ramp.
        rise: images over which the half-life rises from zero along a cosine; 0 where it is the same throughout.
        buffers: what becomes of floating buffers, such as running statistics and StyleGAN's mean style: they are
            averaged like weights, or copied as they stand, as in the programs of StyleGAN2 and 3, R3GAN and FastGAN.
    """

    half_life: int = 500_000
    ramp_up: float | None = 0.05
    rise: int = field(default=0, metadata={LATER: True})
    buffers: Literal["averaged", "copied"] = field(default="averaged", metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.half_life < 0:
            raise ValueError(f"half_life must not be negative, got {self.half_life}")
        if self.rise < 0:
            raise ValueError(f"rise must not be negative, got {self.rise}")
        if self.ramp_up is not None and not self.ramp_up > 0:
            raise ValueError(f"ramp_up must be positive, got {self.ramp_up}")


@dataclass(frozen=True, kw_only=True)
class PowerAverageConfig:
    """Average of weights by a power of the images seen, whose width is a share of the run however long it is.

    Args:
        std: standard deviation of the weighting, as a share of the images seen so far; at most 0.289, where all weights
            count alike. The paper keeps two, 0.05 and 0.10.
        snapshot_every: images between copies of it in ``averages/NAME/`` of the run folder, from which the average of
            any other width can be made after training; 0 for none. They are never removed.
        snapshot_dtype: of the copies.

    Reference: T. Karras, M. Aittala, J. Lehtinen, J. Hellsten, T. Aila, S. Laine, "Analyzing and improving the training
    dynamics of diffusion models", arXiv:2312.02696, section 3.
    """

    std: float = 0.05
    snapshot_every: int = 0
    snapshot_dtype: Literal["bf16", "fp16"] = "fp16"

    def __post_init__(self) -> None:
        if not 0 < self.std <= 12**-0.5:
            raise ValueError(f"std must be above 0 and at most {12**-0.5:.3f}, got {self.std}")
        if self.snapshot_every < 0:
            raise ValueError(f"snapshot_every must not be negative, got {self.snapshot_every}")


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """What is measured while training, by images seen and never by time.

    Args:
        metric: decides which model is the best.
        every: images between evaluations; 0 for none but the last.
        samples: generated per evaluation; 0 for no evaluation at all.
        beside: further metrics that are measured and logged with it, and decide nothing.
    """

    metric: str = "fd@lite"
    every: int = 0
    samples: int = 2_000
    beside: tuple[str, ...] = field(default=(), metadata={LATER: True})

    def __post_init__(self) -> None:
        if len({self.metric, *self.beside}) != 1 + len(self.beside):
            raise ValueError(
                f"beside: names a metric that is measured already, got {list(self.beside)} beside {self.metric}"
            )


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
        compile: ``auto`` records the turns of phases that allow it as CUDA graphs and replays them, on CUDA devices.
            ``on`` compiles the networks of first-order phases instead. ``off`` does neither.
        averages: moving averages of the weights, by name.
        exported_average: which of them is what others load, and what is previewed and measured.
        evaluation: in-loop measurement.
        preview_every: images between preview grids; 0 for none.
        checkpoint_every: images between resume states.
        keep: resume states that are kept, the newest.
        log_every: images between lines of the log.
        precompute: what frozen parts compute of every record alike (a codec's latents) is computed once, before the
            first step, and kept in the cache folder.
        frozen: trained parts that are used as they are, by the names that the method wants; it finds them as
            ``self.frozen[NAME]``, in evaluation mode.
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
    averages: Mapping[str, AverageConfig | PowerAverageConfig] = field(default_factory=lambda: {"ema": AverageConfig()})
    exported_average: str = "ema"
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    preview_every: int = 0
    checkpoint_every: int = 100_000
    keep: int = 2
    log_every: int = 2_000
    precompute: bool = False
    frozen: Mapping[str, ModelRef] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("images", "batch_size", "micro_batch", "keep"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not 0 <= self.seed < 1 << 63:
            raise ValueError(f"seed must be in [0, 2^63), got {self.seed}")
        for name in ("preview_every", "checkpoint_every", "log_every"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.exported_average not in self.averages:
            raise ValueError(
                f"exported_average: {self.exported_average!r} is none of the averages ({', '.join(self.averages)})"
            )
        for name in self.averages:
            # Names become folders, and options of the command line.
            if not name.isidentifier():
                raise ValueError(f"averages: a name has letters, digits and underscores, got {name!r}")


def unreached(recipe: Recipe, images: int) -> list[str]:
    """What a run of so many images ends before, though the recipe is made to come to it: sentences for people."""
    rising = [
        f"ends while the half-life of the average {name} still rises, which takes {average.rise:,} images; shorten "
        f"--averages.{name}.rise"
        for name, average in recipe.averages.items()
        if isinstance(average, AverageConfig) and images < average.rise
    ]
    return [*recipe.method.unreached(images), *rising]


def length_is_free(recipe: Recipe) -> bool:
    """Whether a run may be made longer after the fact: no rate depends on its length, and no beta."""
    optimizers = recipe.optimizers.values()
    return all(each.rate.decay not in _FALLS and each.beta2_final is None for each in optimizers)


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What is asked of one call of ``train`` and may change from one to the next: no part of the recipe.

    Args:
        device: ``auto`` (CUDA, else MPS, else CPU) or what :class:`torch.device` reads.
        images: length of the run in place of the recipe's, to be given again when the run is continued.
        start_from: a model folder or run whose weights a new run starts from.
        seconds: wall-clock budget of this call, set-up and compilation included: training stops after the step
            that passes it, with its state saved.
        tensorboard: also write event files to ``tensorboard/`` in the run (extra ``log``).
        wandb: project of Weights & Biases that is logged to as well (extra ``log``); ``WANDB_MODE=offline`` keeps it on
            disk, in ``wandb/`` in the run.
        sharded: share weights, moments and averages of the weights out over the processes that ``torchrun`` started, so
            that models train which do not fit on one device; of methods of one phase. It may change when a run is
            continued, and so may the number of processes.
        deterministic: only deterministic kernels on GPUs, so that a resumed run equals the uninterrupted one bit
            for bit there too; on CPUs it does so anyway. Off, since it costs speed.
        preview_at_stop: draw a preview, ``samples/stopped.png``, where training stops before its end.
        catalog: a user's own: config classes, so that models which hold them can be read back, and metrics.
    """

    device: str = "auto"
    images: int | None = None
    start_from: Path | None = None
    seconds: float | None = None
    tensorboard: bool = False
    wandb: str | None = None
    sharded: bool = False
    deterministic: bool = False
    preview_at_stop: bool = True
    catalog: tuple[object, ...] = ()
