"""The averaged model as others will load it, looked at while it trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from diorama.core import device as devices
from diorama.core.device import Precision
from diorama.methods.base import Method
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import usual
from diorama.synthesis.drawing import draw, pixels_of


class ModelView:
    """A synthesizer beside the method, refreshed with the averaged weights when someone looks.

    Its samples are drawn from their own seeds, so that looking does not disturb training.

    Args:
        method: what is trained.
        precision: samples are drawn in training's.
        channels_last: as in training.
    """

    def __init__(self, method: Method, precision: Precision, *, channels_last: bool) -> None:
        self.config = method.synthesizer()
        self.precision, self._channels_last = precision, channels_last
        self._model: Synthesizer | None = None

    @property
    def model(self) -> Synthesizer:
        """The synthesizer as it was last refreshed."""
        assert self._model is not None, "refresh comes first"
        return self._model

    def refresh(self, tensors: Mapping[str, Tensor]) -> Synthesizer:
        """The synthesizer with these weights, in evaluation mode on the device."""
        if self._model is None:
            # Building draws initial weights, which are overwritten at once.
            self._model = self.config.build().to(self.precision.device).eval().requires_grad_(False)
            if self._channels_last:
                devices.channels_last(self._model)
        self._model.load_state_dict(dict(tensors))
        return self._model

    def samples(self, count: int, *, seed: int) -> Iterator[Tensor]:
        """Batches of samples 0 to ``count - 1`` of a seed, float32 in [-1, 1]; labels take turns."""
        conditions = usual(self.config.conditions, None)
        for batch in draw(self.model, count, seed=seed, conditions=conditions):
            yield pixels_of(batch)
