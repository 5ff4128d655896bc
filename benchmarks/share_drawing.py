"""Drawing to files and evaluating, in one process or in several under ``torchrun``: seconds, and the answer.

    python benchmarks/share_drawing.py --out one.json
    torchrun --nproc-per-node 2 benchmarks/share_drawing.py --out two.json --against one.json

The model is the 35.7 M U-Net of ``benchmarks/draw.py`` with random weights, in 50 steps of DDIM; it is measured against
noise. A first round, of as many samples, warms up: kernels are chosen and compiled.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
from trainings import info_of, noise

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.files import write_text
from diorama.evaluation.run import evaluate
from diorama.evaluation.subjects import EvaluateOptions
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.recipes.ddpm import ddpm, ddpm_cpu
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.samples import SampleOptions, sample


def model_of(device: torch.device, *, tiny: bool) -> Synthesizer:
    """With random weights, the same in every process."""
    method = (ddpm_cpu if tiny else ddpm)(info_of(32)).method
    assert isinstance(method, DiffusionMethodConfig)
    torch.manual_seed(0)
    return method.synthesizer.build().to(device).eval()


def measure(model: Synthesizer, folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Seconds of drawing and of evaluating, and the distance that was measured."""
    device, found = str(model.device), {}
    data = noise(folder, 32, 256 if arguments.tiny else 4096)
    for _ in range(2):
        distributed.barrier()
        began = time.perf_counter()
        list(sample(model, arguments.count, out=folder / "samples", options=SampleOptions(device=device)))
        found["drawing, s"] = time.perf_counter() - began
        distributed.barrier()
        began = time.perf_counter()
        options = EvaluateOptions(metrics=("fd@lite", "kid@lite"), count=arguments.count, device=device)
        evaluation = evaluate(model, data, options)
        found["evaluating, s"] = time.perf_counter() - began
        found["fd@lite"] = evaluation.results[0].value
    return found


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--tiny", action="store_true", help="a rehearsal with the small recipe")
    parser.add_argument("--out", type=Path, help="JSON")
    parser.add_argument("--against", type=Path, help="JSON of an earlier run, of fewer processes")
    parser.add_argument("--table", type=Path, help="Markdown")
    arguments = parser.parse_args()
    device = distributed.own_device(devices.pick(arguments.device))
    devices.choose_kernels(device)
    with distributed.session(device), tempfile.TemporaryDirectory() as own:
        found = measure(model_of(device, tiny=arguments.tiny), Path(distributed.share(own)), arguments)
        distributed.barrier()
        if not distributed.is_first():
            return
        before = json.loads(arguments.against.read_text()) if arguments.against else {}
        lines = [
            f"# {arguments.count:,} samples in {distributed.world_size()} process(es): {devices.describe(device)}, "
            f"torch {torch.__version__}",
            "",
            "| | now | before | times as fast |",
            "|---|---|---|---|",
        ]
        for name, value in found.items():
            old = before.get(name)
            faster = f"{old / value:.2f}" if old and name.endswith(", s") else ""
            lines.append(f"| {name} | {value:.2f} | {'' if old is None else f'{old:.2f}'} | {faster} |")
        text = "\n".join([*lines, ""])
        print(text, flush=True)
        if arguments.out:
            write_text(arguments.out, json.dumps(found, indent=1) + "\n")
        if arguments.table:
            write_text(arguments.table, text)


if __name__ == "__main__":
    main()
