"""What may be answered to each kind of question: words, and keys for those who have a keyboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diorama.study.design import Kind, StudyDesign

LONGEST_MS = 86_400_000
"""The longest time to an answer that is believed: a day."""


@dataclass(frozen=True)
class Choice:
    """One answer.

    Args:
        value: what exports call it.
        label: what raters read.
        keys: names of keys as browsers have them, separated by blanks.
        shown: what the page says of the first key.
    """

    value: str
    label: str
    keys: str
    shown: str


_LEFT = Choice("left", "Left", "ArrowLeft l", "←")
_RIGHT = Choice("right", "Right", "ArrowRight r", "→")
# Absolute category rating, ITU-T P.910 (2023), table 1.
_GRADES = ("Bad", "Poor", "Fair", "Good", "Excellent")

_CHOICES: Mapping[Kind, tuple[Choice, ...]] = {
    "pairwise": (_LEFT, Choice("tie", "No difference", "ArrowDown n", "↓"), _RIGHT),
    "2afc": (_LEFT, _RIGHT),
    "real_or_fake": (
        Choice("real", "Real", "ArrowLeft r", "←"),
        Choice("unsure", "Not sure", "ArrowDown u", "↓"),
        Choice("fake", "Made by a computer", "ArrowRight f", "→"),
    ),
    "opinion": tuple(Choice(str(i), grade, str(i), str(i)) for i, grade in enumerate(_GRADES, 1)),
}


def choices_of(design: StudyDesign) -> tuple[Choice, ...]:
    """What may be answered in a study, in the order of the buttons."""
    left_out = set() if design.ties else {"tie"}
    if design.staircase is not None:
        # HYPE_time knows right and wrong answers alone.
        left_out.add("unsure")
    return tuple(choice for choice in _CHOICES[design.kind] if choice.value not in left_out)
