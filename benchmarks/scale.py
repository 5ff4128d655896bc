"""Training steps of one process, or of several under ``torchrun``: pictures a second, and the curve of the losses.

    python benchmarks/scale.py --out one.json
    torchrun --nproc-per-node 2 benchmarks/scale.py --out two.json --against one.json
    torchrun --nproc-per-node 2 benchmarks/scale.py --sharded --out shared.json --against two.json

Every configuration is trained by the product's own ``train()`` over a fixed batch per process. With the same batch per
process the work grows with the processes; half of it on two processes is the same total. The curve is that of the
DDPM at 256 pictures together, so it needs 1, 2, 4 … processes. With ``--sharded`` the DDPM's weights are shared out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from trainings import Training, recipe_of

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.files import write_text

CONFIGURATIONS = (("ddpm", 256), ("ddpm", 128), ("dcgan", 512), ("dcgan", 256))
"""Recipe and batch per process."""
CURVE = 100
"""Steps of the loss curve."""


def measure(
    name: str, batch: int, folder: Path, run: str, device: torch.device, arguments: argparse.Namespace
) -> dict[str, Any]:
    """One configuration: warmed up, then timed for about the wanted seconds."""
    began, total = time.perf_counter(), batch * distributed.world_size()
    training = Training(recipe_of(name, total, tiny=arguments.tiny), folder, run, device, sharded=arguments.sharded)
    training.advance(arguments.warm)
    pilot, _ = training.advance(3)
    count = distributed.share(max(3, round(arguments.seconds / (pilot / 3))))
    setup = time.perf_counter() - began
    seconds, _ = training.advance(count)
    row = {
        "recipe": name,
        "batch": batch,
        "total": total,
        "processes": distributed.world_size(),
        "pictures_per_second": total * count / seconds,
        "ms": 1000 * seconds / count,
        "steps": count,
        "setup_s": setup,
        "memory_gb": training.memory(),
        "notes": training.notes,
    }
    training.close()
    return row


def curve(folder: Path, device: torch.device, arguments: argparse.Namespace) -> list[tuple[float, float]]:
    """Losses of the DDPM at 256 pictures together: means over tenths of the steps and over runs of different seeds,
    and their standard errors over the runs."""
    runs = [tenths(folder, seed, device, arguments) for seed in range(arguments.seeds)]
    parts = list(zip(*runs, strict=True))
    return [(statistics.fmean(part), statistics.stdev(part) / len(part) ** 0.5) for part in parts]


def tenths(folder: Path, seed: int, device: torch.device, arguments: argparse.Namespace) -> list[float]:
    """Mean losses over tenths of the steps of one run."""
    total = 16 if arguments.tiny else 256
    recipe = replace(recipe_of("ddpm", total, tiny=arguments.tiny), seed=seed)
    training = Training(recipe, folder, f"curve{seed}", device, sharded=arguments.sharded)
    _, losses = training.advance(arguments.curve)
    means = distributed.mean(torch.tensor(losses)).tolist()
    training.close()
    width = max(2, len(means) // 10)
    return [statistics.fmean(means[i : i + width]) for i in range(0, len(means) - width + 1, width)]


def table(found: dict[str, Any], before: dict[str, Any] | None) -> str:
    """Everything as Markdown, beside an earlier run with fewer processes if there is one."""
    lines = [
        f"# Training over {found['processes']} process(es), {found['device']}, torch {found['torch']}",
        "",
        "| recipe | batch a process | together | pictures/s | ms a step | begin, s | memory, GB |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        numbers = f"{row['pictures_per_second']:,.0f} | {row['ms']:.2f} | {row['setup_s']:.1f} | {row['memory_gb']:.1f}"
        lines.append(f"| {row['recipe']} | {row['batch']} | {row['total']} | {numbers} |")
    lines += [f"- {row['recipe']} {row['batch']}: {note}" for row in found["rows"] for note in row["notes"]]
    if before:
        lines += ["", "| recipe | compared | times as fast |", "|---|---|---|"]
        for row in found["rows"]:
            for other in before["rows"]:
                kinds = [f"{key} {row[key]}" for key in ("batch", "total") if row[key] == other[key]]
                if row["recipe"] == other["recipe"] and kinds:
                    times = row["pictures_per_second"] / other["pictures_per_second"]
                    lines.append(f"| {row['recipe']} | equal {kinds[0]} | {times:.2f} |")
    lines += ["", "| loss over tenths of the curve | standard error |" + (" before | error |" if before else "")]
    lines += ["|---|---|" + ("---|---|" if before else "")]
    for place, (mean, error) in enumerate(found["curve"]):
        old = f" {before['curve'][place][0]:.4f} | {before['curve'][place][1]:.4f} |" if before else ""
        lines.append(f"| {mean:.4f} | {error:.4f} |{old}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run all configurations, print them, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--warm", type=int, default=8, help="steps before any is timed; recordings are made in them")
    parser.add_argument("--seconds", type=float, default=4.0, help="that each configuration is timed for")
    parser.add_argument("--curve", type=int, default=CURVE, help="steps of the loss curve")
    parser.add_argument("--seeds", type=int, default=4, help="runs whose curves are averaged, two at least")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal with the small recipes and batches of 8")
    parser.add_argument("--only", nargs="*", default=[], help="recipes")
    parser.add_argument("--sharded", action="store_true", help="share weights out; of recipes of one phase")
    parser.add_argument("--out", type=Path, help="JSON")
    parser.add_argument("--against", type=Path, help="JSON of an earlier run, of fewer processes")
    parser.add_argument("--table", type=Path, help="Markdown")
    arguments = parser.parse_args()
    device = devices.pick(arguments.device)
    if device.type == "cuda":
        device = torch.device("cuda", distributed.local_rank())
        torch.cuda.set_device(device)
    with distributed.session(device):
        where = tempfile.mkdtemp() if distributed.is_first() else ""
        folder = Path(distributed.share(where))
        found: dict[str, Any] = {
            "device": devices.describe(device),
            "torch": torch.__version__,
            "processes": distributed.world_size(),
            "rows": [],
        }
        for place, (name, batch) in enumerate(CONFIGURATIONS):
            wanted = arguments.only or ["ddpm" if arguments.sharded else name]
            if name not in wanted:
                continue
            row = measure(name, 8 if arguments.tiny else batch, folder, f"run{place}", device, arguments)
            found["rows"].append(row)
            if distributed.is_first():
                print(json.dumps(row), flush=True)
        found["curve"] = curve(folder, device, arguments) if arguments.curve else []
        if distributed.is_first():
            before = json.loads(arguments.against.read_text()) if arguments.against else None
            text = table(found, before)
            print(text, flush=True)
            if arguments.out:
                write_text(arguments.out, json.dumps(found, indent=1) + "\n")
            if arguments.table:
                write_text(arguments.table, text)
        distributed.barrier()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "4")
    main()
