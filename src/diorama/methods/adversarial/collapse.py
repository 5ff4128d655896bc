"""Signs that a generator draws ever the same, and what they mean in words for people.

Alarms are read from the log's own numbers, so that a run that is continued says what the uninterrupted one says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor

SPREAD = "spread"
"""Its name among the scalars of a discriminator's turn."""
LEAST_SPREAD = 0.25
"""Of generated pictures, as a share of that of real ones."""
QUIET = 20_000
"""Images before which a generator that draws nearly the same is only young; half of the run where that is less."""
_RECALL = "recall@"
_KNOWN, _LEFT = 0.1, 0.25
"""A recall that is worth watching, and the share of the best one below which it counts as lost."""
_ADVICE = (
    "lower the generator's rate, raise what holds the discriminator flat (--method.r1, --method.joint.r1 or "
    "--method.lecam, where the method has it), or go back to an earlier checkpoint"
)


def spread(drawn: Float[Tensor, "b ..."], real: Float[Tensor, "b ..."]) -> Float[Tensor, ""]:
    """How far generated pictures of a batch lie apart, as a share of how far real ones do.

    Args:
        drawn: generated pictures, two at least.
        real: real pictures, as many.

    Returns:
        The root of the ratio of the mean variances of a value over the batch: about 1 where samples are as varied as
        the data, 0 where all are the same.
    """
    ours, theirs = (x.detach().float().var(0, correction=0).mean() for x in (drawn, real))
    return (ours / theirs.clamp(min=1e-12)).sqrt()


def narrow(losses: Mapping[str, float], images: int, total: int) -> str:
    """What the means of a report say of a collapse; empty where they say nothing.

    Args:
        losses: of the report, by phase and scalar.
        images: seen so far.
        total: length of the run.
    """
    found = [value for name, value in losses.items() if name.endswith(f"/{SPREAD}")]
    if not found or images < min(QUIET, total / 2) or min(found) >= LEAST_SPREAD:
        return ""
    return (
        f"the generated pictures of a batch lie {min(found):.0%} as far apart as real ones: the generator may have "
        f"collapsed; {_ADVICE}"
    )


def forgetful(results: Iterable[Mapping[str, Any]], earlier: Iterable[Mapping[str, Any]]) -> str:
    """What a measurement says of a collapse; empty where it says nothing.

    Args:
        results: stamped results, as JSON.
        earlier: those of the run's measurements before.
    """
    before: dict[str, float] = {}
    for result in earlier:
        before[result["metric"]] = max(before.get(result["metric"], 0.0), result["value"])
    for result in results:
        name, value = result["metric"], result["value"]
        best = before.get(name, 0.0)
        if name.startswith(_RECALL) and best >= _KNOWN and value < _LEFT * best:
            return (
                f"{name} fell to {value:.3g} from {best:.3g}: the generator may have forgotten part of the data; "
                f"{_ADVICE}"
            )
    return ""


class Alarms:
    """What a run's numbers say of a collapse, and what people have been told of it.

    Args:
        total: length of the run in images.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._sounding: dict[str, bool] = {}
        self._news: list[str] = []

    def hear(self, losses: Mapping[str, float], images: int) -> dict[str, Any]:
        """What the log says of a report; see :func:`narrow`."""
        return self._heard(SPREAD, narrow(losses, images, self._total))

    def measured(self, results: Iterable[Mapping[str, Any]], earlier: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """What the log says of a measurement; see :func:`forgetful`."""
        return self._heard(_RECALL, forgetful(results, earlier))

    def news(self) -> tuple[str, ...]:
        """Alarms that began to sound since the last call."""
        told, self._news = tuple(self._news), []
        return told

    def _heard(self, kind: str, alarm: str) -> dict[str, Any]:
        if alarm and not self._sounding.get(kind):
            self._news.append(f"warns: {alarm}")
        self._sounding[kind] = bool(alarm)
        return {"alarm": alarm} if alarm else {}
