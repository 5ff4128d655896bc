"""What a recipe's network draws before its training, by its numbers: the floor that a training must leave below it.

    python benchmarks/untrained.py PREPARED --recipe mocogan_cpu [--count 500] [--reference 3000]
        [--metrics fd@lite,fd@lite-clip]

The model is the one that ``diorama compare`` shows as untrained. The real side is the split ``train``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from diorama.comparison.candidates import candidate
from diorama.comparison.participants import untrained_model
from diorama.data.dataset import open_dataset
from diorama.evaluation.run import EvaluateOptions, evaluate

METRICS = "fd@lite,fd@lite-clip,fd@lite2,fd@lite2-clip"


def main() -> None:
    """Measure and print one line for each metric."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--reference", type=int, default=3_000)
    parser.add_argument("--metrics", default=METRICS)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    split = open_dataset(arguments.data).split("train")
    model = untrained_model(candidate(arguments.recipe, split.info).recipe)
    options = EvaluateOptions(
        metrics=tuple(arguments.metrics.split(",")),
        count=arguments.count,
        reference=arguments.reference,
        device=arguments.device,
    )
    for result in evaluate(model, split, options).results:
        low, high = result.interval.low, result.interval.high
        print(f"{result.metric}: {result.value:.1f} [{low:.1f}, {high:.1f}] of {result.samples:,} samples")


if __name__ == "__main__":
    main()
