"""RePaint: what a mask leaves open is drawn again and again, with the rest of the picture held to what is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import like, raised
from diorama.samplers.ddim import DDIMConfig, ddim_step, leap_of
from diorama.samplers.inpainting import Known


@dataclass(frozen=True, kw_only=True)
class RePaintConfig:
    """The sampler's settings.

    Args:
        jump: so many steps are walked back up at once.
        resamplings: how often each such stretch is walked down; 1 never walks back.
        eta: of the steps down, as of :class:`~diorama.samplers.ddim.DDIMConfig`; the paper's are those of 1.
        late: a step up is walked in single steps of a discrete process, those that follow the level that is to be
            reached, as diffusers does, which leaves more noise than that level has. Else one draw leads to the level.
    """

    jump: int = 10
    resamplings: int = 10
    eta: float = 1.0
    late: bool = False

    def __post_init__(self) -> None:
        if self.jump < 1 or self.resamplings < 1:
            raise ValueError(f"must be at least 1: jump={self.jump}, resamplings={self.resamplings}")
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta must be in [0, 1], got {self.eta}")


def moves(count: int, config: RePaintConfig) -> Iterator[bool]:
    """The moves of a way of ``count`` steps: True for a step down, False for one up.

    Reference: arXiv:2201.09865, appendix B, in whose code each stretch begins ``jump`` steps above the last one.
    """
    left = dict.fromkeys(range(0, count - config.jump, config.jump), config.resamplings - 1)
    below = count
    while below > 0:
        below -= 1
        yield True
        if left.get(below, 0) > 0:
            left[below] -= 1
            below += config.jump
            yield from [False] * config.jump


def repaint(
    denoise: Denoise,
    x: Tensor,
    process: Process,
    times: Tensor,
    noise: DrawNoise,
    *,
    known: Tensor,
    mask: Tensor,
    config: RePaintConfig,
) -> Iterator[Stage]:
    """Walk down and back up; after each step down, what is known is put in its place with the noise of the level.

    The way is that of the authors' code and of diffusers, step by step, so that their schedulers can be followed to the
    draw. :func:`~diorama.samplers.inpainting.inpaint`, which the command uses, says where it goes another way, and why.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: draws of move *i*; one for each step, and one for each of the single steps of a late way up. A step down
            draws the noise of what is known, which is also that of what is not.
        known: (b, c, ...) clean samples; what lies under the mask does not matter.
        mask: broadcasts against ``x``, 1 where something is to be drawn and 0 where ``known`` holds.
        config: of the way.

    Yields:
        One stage after each move.

    Raises:
        ValueError: a late way up on a process without steps.

    Reference: A. Lugmayr, M. Danelljan, A. Romero, F. Yu, R. Timofte, L. Van Gool, arXiv:2201.09865, algorithm 1.
    """
    steps = DDIMConfig(eta=config.eta, clipped_noise=False)
    place, clean = 0, x
    for i, down in enumerate(moves(len(times) - 1, config)):
        if down:
            level, below = process.at(times[place]), process.at(times[place + 1])
            prediction = denoise(x, level)
            clean, fresh = prediction.clean, noise(i) if bool((below.sigma > 0).any()) else None
            drawn = ddim_step(prediction, x, (level, below), steps, fresh)
            x = Known(clean=known, mask=mask).into(drawn, below, fresh)
            place += 1
        else:
            place -= 1
            below = process.at(times[place])
            if config.late:
                x = _walked_up(x, process, times, place, noise, i)
            else:
                x = raised(x, process.at(times[place + 1]), below, noise(i))
        yield Stage(x, clean, below)


def _walked_up(x: Tensor, process: Process, times: Tensor, place: int, noise: DrawNoise, move: int) -> Tensor:
    """T // n single steps, from the one that leads to the level of this place."""
    leap = leap_of(process, times)
    assert isinstance(process, DiscreteProcess)
    first = round(float(times[place])) - 1
    for k, variance in enumerate(process.variances[first : first + leap]):
        x = like((1 - variance).sqrt(), x) * x + like(variance.sqrt(), x) * noise(move, k)
    return x
