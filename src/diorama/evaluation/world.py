"""Metrics of samples of the built-in world: which factors and modes they show, whether they follow their captions."""

from __future__ import annotations

from jaxtyping import Bool
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.data.synthetic.readings import MODES
from diorama.evaluation.factor_features import ABSTAINED
from diorama.evaluation.intervals import kinds_interval, share_interval
from diorama.evaluation.measures import Measured, Pair
from diorama.evaluation.protocol import Interval
from diorama.metrics.modes import count_kinds, covered


def modes(pair: Pair) -> Measured:
    """How many of the world's modes (colour by shape of the main object) were drawn.

    The interval reaches up to what the modes seen once or twice say of the unseen.
    """
    read = [None if mode == ABSTAINED else int(mode) for mode in pair.samples[:, 0].tolist()]
    counts = count_kinds(read, len(MODES))
    return Measured(float(covered(counts)), kinds_interval(counts, len(MODES)), _abstained(read))


def factor_coverage(pair: Pair) -> Measured:
    """The share of all values of all factors (colours, shapes, sizes, textures, places, backgrounds, counts) that
    occur; with an interval as that of :func:`modes`."""
    counts = pair.samples.double().sum(0)  # (values,)
    total = len(counts)
    interval = kinds_interval(counts, total)
    scaled = Interval(
        low=interval.low / total, high=interval.high / total, level=interval.level, method=interval.method
    )
    return Measured(covered(counts) / total, scaled)


def caption_colours(pair: Pair) -> Measured:
    """Of samples whose caption names colours, the share in which an object is found of every colour named.

    What counts: the reader finds an object by its colour alone, so its shape may be anything, and further objects of
    other colours do no harm. A sample in which the reader finds no object at all counts as one that does not follow,
    and a warning says how many there are. Samples whose caption names no colour are left out, and counted likewise.
    """
    found, named = _colours(pair)
    return _following(found, named)


def other_caption_colours(pair: Pair) -> Measured:
    """The same share with each sample held against the caption of the sample of the next index, the last one against
    that of the first: what a model reaches that does not read its captions."""
    found, named = _colours(pair)
    return _following(found, named.roll(-1, 0))


def _colours(pair: Pair) -> tuple[Bool[Tensor, "n k"], Bool[Tensor, "n k"]]:
    """Colours found in every sample, and colours that its caption names."""
    found, named = (pair.samples > 0).chunk(2, dim=1)
    return found, named


def _following(found: Bool[Tensor, "n k"], named: Bool[Tensor, "n k"]) -> Measured:
    asked = named.any(1)
    if not bool(asked.any()):
        raise BadInput("metrics: no caption names a colour of the built-in world, so none can be looked for")
    hits = (found | ~named).all(1)[asked].double()
    empty, silent = int((~found.any(1) & asked).sum()), int((~asked).sum())
    warnings = []
    if empty:
        warnings.append(
            f"the factor reader found no object in {empty} of {len(hits)} samples, which count as not following"
        )
    if silent:
        warnings.append(f"the captions of {silent} of {len(asked)} samples name no colour, so these are left out")
    return Measured(float(hits.mean()), share_interval(hits), tuple(warnings))


def _abstained(read: list[int | None]) -> tuple[str, ...]:
    missing = read.count(None)
    if not missing:
        return ()
    share = missing / len(read)
    return (f"the factor reader abstained from the mode of {missing} of {len(read)} samples ({share:.1%})",)
