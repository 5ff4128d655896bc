"""What samples are to explain: a measurement, and how it was made."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from diorama.core.contracts import Prediction
from diorama.samplers.inverse.operator import Operator


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A measurement ``y = A clean + deviation * noise``.

    Args:
        operator: A.
        y: (b, ...) or (1, ...), the same for all samples.
        deviation: of the independent normal noise in every number of ``y``, at least 0.
    """

    operator: Operator
    y: Tensor
    deviation: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.deviation < float("inf"):
            raise ValueError(f"noise must not be negative, got {self.deviation:g}")


def detached(prediction: Prediction) -> Prediction:
    """The same values without the way back through the network."""
    beside = (None if value is None else value.detach() for value in prediction[1:])
    return Prediction(prediction.clean.detach(), *beside)
