"""What staircases of exposures say: how long people must look to tell a system's pictures from real ones."""

from __future__ import annotations

from collections import Counter

from diorama.core.numbers import counted
from diorama.core.suggestions import in_a_line
from diorama.evaluation.people.exposures import RaterExposures, hype_time, rater_exposures
from diorama.evaluation.people.parts import ExposurePart
from diorama.study.analysis.findings import Estimates, Grid, Section
from diorama.study.analysis.rates import few_raters, listed, pooled
from diorama.study.staircase import SETTLED


def exposure_section(part: ExposurePart, level: float) -> Section:
    """Exposures that followed the answers."""
    raters = rater_exposures(part)
    found = hype_time(raters, level)
    best = max(found, key=lambda name: found[name].value)
    rows = [pooled(name, own.value, own.low, own.high) for name, own in found.items()]
    facts = [
        pooled("share of right answers", part.right.mean()),
        pooled("judgements", len(part.right)),
        pooled("raters", len(raters)),
        pooled("blocks of a rater, most", max(len(one.blocks) for one in raters)),
    ]
    return Section(
        name="exposures",
        title="How long one must look (HYPE_time)",
        lead=(
            f"To tell pictures of {best} from real ones, people look for {found[best].value:.0f} ms"
            f"{', longest of all systems' if len(found) > 1 else ''}."
        ),
        shown=(
            Estimates(
                name="hype_time",
                title="HYPE_time, milliseconds",
                rows=tuple(rows),
                note=(
                    "Mean over raters of the exposure that each was shown most often; higher is better. Intervals are "
                    "percentiles of a bootstrap over raters."
                ),
            ),
            listed("all", "All judgements in staircases", facts),
            _raters(raters),
        ),
        notes=tuple(_notes(raters)),
    )


def _notes(raters: list[RaterExposures]) -> list[str]:
    notes = []
    short = [one.rater for one in raters if one.answers < SETTLED * len(one.blocks)]
    if short:
        notes.append(
            f"Fewer than {SETTLED} judgements in a block: {counted(len(short), 'rater')}, named {in_a_line(short, 8)}. "
            "Their modal exposures may still be near where the staircase began; they are kept."
        )
    counts = Counter(one.system for one in raters)
    alone = [system for system, count in counts.items() if count == 1]
    if alone:
        notes.append(f"One rater alone judged {in_a_line(alone, 8)}, so that there is no interval.")
    least = min(counts.values())
    return [*notes, *few_raters(least)]


def _raters(raters: list[RaterExposures]) -> Grid:
    rows = sorted(raters, key=lambda one: one.value)
    return Grid(
        name="raters",
        title="Raters, those who need least first",
        columns=("rater", "system", "HYPE_time, ms", "modal exposure of each block, ms", "answers", "right"),
        rows=tuple(
            (
                one.rater,
                one.system,
                one.value,
                ", ".join(f"{ms:g}" for ms in one.blocks),
                one.answers,
                one.right / one.answers,
            )
            for one in rows
        ),
        folded=True,
    )
