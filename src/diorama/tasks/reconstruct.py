"""``reconstruct``: pictures from simulated measurements of them, with what is uncertain about them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diorama.core.config import encode
from diorama.core.contracts import Condition
from diorama.core.errors import BadConfig, BadInput
from diorama.core.rng import STEP, StepNoise, normal
from diorama.media.convert import to_stored
from diorama.nn.similarity import psnr, rank_correlation
from diorama.processes.gaussian import like
from diorama.samplers.inpainting import one_at_a_time
from diorama.samplers.inverse.catalog import AnyInverseMethod, AnyOperatorConfig
from diorama.samplers.inverse.ddrm import DDRMConfig
from diorama.samplers.inverse.dps import DPSConfig
from diorama.samplers.inverse.measurement import Measurement
from diorama.samplers.inverse.operator import Operator
from diorama.samplers.inverse.pixels import MaskConfig
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.tasks.classical import TV_WEIGHTS, plain, plain_name, total_variation
from diorama.tasks.edit import require_diffusion
from diorama.tasks.examine import Examination, Examined, GivenPicture
from diorama.tasks.seeds import seed_for_given

_MEASURED = STEP + 1_000
"""Stream of the noise in a measurement, which no sampler draws from."""
_MEAN, _TV = "mean", "total_variation"


class Reconstruct(Examination):
    """Measures given pictures, and draws what they may have been from the measurement alone.

    Args:
        model: a diffusion model of pictures, without a codec.
        operator: what is measured.
        method: how samples are drawn that explain it.
        noise: standard deviation of the noise in every number that is measured, where pictures lie in [-1, 1].
        masks: (h, w) for each given picture, true where nothing is measured; for the operator ``mask`` only.

    Raises:
        BadInput: the model is none that can.
        BadConfig: the operator does not fit its pictures, the method its sampler, or the noise is negative.
    """

    verb = "reconstruct"

    def __init__(
        self,
        model: Synthesizer,
        operator: AnyOperatorConfig,
        method: AnyInverseMethod,
        noise: float = 0.0,
        masks: Sequence[NDArray[np.bool_]] | None = None,
    ) -> None:
        self._model, self.method, self.noise = require_diffusion(model, self.verb), method, noise
        if self._model.codec is not None:
            raise BadInput("reconstruct: this model draws latents, of which no measurement of pictures is linear")
        if not 0 <= noise < math.inf:
            raise BadConfig(f"noise must be at least 0 and finite, got {noise:g}")
        if masks is not None and not isinstance(operator, MaskConfig):
            raise BadConfig("mask: only the operator mask takes one")
        # The way back through a network, which the others take, cannot be replayed from a recording of its way forth.
        self._drawing = self._model.recorded(torch.float32) if isinstance(method, DDRMConfig) else self._model
        self.operator, self._masks = operator, masks
        self._shared: Operator | None = None
        try:
            if isinstance(method, DPSConfig):
                one_at_a_time(self._model.config.sampler, self._model.sampling.steps or 1)
            self._built(0)
        except ValueError as problem:
            raise BadConfig(f"reconstruct: {problem}") from problem

    @property
    def model(self) -> DiffusionSynthesizer:
        """What draws."""
        return self._model

    def settings(self) -> Mapping[str, Any]:
        """Operator, method and noise, with all their values."""
        kinds = {"operator": type(self.operator).__name__, "method": type(self.method).__name__}
        told = {"operator": self.operator, "method": self.method}
        values = {name: {"kind": kinds[name], **encode(value)} for name, value in told.items()}
        return {**values, "noise": self.noise, "simulated": True}

    def examine(self, given: GivenPicture) -> Examined:
        """See :meth:`Examination.examine`; the given picture is the truth, of which only the measurement is used."""
        operator = self._built(given.place)
        measurement = self._measured(operator, given)
        samples = torch.cat(
            [
                drawn_from(self._drawing, self.method, measurement, indices, seed=given.seed, condition=condition)
                for indices, condition in given.draws
            ]
        )
        mean = samples.mean(0, keepdim=True)
        deviation = samples.std(0, correction=0).square().mean(0).sqrt()  # (h, w), over channels
        direct = plain(operator, measurement.y).clamp(-1, 1)
        smooth, weight = self._smooth(measurement, given.x)
        scores = {name: _score(each, given.x) for name, each in ((_MEAN, mean), (plain_name(operator), direct))}
        scores |= {"sample": _finite(psnr(samples, given.x.expand_as(samples)).mean()), _TV: _score(smooth, given.x)}
        error = (mean - given.x).square().mean(1)[0].sqrt()
        media = self._model.config.media
        # In stored units, as the pictures beside it.
        scale = (media.high - media.low) / 2
        return Examined(
            drawn={_MEAN: to_stored(mean, media)[0]}
            | {f"sample_{i:02d}": pixels for i, pixels in enumerate(to_stored(samples, media))},
            computed={plain_name(operator): to_stored(direct, media)[0], _TV: to_stored(smooth, media)[0]},
            maps={"deviation": (deviation * scale).cpu().numpy()},
            facts={
                "psnr": scores,
                "measurement_error": _rms(operator.forward(mean) - measurement.y),
                "rank_correlation_of_deviation_and_error": _known(rank_correlation(deviation, error)),
                "total_variation_weight": weight,
            },
        )

    def summary(self, facts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Means over the pictures, and the gain of the mean over each baseline in dB."""
        names = list(facts[0]["psnr"])
        means = {name: _mean([each["psnr"][name] for each in facts]) for name in names}
        drawn = means[_MEAN]
        baselines = [name for name in names if name not in (_MEAN, "sample")]
        gains = {name: None if drawn is None or (low := means[name]) is None else drawn - low for name in baselines}
        related = "rank_correlation_of_deviation_and_error"
        return {"psnr": means, "gain": gains, related: _mean([each[related] for each in facts])}

    def _built(self, place: int) -> Operator:
        model = self._model
        media = model.config.media
        shape = (media.channels, media.height, media.width)
        like_this = next(model.parameters()).new_zeros((), dtype=torch.float32)
        if self._masks is not None:
            assert isinstance(self.operator, MaskConfig), "only it has masks"
            return self.operator.build(shape, like_this, torch.from_numpy(self._masks[place]))
        if self._shared is None:
            self._shared = self.operator.build(shape, like_this)
        return self._shared

    def _measured(self, operator: Operator, given: GivenPicture) -> Measurement:
        y = operator.forward(given.x)
        if self.noise > 0:
            shape = tuple(y.shape[1:])
            drawn = normal(shape, seed=given.seed, first=given.place, count=1, stream=_MEASURED, device=y.device)
            y = y + self.noise * drawn
        return Measurement(operator=operator, y=y, deviation=self.noise)

    def _smooth(self, measurement: Measurement, truth: Tensor) -> tuple[Tensor, float]:
        """The best that total variation can do, and at which weight: the truth itself chooses it."""
        weights = torch.tensor(TV_WEIGHTS)
        with torch.no_grad():
            shape = (truth.shape[1], truth.shape[2], truth.shape[3])
            found = total_variation(measurement.operator, measurement.y, shape, weights)
        best = int(psnr(found, truth.expand_as(found)).argmax())
        return found[best : best + 1], TV_WEIGHTS[best]


