"""The kinds of guidance by the names that people type, and their closed union."""

from __future__ import annotations

from collections.abc import Mapping

from diorama.core import worded
from diorama.samplers.guidance.autoguidance import Autoguidance
from diorama.samplers.guidance.classifier import ClassifierGuidance
from diorama.samplers.guidance.classifier_free import ClassifierFreeGuidance
from diorama.samplers.guidance.perturbed_attention import PerturbedAttentionGuidance
from diorama.samplers.guidance.projected import ProjectedGuidance
from diorama.samplers.guidance.tangential import TangentialGuidance
from diorama.samplers.guidance.zero_star import ZeroStarGuidance

AnyGuidance = (
    Autoguidance
    | ClassifierFreeGuidance
    | ClassifierGuidance
    | PerturbedAttentionGuidance
    | ProjectedGuidance
    | TangentialGuidance
    | ZeroStarGuidance
)
"""What a model is moved away from, and how."""

GUIDANCES: Mapping[str, type[AnyGuidance]] = {
    "cfg": ClassifierFreeGuidance,
    "cfg-zero": ZeroStarGuidance,
    "apg": ProjectedGuidance,
    "tcfg": TangentialGuidance,
    "autoguidance": Autoguidance,
    "pag": PerturbedAttentionGuidance,
    "classifier": ClassifierGuidance,
}
"""By name."""


def guidance_named(words: str) -> AnyGuidance:
    """A kind of guidance in words: its name, and after a colon the settings that are not at their defaults.

    Args:
        words: ``apg``, ``cfg:low=0.3,high=5``, ``pag:layers=2+3``.

    Raises:
        BadConfig: there is no such kind or setting, or a value does not fit.
    """
    return worded.value_named(words, GUIDANCES, "guidance-kind")


def kind_asked(own: AnyGuidance, words: str | None) -> AnyGuidance:
    """The kind of guidance that words name; a model that is guided so already keeps its settings.

    Args:
        own: the model's kind.
        words: as of :func:`guidance_named`; ``None`` for the model's own.
    """
    if words is None:
        return own
    asked = guidance_named(words)
    return own if type(asked) is type(own) and ":" not in words else asked


def in_words(guidance: AnyGuidance) -> str:
    """What :func:`guidance_named` reads as this guidance."""
    return worded.in_words(guidance, GUIDANCES)
