"""The metrics by name: what each measures, on whose features, of pictures, frames or clips."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput

EXTRACTORS = ("lite", "inception")
FEATURE_MEASURES = ("fd", "kid", "precision", "recall", "density", "coverage")
MODEL_METRICS = ("psnr", "ssim", "bpd")
"""What only a model can be asked for: reconstructions, or a bound on the code length."""

WORLD_METRICS = ("factor_coverage", "modes")
"""What the factor reader tells of samples of a model of the built-in world."""

_PICTURES = tuple(f"{measure}@lite" for measure in FEATURE_MEASURES)
_CLIPS = ("fd@lite", "fd@lite-clip", "kid@lite-clip")

METRICS = (
    *(f"{measure}@{name}{clip}" for name in EXTRACTORS for clip in ("", "-clip") for measure in FEATURE_MEASURES),
    "is@inception",
    *MODEL_METRICS,
    *WORLD_METRICS,
)


@dataclass(frozen=True)
class Metric:
    """A metric's name, taken apart.

    Args:
        name: as written, ``fd@lite-clip``.
        measure: ``fd``.
        extractor: ``lite``; empty for metrics without features.
        view: which features of the extractor: ``""`` of pictures and frames, ``"-clip"`` of whole clips,
            ``"-logits"`` class scores.
    """

    name: str
    measure: str
    extractor: str = ""
    view: str = ""

    @property
    def features(self) -> str:
        """The key of its features, ``lite-clip``; empty for metrics without features."""
        return self.extractor + self.view


def parse_metric(name: str) -> Metric:
    """A metric by its name.

    Raises:
        BadInput: there is no such metric; the message offers the nearest.
    """
    if name not in METRICS:
        # An unknown extractor leaves the measure, which says what was meant.
        same = [known for known in METRICS if known.partition("@")[0] == name.partition("@")[0]]
        close = get_close_matches(name, METRICS, n=1) or same[:1]
        hint = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(METRICS)}"
        raise BadInput(f"metrics: there is no metric {name!r}{hint}")
    measure, _, extractor = name.partition("@")
    if measure == "is":
        return Metric(name, measure, extractor, "-logits")
    base = extractor.removesuffix("-clip")
    return Metric(name, measure, base, extractor[len(base) :])


def default_metrics(media: MediaSpec, data_name: str = "") -> tuple[str, ...]:
    """What is measured when nothing is asked for: of pictures fidelity and diversity, of clips frames and motion,
    and what the factor reader tells where the data are the built-in world."""
    world = WORLD_METRICS if data_name.startswith("world") and media.channels == 3 else ()
    return (_PICTURES if media.kind == "image" else _CLIPS) + world
