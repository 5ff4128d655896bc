"""From a file of judgements to all that it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.core.files import sha256_of
from diorama.evaluation.people.parts import (
    AttentionPart,
    ChoicePart,
    CountPart,
    ExposurePart,
    OpinionPart,
    PairPart,
    Part,
    RatingPart,
    Recognised,
    TripletPart,
    VerdictPart,
    VotePart,
)
from diorama.metrics.judgement.responses import Davidson
from diorama.metrics.judgement.strengths import response_for
from diorama.study.analysis.choices import choice_section, count_section, vote_section
from diorama.study.analysis.exposures import exposure_section
from diorama.study.analysis.findings import Analysis, Section
from diorama.study.analysis.opinions import opinion_section, scales_section
from diorama.study.analysis.pairs import pair_sections
from diorama.study.analysis.recognise import recognise
from diorama.study.analysis.reliability import attention_section, pair_reliability, rating_section, triplet_section
from diorama.study.analysis.verdicts import verdict_section
from diorama.study.analysis.with_metrics import judged_systems, metric_section, read_scores


@dataclass(frozen=True, kw_only=True)
class AnalyseOptions:
    """How judgements are analysed.

    Args:
        truth: the source whose pictures are true; empty for what the file says. A table that says of every row or
            item what is true keeps that, and a note says so.
        level: of the intervals, in (0, 1).
        scores: of the systems by metrics, a ``report.json`` of a comparison or CSV; ``None`` for none.
        command: that asked for it.
    """

    truth: str = ""
    level: float = 0.95
    scores: Path | None = None
    command: str = ""

    def __post_init__(self) -> None:
        if not 0.5 <= self.level < 1:
            raise ValueError(f"level must be in [0.5, 1), got {self.level:g}")


def analyse(path: Path, options: AnalyseOptions | None = None) -> Analysis:
    """Analyse a file of judgements, which is read as it is.

    Args:
        path: a study's export, or a table in one of the layouts of :data:`~diorama.study.analysis.recognise.LAYOUTS`.
        options: truth, level and metrics.

    Raises:
        BadInput: the file cannot be read or analysed. The message says what to do.
    """
    chosen = options or AnalyseOptions()
    found = recognise(path, chosen.truth)
    sections = [section for part in found.parts for section in _sections(part, chosen.level)]
    scales = [part for part in found.parts if isinstance(part, OpinionPart)]
    if len(scales) > 1:
        sections.append(scales_section(scales))
    if chosen.scores is not None:
        sections += _against_metrics(sections, chosen.scores)
    return Analysis(
        source=path.name,
        sha256=sha256_of(path),
        layout=found.layout,
        simulated=found.simulated,
        notes=(*found.notes, *_unread_truth(found, chosen.truth)),
        sections=tuple(sections),
        level=chosen.level,
        command=chosen.command,
        methods=tuple(dict.fromkeys(text for part in found.parts for text in _methods(part))),
    )


def _unread_truth(found: Recognised, truth: str) -> list[str]:
    """That a source was named as the true one and is not read, and why."""
    if not truth:
        return []
    if found.truth_from:
        return [f"{found.truth_from} says which pictures are true: --truth {truth} is not read."]
    if any(isinstance(part, ChoicePart | VerdictPart) for part in found.parts):
        return []
    return ["A true source is named, and nothing here is asked of true and false pictures: it is not read."]


def _sections(part: Part, level: float) -> Sequence[Section]:
    match part:
        case PairPart():
            raters = pair_reliability(part, level)
            return [*pair_sections(part, level), *([raters] if raters is not None else [])]
        case ChoicePart():
            return [choice_section(part, level)]
        case VerdictPart():
            return [verdict_section(part, level)]
        case ExposurePart():
            return [exposure_section(part, level)]
        case OpinionPart():
            return [opinion_section(part, level)]
        case RatingPart():
            return [rating_section(part, level)]
        case TripletPart():
            return [triplet_section(part, level)]
        case VotePart():
            return [vote_section(part)]
        case CountPart():
            return [count_section(part, level)]
        case AttentionPart():
            return [attention_section(part, level)]


def _against_metrics(sections: Sequence[Section], path: Path) -> list[Section]:
    judged = [(section, people) for section in sections if (people := judged_systems(section)) is not None]
    if not judged:
        raise BadInput(f"{path}: metrics are held against systems, and this file judges none")
    scores = read_scores(path)
    return [metric_section(people, scores, path) for _, people in judged]


def _methods(part: Part) -> list[str]:
    """How each kind is analysed, in sentences that a methods section can take over."""
    clustered = (
        "Intervals take raters as draws: cluster-robust variances with the small-sample correction CR2 (Bell and "
        "McCaffrey 2002) and Student's t with the effective number of raters less one."
    )
    holm = "Tests of several hypotheses are corrected by Holm's method (1979)."
    match part:
        case PairPart():
            model = "Bradley and Terry's model (1952)"
            if isinstance(response_for(part.judgements), Davidson):
                model = "Davidson's model (1970) of preferences with ties"
            return [f"Strengths are maximum-likelihood estimates of {model}.", clustered, holm]
        case ChoicePart():
            return [
                "d' of a forced choice is the probit of the share of right answers times the root of two.",
                clustered,
                holm,
            ]
        case VerdictPart():
            return ["d' is the probit of the share of real pictures called real less that of false ones.", clustered]
        case ExposurePart():
            return [
                "HYPE_time (Zhou et al. 2019) is the mean over raters of the modal exposure of their adaptive "
                "staircases; its interval is a bootstrap over raters with percentiles widened for few raters "
                "(Hesterberg 2015)."
            ]
        case OpinionPart():
            return ["Mean opinion is the mean of all scores of a system.", clustered, holm]
        case _:
            return []
