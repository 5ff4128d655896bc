"""Through how much noise a teacher and a fake score look at a generator's samples."""

from __future__ import annotations

from typing import NamedTuple

from diorama.core.contracts import Process
from diorama.processes.catalog import AnyTimes
from diorama.processes.flow import FlowProcess
from diorama.processes.times import KarrasTimes, LogitNormalTimes, LogNormalTimes


class ScoreTimes(NamedTuple):
    """Two distributions of times.

    Attributes:
        asked: at which the generator's samples are judged by both scores.
        learned: at which the fake score learns them.
    """

    asked: AnyTimes
    learned: AnyTimes


def score_times(process: Process, *, through_scores: bool) -> ScoreTimes:
    """The times that suit a teacher of a process.

    A flow's teacher knows the times that flows are trained at, which lie in the middle; of nearly pure noise and of
    nearly clean samples it saw next to nothing. There it is wrong in its own way, and a generator that is moved by the
    difference of two scores follows the difference of their errors. So a flow's scores are asked and taught at its own
    times. EDM's preconditioning bounds what a network can do wrong at both ends, and the papers' times reach far out.

    Args:
        process: of the teacher.
        through_scores: gradients pass through both scores, as in score identity distillation.

    Reference: M. Zhou et al., arXiv:2404.04057, algorithm 1: of all levels from 0.002 to 80 on Karras' scale the
    less noisy 0.8, and EDM's times; T. Yin et al., arXiv:2405.14867, published code for ImageNet: between 0.02 and 0.98
    of them, and all; flows P. Esser et al., arXiv:2403.03206, section 3.1.
    """
    if isinstance(process, FlowProcess):
        return ScoreTimes(LogitNormalTimes(), LogitNormalTimes())
    if through_scores:
        return ScoreTimes(KarrasTimes(low=0.002, high=24.4), LogNormalTimes())
    return ScoreTimes(KarrasTimes(low=0.0032, high=71.8), KarrasTimes())
