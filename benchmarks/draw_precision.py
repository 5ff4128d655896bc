"""What drawing in half precision changes: the same samples in float32 beside them.

    python benchmarks/draw_precision.py --model runs/ddpm --data prepared [--count 5000] [--out FILE.md]

Each picture has its peak signal-to-noise ratio from its float32 twin. Both sets are held against the same real
records, and the difference of their Fréchet distances has an interval that knows that the samples are paired: the
variance of what each picture adds to one distance less what its twin adds to the other, to first order.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diorama.core import device as devices
from diorama.core.contracts import Batch, pixels_of
from diorama.core.files import write_text
from diorama.data.raw import open_any
from diorama.evaluation.frechet_interval import influence
from diorama.evaluation.reference import ReferenceFeatures, ReferenceOptions, reference_features
from diorama.media.convert import to_uint8
from diorama.metrics.frechet import frechet_distance, statistics
from diorama.nn.similarity import psnr
from diorama.synthesis import store
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import usual
from diorama.synthesis.drawing import DrawOptions, draw

_METRIC, _FEATURES = "fd@lite", "lite"
_HIGHEST = 100.0
"""dB that equal pictures count as."""


@dataclass
class Set:
    """Pictures of one precision, as they pass by on their way to the features."""

    pixels: list[Tensor]

    def kept(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches, whose 8-bit values stay here."""
        for batch in batches:
            self.pixels.append(to_uint8(pixels_of(batch)).cpu())
            yield batch


def drawn(model: Synthesizer, precision: str, reference: ReferenceFeatures, count: int) -> tuple[Tensor, Tensor]:
    """8-bit pictures (n, c, h, w) and their features (n, d)."""
    options, seen = DrawOptions(precision=precision), Set([])  # type: ignore[arg-type]
    conditions = usual(model.config.conditions, None)
    batches = draw(model, count, seed=0, conditions=conditions, options=options)
    features = reference.taker.take_all(seen.kept(batches)).rows[_FEATURES]
    return torch.cat(seen.pixels), features


def paired_difference(first: Tensor, second: Tensor, real: Tensor) -> tuple[float, float, float, float]:
    """Fréchet distances of two paired sets of features from the real ones, their difference, and its standard error."""
    x, y, z = (features.cpu().double() for features in (first, second, real))
    own, other, held = statistics(x), statistics(y), statistics(z)
    distances = frechet_distance(own, held), frechet_distance(other, held)
    each = influence(x, own, held) - influence(y, other, held)
    return *distances, distances[0] - distances[1], float(each.std()) / math.sqrt(len(each))


def report(arguments: argparse.Namespace) -> str:
    """Markdown."""
    device = devices.pick(arguments.device)
    devices.choose_kernels(device)
    model = store.load(arguments.model, device=device)
    split = open_any(arguments.data, arguments.data.parent / "cache").split("train")
    reference = reference_features(split, (_METRIC,), ReferenceOptions(device=str(device)))
    columns = []
    # The twins keep all digits of float32: TF32's products have fewer.
    with devices.full_float32():
        full, full_features = drawn(model, "fp32", reference, arguments.count)
        for precision in arguments.precision:
            half, half_features = drawn(model, precision, reference, arguments.count)
            columns.append(changes(half, full))
            columns[-1] += distances(half_features, full_features, reference.features[_FEATURES])
    lines = [
        "# What drawing in half precision changes",
        "",
        f"`python benchmarks/draw_precision.py`: {arguments.count:,} samples in {model.sampling.steps} steps "
        f"({devices.describe(device)}, torch {torch.__version__}), each drawn in half precision and in float32; "
        f"{_METRIC} from {len(split):,} records.",
        "",
        f"| | {' | '.join(arguments.precision)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, *cells in zip(ROWS, *columns, strict=True)]
    return "\n".join([*lines, ""])


ROWS = (
    "median picture's PSNR from its float32 twin",
    "5 % of pictures lie below",
    "values that differ by no grey level",
    "values that differ by at most one",
    f"{_METRIC}, and of the float32 twins",
    "their difference, 95 % interval of the pairs",
)


def changes(half: Tensor, full: Tensor) -> list[str]:
    """The first rows, from 8-bit pictures (n, c, h, w)."""
    ratios = psnr(half.float(), full.float(), span=255).clamp(max=_HIGHEST)
    low, middle = (float(ratios.quantile(share)) for share in (0.05, 0.5))
    levels = (half.int() - full.int()).abs()
    shares = [f"{float((levels <= most).float().mean()):.1%}" for most in (0, 1)]
    return [f"{middle:.1f} dB", f"{low:.1f} dB", *shares]


def distances(half: Tensor, full: Tensor, real: Tensor) -> list[str]:
    """The last rows, from features (n, d)."""
    own, twins, difference, error = paired_difference(half, full, real)
    ends = difference - 1.96 * error, difference + 1.96 * error
    holds = "holds" if ends[0] <= 0 <= ends[1] else "does not hold"
    return [f"{own:.3f}, {twins:.3f}", f"{difference:+.4f} [{ends[0]:+.4f}, {ends[1]:+.4f}], {holds} 0"]


def main() -> None:
    """Draw both sets and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--precision", nargs="+", default=["fp16", "bf16"])
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    text = report(arguments)
    print(text)
    if arguments.out:
        write_text(arguments.out, text)


if __name__ == "__main__":
    main()