@torch.no_grad()
def drawn_from(
    model: DiffusionSynthesizer,
    method: AnyInverseMethod,
    measurement: Measurement,
    indices: range,
    *,
    seed: int,
    condition: Condition,
) -> Tensor:
    """What pictures may have been, of which a measurement is all that is known.

    Args:
        model: a diffusion model of pictures, without a codec.
        method: how samples come to explain the measurement.
        measurement: of one picture, or of one for each sample.
        indices: of the samples, b of them.
        seed: names the noise.
        condition: what they are given, with batch size b.

    Returns:
        (b, c, h, w) float32 in [-1, 1].

    Raises:
        BadConfig: the method cannot be used with this sampler or operator.
    """
    config, count = model.config, len(indices)
    times = config.spacing.times(config.process, config.steps)
    seed = seed_for_given(seed)
    noise = model.noise(count, seed=seed, first=indices.start)
    draws = StepNoise(model.noise_shape, seed=seed, first=indices.start, count=count, device=noise.device)
    try:
        stages = method.run(
            # DDRM has steps of its own.
            model.denoise(condition, sampler=None if isinstance(method, DDRMConfig) else config.sampler),
            like(config.process.prior_scale(times[0]), noise) * noise,
            config.process,
            times,
            draws,
            sampler=config.sampler,
            measurement=measurement,
        )
        (last,) = deque(stages, maxlen=1)
    except ValueError as problem:
        raise BadConfig(f"reconstruct: {problem}") from problem
    return last.x.float().clamp(-1, 1)


def _score(drawn: Tensor, truth: Tensor) -> float | None:
    return _finite(psnr(drawn, truth)[0])


def _finite(value: Tensor) -> float | None:
    """Of equal pictures the ratio is infinite, which JSON cannot say."""
    return _known(float(value))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _rms(error: Tensor) -> float:
    return float(error.square().mean().sqrt())
