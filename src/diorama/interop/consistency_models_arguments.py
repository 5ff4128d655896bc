"""Arguments of the networks that the authors of consistency models published, and how they are drawn from.

Their program derives the arguments of three things from its flags: of a ``UNetModel``, of the ``KarrasDenoiser`` around
it, and of ``karras_sample``. A config may hold these arguments, or the flags themselves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from diorama.core.config import decode
from diorama.core.errors import BadInput
from diorama.core.worded import kind_in_words
from diorama.interop.diffusers_sameness import differences, in_words
from diorama.interop.diffusers_schedule import Schedule
from diorama.interop.guided_diffusion_arguments import UNetArguments
from diorama.processes.catalog import AnyPreconditioning, AnySpacing
from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.distilled import KarrasGridSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning
from diorama.processes.spacing import KarrasSpacing
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.catalog import AnySampler, name_of
from diorama.samplers.churn import ChurnConfig
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.midpoint import MidpointConfig

SamplerName = Literal["onestep", "multistep", "heun", "dpm", "ancestral", "euler", "progdist"]
TIME_SCALE = 1000.0
"""Times a quarter of the logarithm of sigma is what the network is told."""
_LEAST_GRID = 2
_CLASSES = 1000
"""Of ImageNet, which the flag ``class_cond`` stands for."""
_FLAG_ALONE = ("num_channels", "class_cond", "learn_sigma", "training_mode")
"""Flags that are arguments of nothing by themselves."""
_NOT_OF_THE_MODEL = ("generator", "num_samples", "batch_size", "model_path", "seed", "weight_schedule", "loss_norm")
"""Flags and arguments of training, of files and of random numbers."""


@dataclass(frozen=True, kw_only=True)
class KarrasDrawing:
    """Arguments of ``KarrasDenoiser`` and of ``karras_sample``, with their defaults.

    Args:
        distillation: the network is a consistency model, however it was trained; else a denoiser as EDM's.
        sigma_data: standard deviation of the data.
        sigma_min: of the least noise; a consistency model returns what it is given there.
        sigma_max: of the noise that drawing starts with.
        rho: of the levels between.
        sampler: ``None`` for ``multistep`` where ``ts`` are given, else ``onestep`` of a consistency model and ``heun``
            of a denoiser.
        steps: levels of the grid, of which ``onestep`` visits the first and ``multistep`` some; else steps.
        ts: places of the grid that ``multistep`` visits, counted from the noisiest; the last is the grid's own end.
        clip_denoised: clean pictures are limited to [-1, 1] on the way.
        s_churn: how much noise ``heun`` and ``dpm`` stir in.
        s_tmin: the least sigma at which they do.
        s_tmax: the largest.
        s_noise: of that noise's standard deviation.
    """

    distillation: bool
    sigma_data: float = 0.5
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0
    sampler: SamplerName | None = None
    steps: int = 40
    ts: tuple[int, ...] = ()
    clip_denoised: bool = True
    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = math.inf
    s_noise: float = 1.0

    @property
    def drawn_by(self) -> SamplerName:
        """The sampler, where none is said too."""
        if self.sampler is not None:
            return self.sampler
        return "multistep" if self.ts else "onestep" if self.distillation else "heun"

    def schedule(self) -> Schedule:
        """In our words.

        Raises:
            BadInput: the places of ``ts`` are none of the grid, or are said where nothing visits them.
            ValueError: a number cannot be.
        """
        return Schedule(
            process=ExplodingProcess(sigma_max=self.sigma_max),
            preconditioning=self._preconditioning(),
            spacing=self._spacing(),
            sampler=self._sampler(),
            threshold=StaticThreshold() if self.clip_denoised else None,
            steps={"onestep": 1, "multistep": len(self.ts) - 1}.get(self.drawn_by, self.steps),
        )

    def _preconditioning(self) -> AnyPreconditioning:
        if not self.distillation:
            return EDMPreconditioning(sigma_data=self.sigma_data, time_scale=TIME_SCALE)
        return ConsistencyPreconditioning(sigma_data=self.sigma_data, sigma_min=self.sigma_min, time_scale=TIME_SCALE)

    def _spacing(self) -> AnySpacing:
        kind = self.drawn_by
        if self.ts and kind != "multistep":
            raise BadInput(f"ts: places that 'multistep' visits, and the sampler is {kind!r}")
        if kind not in ("onestep", "multistep"):
            until: Literal["low", "clean"] = "low" if kind == "progdist" else "clean"
            return KarrasSpacing(low=self.sigma_min, high=self.sigma_max, rho=self.rho, until=until)
        if self.steps < _LEAST_GRID:
            raise BadInput(f"steps: the grid has at least {_LEAST_GRID} levels, got {self.steps}")
        if kind == "multistep" and (len(self.ts) < 2 or self.ts[-1] != self.steps - 1):
            raise BadInput(
                f"ts: must be at least two places, the last {self.steps - 1}, where a grid of {self.steps} steps ends; "
                f"got {list(self.ts)}"
            )
        try:
            return KarrasGridSpacing(
                low=self.sigma_min, high=self.sigma_max, rho=self.rho, grid=self.steps, places=self.ts[:-1]
            )
        except ValueError as problem:
            raise BadInput(f"ts, sigma_min, sigma_max, rho: {problem}") from problem

    def _sampler(self) -> AnySampler:
        kind = self.drawn_by
        churn: dict[str, Any] = {
            "churn": self.s_churn,
            "churn_low": self.s_tmin,
            "churn_high": self.s_tmax,
            "churn_scale": self.s_noise,
        }
        if kind == "heun":
            # Nothing there keeps noise that is stirred in below sigma_max.
            return HeunConfig(**churn, churn_beyond=self.s_churn > 0)
        if kind == "dpm":
            return MidpointConfig(**churn)
        if kind in ("onestep", "multistep"):
            return ConsistencyConfig(sigma_min=self.sigma_min)
        return DDIMConfig(eta=float(kind == "ancestral"))


@dataclass(frozen=True, kw_only=True)
class KarrasArguments(KarrasDrawing, UNetArguments):
    """Arguments of ``UNetModel``, of ``KarrasDenoiser`` around it and of ``karras_sample``, with their defaults."""


@dataclass(frozen=True, kw_only=True)
class _Flags:
    """Flags of ``image_sample.py`` that say what the model is, with their defaults."""

    training_mode: Literal["edm", "progdist", "consistency_distillation", "consistency_training"]
    image_size: int | tuple[int, int] = 64
    num_channels: int = 128
    num_res_blocks: int = 2
    num_heads: int = 4
    num_heads_upsample: int = -1
    num_head_channels: int = -1
    attention_resolutions: str = "32,16,8"
    channel_mult: str = ""
    dropout: float = 0.0
    class_cond: bool = False
    use_checkpoint: bool = False
    use_scale_shift_norm: bool = True
    resblock_updown: bool = False
    use_fp16: bool = False
    use_new_attention_order: bool = False
    learn_sigma: bool = False
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    sampler: SamplerName | None = None
    steps: int = 40
    ts: str = ""
    clip_denoised: bool = True
    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = math.inf
    s_noise: float = 1.0


_MULTIPLIERS: Mapping[int, tuple[float, ...]] = {
    512: (0.5, 1, 1, 2, 2, 4, 4),
    256: (1, 1, 2, 2, 4, 4),
    128: (1, 1, 2, 3, 4),
    64: (1, 2, 3, 4),
}
"""Where ``channel_mult`` is empty, by the side of the pictures."""
_RENAMED = ("training_mode", "num_channels", "class_cond", "learn_sigma", "attention_resolutions", "channel_mult", "ts")


def without_flags(given: Mapping[str, Any]) -> dict[str, Any]:
    """A config in which arguments stand for flags, if it holds any.

    Args:
        given: arguments, or flags, which are known by those that are no arguments.

    Raises:
        BadInput: a flag cannot be followed; the message names it.
        BadConfig: a flag is unknown, lacking or of the wrong type.
    """
    kept = {name: value for name, value in given.items() if name not in _NOT_OF_THE_MODEL}
    if not any(name in kept for name in _FLAG_ALONE):
        return kept
    if "training_mode" not in kept:
        raise BadInput(
            "training_mode: whether this is a consistency model or a denoiser as EDM's lies in no tensor; say edm, "
            "progdist, consistency_distillation or consistency_training"
        )
    flags: _Flags = decode(_Flags, kept, "flags")
    side = flags.image_size if isinstance(flags.image_size, int) else max(flags.image_size)
    if flags.channel_mult:
        multipliers: tuple[float, ...] = _numbers("channel_mult", flags.channel_mult)
    elif side in _MULTIPLIERS:
        multipliers = _MULTIPLIERS[side]
    else:
        raise BadInput(f"channel_mult: follows from no image_size of {side}; give it, such as '1,2,3,4'")
    sides = _numbers("attention_resolutions", flags.attention_resolutions)
    if any(number < 1 or side % number for number in sides):
        raise BadInput(f"attention_resolutions: must divide the image_size {side}, got {flags.attention_resolutions!r}")
    same = {name: value for name, value in vars(flags).items() if name not in _RENAMED}
    return same | {
        "distillation": "consistency" in flags.training_mode,
        "in_channels": 3,
        "out_channels": 6 if flags.learn_sigma else 3,
        "model_channels": flags.num_channels,
        "num_classes": _CLASSES if flags.class_cond else None,
        "attention_resolutions": [side // number for number in sides],
        "channel_mult": multipliers,
        "ts": _numbers("ts", flags.ts),
    }


def with_schedule(arguments: KarrasArguments, schedule: Schedule) -> KarrasArguments:
    """The arguments of a network, with those by which it draws like that.

    Raises:
        BadInput: no arguments say so; the message names the first field of ours that differs.
    """
    preconditioning, spacing, process = schedule.preconditioning, schedule.spacing, schedule.process
    if not isinstance(preconditioning, EDMPreconditioning) or not isinstance(process, ExplodingProcess):
        raise BadInput(
            "process, preconditioning: KarrasDenoiser has noise without end and EDM's preconditioning or that of "
            f"consistency models; the process of this model is {kind_in_words(process)}, its preconditioning "
            f"{kind_in_words(preconditioning)}"
        )
    if not isinstance(spacing, KarrasSpacing | KarrasGridSpacing):
        raise BadInput(f"spacing: karras_sample has Karras' levels, this model's are {kind_in_words(spacing)}")
    distilled, sampler = isinstance(preconditioning, ConsistencyPreconditioning), schedule.sampler
    said = replace(
        arguments,
        distillation=distilled,
        sigma_data=preconditioning.sigma_data,
        sigma_min=spacing.low,
        sigma_max=spacing.high,
        rho=spacing.rho,
        sampler=_name_of(sampler, spacing, schedule.steps),
        clip_denoised=schedule.threshold is not None,
    )
    if isinstance(sampler, ChurnConfig):
        said = replace(
            said,
            s_churn=sampler.churn,
            s_tmin=sampler.churn_low,
            s_tmax=sampler.churn_high,
            s_noise=sampler.churn_scale,
        )
    if not isinstance(spacing, KarrasGridSpacing):
        said = replace(said, steps=schedule.steps or said.steps)
    elif said.sampler == "multistep":
        places = spacing.visited(schedule.steps)
        said = replace(said, steps=spacing.grid, ts=(*places, spacing.grid - 1))
    else:
        said = replace(said, steps=spacing.grid)
    if found := differences(schedule, said.schedule()):
        first = found[0]
        ours, theirs = in_words(first.ours), in_words(first.theirs)
        raise BadInput(f"{first.where}: {ours} cannot be written; karras_sample has {theirs} in its place")
    return said


def _name_of(sampler: AnySampler, spacing: KarrasSpacing | KarrasGridSpacing, steps: int | None) -> SamplerName:
    """What the published program calls it; what it does otherwise is found afterwards."""
    match sampler:
        case ConsistencyConfig():
            return "onestep" if steps == 1 else "multistep"
        case HeunConfig():
            return "heun"
        case MidpointConfig():
            return "dpm"
        case DDIMConfig():
            low = isinstance(spacing, KarrasSpacing) and spacing.until == "low"
            return "ancestral" if sampler.eta else "progdist" if low else "euler"
    raise BadInput(f"sampler: karras_sample has none as {name_of(sampler)}")


def _numbers(name: str, text: str) -> tuple[int, ...]:
    """Numbers between commas.

    Raises:
        BadInput: they are none.
    """
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError as problem:
        raise BadInput(f"{name}: must be whole numbers between commas, got {text!r}") from problem
