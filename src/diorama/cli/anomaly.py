"""``diorama anomaly``: show what of given pictures a model would draw otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diorama.cli.arguments import parse
from diorama.cli.editing import EditArguments, EditInput, run_examination
from diorama.cli.task_reports import MOST_SHOWN, REPORT, read_task_report, scores

if TYPE_CHECKING:
    from diorama.synthesis.base import Synthesizer
    from diorama.tasks.anomaly import Anomaly


@dataclass(frozen=True, kw_only=True)
class _Own(EditInput):
    """Its own options.

    Args:
        strength: share of the way from noise that is drawn anew, above 0 and up to 1; large ones find large anomalies,
            and take more of what is normal for one.
    """

    strength: float = 0.25


@dataclass(frozen=True, kw_only=True)
class Arguments(EditArguments, _Own):
    """Show what of given pictures a model of normal ones would draw otherwise, and score each picture (AnoDDPM).

    Each is noised part of the way and drawn anew several times. What is written of it: the mean of what was drawn, the
    map of how far the picture is from it, and in report.json a score.

    Args:
        model: a model folder or a run, trained on normal pictures.
        out: folder for what is found; new, empty, or of an older report, which is replaced.
        count: how often each picture is drawn anew.
        steps: of the sampler on the whole way, in place of the model's own number.
    """

    count: int = 8


def main(words: Sequence[str]) -> None:
    """Look for anomalies, with progress."""
    arguments = parse(Arguments, "anomaly", words)

    def made(model: Synthesizer) -> Anomaly:
        from diorama.tasks.anomaly import Anomaly

        return Anomaly(model, arguments.strength)

    run_examination(arguments, made)
    found = scores(read_task_report(arguments.out))
    print("\n".join(["score, the most unusual first:", *(f"{s:10.4g}  {name}" for s, name in found[:MOST_SHOWN])]))
    if len(found) > MOST_SHOWN:
        print(f"… and {len(found) - MOST_SHOWN:,} more in {arguments.out / REPORT}")
