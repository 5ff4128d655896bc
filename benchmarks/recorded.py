"""Recorded turns beside launched ones, in the product's own training: milliseconds a step, and launches a step.

    python benchmarks/recorded.py [--seconds 2] [--repeats 5] [--table benchmarks/results/recorded.md]

Both trainings of a recipe are alive at once and advance in turn; medians of the repeats are compared. Launches are
counted by the profiler over three steps: what the processor hands to the GPU, kernels, copies and whole graphs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile
from trainings import Training, recipe_of

from diorama.core import device as devices
from diorama.core.files import write_text

CONFIGURATIONS = (("dcgan", 128), ("ddpm", 128), ("ddpm", 256), ("vae", 128))
"""Recipe and batch; the DCGAN draws 64 x 64 pixels, as in its paper."""
_LAUNCHES = ("cudaLaunchKernel", "cuLaunchKernel", "cudaMemcpyAsync", "cudaMemsetAsync", "cudaGraphLaunch")


def launches(training: Training) -> dict[str, float]:
    """Calls a step that hand work to the GPU, by kind."""
    if training.device.type != "cuda":
        return {}
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        training.advance(3)
    counts: dict[str, float] = {}
    for event in seen.key_averages():
        for name in _LAUNCHES:
            if event.key.startswith(name):
                counts[name] = counts.get(name, 0) + event.count / 3
    return counts


def compare(
    name: str, batch: int, folder: Path, run: str, device: torch.device, arguments: argparse.Namespace
) -> list[str]:
    """Lines of the table for one recipe."""
    ways = {"launched": False, "recorded": True}
    trainings = {
        way: Training(recipe_of(name, batch, tiny=arguments.tiny, recorded=recorded), folder, f"{run}-{way}", device)
        for way, recorded in ways.items()
    }
    counts: dict[str, int] = {}
    for way, training in trainings.items():
        training.advance(8)
        pilot, _ = training.advance(4)
        counts[way] = max(2, round(arguments.seconds / (pilot / 4)))
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(arguments.repeats):
        for way, training in trainings.items():
            seconds, _ = training.advance(counts[way])
            times[way].append(1000 * seconds / counts[way])
    middle = {way: statistics.median(values) for way, values in times.items()}
    lines = []
    for way, training in trainings.items():
        called = launches(training)
        words = f"{sum(called.values()):.0f}, of them graphs {called.get('cudaGraphLaunch', 0):.0f}"
        spread = f"{min(times[way]):.2f} … {max(times[way]):.2f}"
        speed = f"{1000 * batch / middle[way]:,.0f}"
        times_as_fast = f"{middle['launched'] / middle[way]:.2f}"
        lines.append(f"| {name} {batch} | {way} | {middle[way]:.2f} | {spread} | {speed} | {times_as_fast} | {words} |")
        lines += [f"| | note | {note} | | | | |" for note in training.notes]
    for training in trainings.values():
        training.close()
    return lines


def main() -> None:
    """Compare all recipes and print the table, line by line as it grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="recipes")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal with the small recipes and batches of 8")
    parser.add_argument("--table", type=Path)
    arguments = parser.parse_args()
    device = devices.pick(arguments.device)
    lines = [
        f"# Recorded and launched turns: {devices.describe(device)}, torch {torch.__version__}",
        "",
        "| recipe, batch | turns | ms a step | from … to | pictures/s | times as fast | launches a step |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for place, (name, batch) in enumerate(CONFIGURATIONS):
            if not arguments.only or name in arguments.only:
                added = compare(name, 8 if arguments.tiny else batch, Path(folder), f"run{place}", device, arguments)
                print("\n".join(added), flush=True)
                lines += added
    if arguments.table:
        write_text(arguments.table, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
