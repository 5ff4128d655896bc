"""How many levels consistency training tells apart as it goes on, and how slowly its target network follows.

``done`` and ``length`` are given in one unit of the caller's choice: a run counts pictures, the papers count steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Lesson(NamedTuple):
    """What holds at a moment.

    Attributes:
        levels: levels of noise; a model learns from pairs of neighbours.
        decay: of the average of weights that the target network is; 0 is the network itself.
    """

    levels: int
    decay: float


class Curriculum(Protocol):
    """Lessons in their order."""

    def at(self, done: int) -> Lesson:
        """The lesson after so much of the training."""
        ...


@dataclass(frozen=True, kw_only=True)
class FixedCurriculum:
    """The same lesson all along.

    Reference: for distillation Y. Song, P. Dhariwal, M. Chen, I. Sutskever, arXiv:2303.01469, section 4 and table 3.
    """

    levels: int = 18
    decay: float = 0.95

    def __post_init__(self) -> None:
        _check(self.levels, 2, self.decay)

    def at(self, done: int) -> Lesson:
        """The lesson."""
        return Lesson(self.levels, self.decay)


@dataclass(frozen=True, kw_only=True)
class ProgressiveCurriculum:
    """More and more levels: the square of their number grows evenly over the training.

    Args:
        first: levels at the beginning, of which there are at least 2.
        last: pairs of neighbouring levels at the end.
        length: of the training, in the unit of ``done``.
        decay: of the average that the target network is; with ``adaptive`` this at the beginning.
        adaptive: whether the decay grows with the number of levels.

    Reference: Y. Song, P. Dhariwal, M. Chen, I. Sutskever, arXiv:2303.01469, appendix C (schedule functions of
    consistency training).
    """

    first: int = 2
    last: int = 150
    length: int
    decay: float = 0.9
    adaptive: bool = True

    def __post_init__(self) -> None:
        _check(self.first, 1, self.decay)
        if self.last < self.first:
            raise ValueError(f"last must be at least first, got first={self.first} last={self.last}")
        if self.length < 1:
            raise ValueError(f"length must be at least 1, got {self.length}")
        if self.adaptive and self.decay == 0:
            raise ValueError("decay: one that adapts must begin above 0")

    def at(self, done: int) -> Lesson:
        """See the class."""
        square = self.first**2 + min(done / self.length, 1) * ((self.last + 1) ** 2 - self.first**2)
        pairs = max(math.ceil(math.sqrt(square) - 1), 1)
        decay = math.exp(math.log(self.decay) * self.first / pairs) if self.adaptive else self.decay
        return Lesson(pairs + 1, decay)


@dataclass(frozen=True, kw_only=True)
class DoublingCurriculum:
    """Twice as many pairs again and again, and no target network but the one that is trained.

    Args:
        first: pairs to begin with.
        last: the most.
        length: of the training.

    Reference: Y. Song, P. Dhariwal, arXiv:2310.14189, section 3.4.
    """

    first: int = 10
    last: int = 1_280
    length: int

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.last:
            raise ValueError(f"1 <= first <= last must hold, got first={self.first} last={self.last}")
        if self.length < 1:
            raise ValueError(f"length must be at least 1, got {self.length}")

    def at(self, done: int) -> Lesson:
        """See the class."""
        stage = max(math.floor(self.length / (math.log2(self.last // self.first) + 1)), 1)
        return Lesson(min(self.first * 2 ** (done // stage), self.last) + 1, 0.0)


@dataclass(frozen=True, kw_only=True)
class HalvingCurriculum:
    """Half as many steps again and again, for progressive distillation; the last two stages are twice as long.

    Args:
        first: steps to begin with.
        stage: length of a stage.

    Reference: published code of Y. Song, P. Dhariwal, M. Chen, I. Sutskever, arXiv:2303.01469, after T. Salimans,
    J. Ho, arXiv:2202.00512.
    """

    first: int = 64
    stage: int

    def __post_init__(self) -> None:
        if self.first < 1 or self.stage < 1:
            raise ValueError(f"first and stage must be at least 1, got first={self.first} stage={self.stage}")

    def at(self, done: int) -> Lesson:
        """See the class; the student's weights are its own target, which does not move within a stage."""
        steps = max(self.first // 2 ** (done // self.stage), 2)
        if steps == 2:
            late = max(done - self.stage * (math.log2(self.first) - 1), 0) // (2 * self.stage)
            steps = max(int(2 // 2**late), 1)
        return Lesson(steps, 1.0)


AnyCurriculum = DoublingCurriculum | FixedCurriculum | ProgressiveCurriculum
"""Of consistency training and distillation."""


def _check(levels: int, least: int, decay: float) -> None:
    if levels < least:
        raise ValueError(f"levels must be at least {least}, got {levels}")
    if not 0 <= decay <= 1:
        raise ValueError(f"decay must be in [0, 1], got {decay}")
