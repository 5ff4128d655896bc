"""FD@lite of a guided diffusion model against the scale of its guidance, for several kinds of guidance.

    python benchmarks/guidance.py runs/class DATA --out benchmarks/results/guidance_edm
        --kinds cfg "cfg:low=0.2,high=2" autoguidance --guide runs/class-early --scales 1 1.25 1.5 2 3
    python benchmarks/guidance.py runs/adm DATA --kinds classifier --guide runs/classifier --scales 1 1.5 2 3 5 …

DATA is the set as ``diorama prepare`` packs it. A scale of 1 is no guidance, and is measured once. The kinds that are
moved away from a guide, or along its gradient, need ``--guide``. Writes OUT.md, OUT.json and the curves as OUT.svg;
after each value, so that a call that is cut short leaves what it found.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from diorama.core.device import pick
from diorama.core.files import write_json, write_text
from diorama.data.dataset import Split, open_dataset
from diorama.evaluation.run import EvaluateOptions, evaluate
from diorama.synthesis.base import Sampling
from diorama.web.plot import Series
from diorama.web.sheet import Panel, sheet_of

METRICS = ("fd@lite", "fd@lite2", "precision", "recall")
GUIDED_BY_MODELS = ("autoguidance", "classifier")
NONE = "none"


@dataclass(frozen=True)
class Row:
    """A kind of guidance at one scale.

    Args:
        kind: of the guidance.
        scale: of the guidance.
        low: lower end of the interval of fd@lite.
        high: upper end.
        values: by metric.
    """

    kind: str
    scale: float
    low: float | None
    high: float | None
    values: dict[str, float]


def row_of(kind: str, scale: float, split: Split, arguments: argparse.Namespace) -> Row:
    """Draw and measure."""
    guide = arguments.guide if kind.partition(":")[0] in GUIDED_BY_MODELS else None
    options = EvaluateOptions(
        metrics=METRICS,
        count=arguments.count,
        reference=arguments.reference,
        device=pick(arguments.device).type,
        cache=arguments.cache,
        sampling=Sampling(guidance=scale, guidance_kind=None if kind == NONE else kind),
        guide=guide,
    )
    results = evaluate(arguments.model, split, options).results
    (first,) = [each for each in results if each.metric == METRICS[0]]
    return Row(kind, scale, first.interval.low, first.interval.high, {each.metric: each.value for each in results})


def table(rows: list[Row]) -> str:
    """All rows as Markdown, the best first."""
    lines = ["| guidance | scale | fd@lite | fd@lite2 | precision | recall |", "|---|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: row.values["fd@lite"]):
        interval = "" if row.low is None or row.high is None else f" [{row.low:.2f}, {row.high:.2f}]"
        lines.append(
            f"| {row.kind} | {row.scale:g} | {row.values['fd@lite']:.2f}{interval} | {row.values['fd@lite2']:.2f} | "
            f"{row.values['precision@lite']:.3f} | {row.values['recall@lite']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def curves(rows: list[Row], name: str) -> str:
    """FD@lite against the scale as a picture: one line a kind, all of which begin at no guidance.

    What lies above twice the value of no guidance would hide all else, and is left out; the title says how much.
    """
    start = [(0.0, row.values["fd@lite"]) for row in rows if row.kind == NONE]
    ceiling = 2 * start[0][1]
    shown = [row for row in rows if row.kind != NONE and row.values["fd@lite"] <= ceiling]
    above = len(rows) - len(start) - len(shown)
    series = [
        Series(
            name=kind,
            points=sorted(start + [(row.scale - 1, row.values["fd@lite"]) for row in shown if row.kind == kind]),
            colour=colour,
        )
        for colour, kind in enumerate(dict.fromkeys(row.kind for row in shown))
    ]
    title = f"{above} values above {ceiling:.1f} are left out" if above else "all values"
    return sheet_of([Panel(title=title, series=series, y="fd@lite")], title=name, x="scale of guidance, less 1").svg()


def main() -> None:
    """Measure every kind at every scale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="of the table and the curves, without a suffix")
    parser.add_argument("--kinds", nargs="+", default=["cfg"])
    parser.add_argument("--guide", type=Path, help="a model: an earlier or smaller self, or a noisy classifier")
    parser.add_argument("--scales", type=float, nargs="+", default=[1.25, 1.5, 2.0, 3.0])
    parser.add_argument("--split", default="train")
    parser.add_argument("--count", type=int, default=3_000)
    parser.add_argument("--reference", type=int, default=10_000)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    if arguments.guide is None and any(kind.partition(":")[0] in GUIDED_BY_MODELS for kind in arguments.kinds):
        parser.error(f"--guide: {' and '.join(GUIDED_BY_MODELS)} want a model")
    split = open_dataset(arguments.data).split(arguments.split)
    wanted = [(NONE, 1.0), *((kind, scale) for kind in arguments.kinds for scale in arguments.scales if scale != 1.0)]
    rows: list[Row] = []
    for kind, scale in wanted:
        rows.append(row_of(kind, scale, split, arguments))
        print(f"{kind} {scale:g}: {rows[-1].values}", flush=True)
        write_json(arguments.out.with_suffix(".json"), [vars(row) for row in rows])
        write_text(arguments.out.with_suffix(".md"), table(rows))
        if len(rows) > 1:
            write_text(arguments.out.with_suffix(".svg"), curves(rows, arguments.model.name))


if __name__ == "__main__":
    main()
