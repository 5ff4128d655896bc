"""Drawing to files with the DDPM U-Net for CIFAR-10 (35.7 M parameters), beside diffusers' network and scheduler.

    python benchmarks/draw.py [--model runs/ddpm] [--count 5000] [--steps 50] [--out benchmarks/results/draw.md]

Ours is ``diorama sample`` with its defaults: from the model folder to the last file. Theirs is the plain loop of the
library's own examples, the pictures left in memory: eager at bfloat16 and a batch of 1,000, compiled, and eager at
float32 and a batch of 64. Without ``--model`` the weights are random, which changes no time. Needs ``diffusers``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffusers import DDIMScheduler, UNet2DModel
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from diorama.core import device as devices
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.files import write_text
from diorama.interop.diffusers_unet2d import UNET2D
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.recipes.ddpm import ddpm
from diorama.synthesis import store
from diorama.synthesis.base import Sampling
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.drawing import DrawOptions
from diorama.synthesis.provenance import Provenance
from diorama.synthesis.samples import SampleOptions, sample

_PEAK_SIDE = 8_192


@dataclass(frozen=True)
class Drawn:
    """One way of drawing, measured.

    Args:
        count: pictures of one repeat.
        seconds: from the first batch to the last picture (ours: to the last file), of every repeat.
        first: seconds before the first pictures were there, loading and choosing kernels included.
    """

    count: int
    seconds: list[float]
    first: float


def random_model(steps: int, width: int) -> DiffusionSynthesizer:
    """The recipe's model with random weights; ``width`` divides the channels."""
    method = ddpm(DataInfo(name="noise", media=MediaSpec(kind="image", channels=3, height=32, width=32))).method
    assert isinstance(method, DiffusionMethodConfig)
    config = method.synthesizer
    network = replace(config.denoiser, widths=tuple(w // width for w in config.denoiser.widths))
    torch.manual_seed(0)
    return replace(config, denoiser=network, steps=steps).build().eval()


def ours(folder: Path, count: int, device: torch.device, draw: DrawOptions, repeats: int) -> Drawn:
    """``diorama sample`` into a fresh folder."""
    taken, first = [], 0.0
    began = time.perf_counter()
    model = store.load(folder, device=device)
    for repeat in range(repeats + 1):
        with tempfile.TemporaryDirectory() as out:
            began = time.perf_counter() if repeat else began
            drawing = sample(model, count, out=Path(out) / "samples", options=SampleOptions(draw=draw))
            next(drawing)
            if not repeat:
                first = time.perf_counter() - began
            list(drawing)
            # The first repeat warms up: kernels are chosen and compiled.
            if repeat:
                taken.append(time.perf_counter() - began)
            print(f"ours, repeat {repeat}: {time.perf_counter() - began:.2f} s", flush=True)
    return Drawn(count, taken, first)


def theirs(network: nn.Module, count: int, batch: int, dtype: torch.dtype, how: tuple[torch.device, int, int]) -> Drawn:
    """The plain loop: the scheduler's step after every pass of the network."""
    device, steps, repeats = how
    scheduler = DDIMScheduler(num_train_timesteps=1000, clip_sample=True, timestep_spacing="trailing")
    taken, first = [], 0.0

    @torch.no_grad()
    def draw(size: int) -> Tensor:
        scheduler.set_timesteps(steps, device=device)
        x = torch.randn(size, 3, 32, 32, device=device, dtype=dtype)
        for t in scheduler.timesteps:
            x = scheduler.step(network(x, t).sample, t, x).prev_sample
        return ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu()

    for repeat in range(repeats + 1):
        began = time.perf_counter()
        sizes = [batch] * (count // batch) + [count % batch] * bool(count % batch)
        for number, size in enumerate(sizes):
            draw(size)
            if not repeat and not number:
                first = time.perf_counter() - began
            if not repeat:
                break
        if repeat:
            taken.append(time.perf_counter() - began)
        print(f"theirs, {dtype}, batch {batch}, repeat {repeat}: {time.perf_counter() - began:.2f} s", flush=True)
    return Drawn(count, taken, first)


def published(model: DiffusionSynthesizer) -> UNet2DModel:
    """The library's network with the model's weights."""
    arguments = UNET2D.written(UNET2D.to_published(model.config.denoiser))
    network = UNet2DModel(**{**arguments, "sample_size": 32})
    network.load_state_dict(UNET2D.export_state(model.config.denoiser, model.denoiser.state_dict()))
    return network.eval()


def operations(model: DiffusionSynthesizer) -> float:
    """Floating-point operations of one pass of the network for one picture."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.denoiser.cpu()(torch.randn(1, 3, 32, 32), torch.tensor([1.0]))
    return float(counter.get_total_flops())


def peak(device: torch.device) -> float:
    """Operations a second of a large bfloat16 matrix product on random data; 0 on CPUs, where it is not asked."""
    if device.type != "cuda":
        return 0.0
    a, b = (torch.randn(_PEAK_SIDE, _PEAK_SIDE, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(20):
        a @ b
    torch.cuda.synchronize()
    return 20 * 2 * _PEAK_SIDE**3 / (time.perf_counter() - began)


def table(measured: dict[str, Drawn], arguments: argparse.Namespace, model: DiffusionSynthesizer) -> str:
    """Markdown."""
    device = devices.pick(arguments.device)
    best, evaluations = peak(device), arguments.steps * operations(model)
    lines = [
        f"# Drawing {arguments.count:,} pictures in {arguments.steps} DDIM steps: {devices.describe(device)}",
        "",
        f"`python {' '.join(sys.argv)}`: medians of {arguments.repeats} repeats, torch {torch.__version__}. "
        f"A picture takes {evaluations / 1e9:.0f} GFLOP"
        + (f"; the card's matrix peak is {best / 1e12:.0f} TFLOP/s." if best else "."),
        "",
        "| | seconds | pictures/s | share of peak | seconds before the first pictures |",
        "|---|---|---|---|---|",
    ]
    speeds = {}
    for name, drawn in measured.items():
        seconds = statistics.median(drawn.seconds)
        speeds[name] = drawn.count / seconds
        share = f"{speeds[name] * evaluations / best:.0%}" if best else ""
        lines.append(f"| {name} | {seconds:.2f} | {speeds[name]:.0f} | {share} | {drawn.first:.1f} |")
    lines += ["", "| diorama, defaults, is faster than … by |", "|---|"]
    own = speeds["diorama, defaults, to files"]
    lines += [f"| {name}: {own / speed:.2f} |" for name, speed in speeds.items() if not name.startswith("diorama")]
    return "\n".join(lines) + "\n"


def compare(model: DiffusionSynthesizer, folder: Path, arguments: argparse.Namespace) -> str:
    """Measure every way."""
    device, count, steps, repeats = (getattr(arguments, n) for n in ("device", "count", "steps", "repeats"))
    device = devices.pick(device)
    devices.choose_kernels(device)
    sampling = Sampling(steps=steps)
    ways: dict[str, Callable[[], Drawn]] = {
        "diorama, defaults, to files": lambda: ours(folder, count, device, DrawOptions(sampling=sampling), repeats),
        "diorama, float32, to files": lambda: ours(
            folder, count, device, DrawOptions(sampling=sampling, precision="fp32"), 1
        ),
    }
    how = (device, steps, repeats)
    bf16 = published(model).to(device, torch.bfloat16)
    ways["diffusers, eager, bf16, batch 1,000"] = lambda: theirs(bf16, count, arguments.batch, torch.bfloat16, how)
    if arguments.compiled:
        compiled = torch.compile(bf16)
        ways["diffusers, compiled, bf16, batch 1,000"] = lambda: theirs(
            compiled, count, arguments.batch, torch.bfloat16, how
        )
    if arguments.slow:
        full = published(model).to(device)
        ways["diffusers, eager, float32, batch 64"] = lambda: theirs(
            full, min(count, 640), 64, torch.float32, (device, steps, 1)
        )
    return table({name: way() for name, way in ways.items()}, arguments, model)


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--width", type=int, default=1, help="divides the random model's channels")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--slow", action="store_true", help="float32 at a batch of 64 as well")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.model or Path(scratch) / "model"
        if arguments.model is None:
            model = random_model(arguments.steps, arguments.width)
            store.save(folder, model.config, model.state_dict(), Provenance(), "")
        loaded = store.load(folder)
        assert isinstance(loaded, DiffusionSynthesizer)
        text = compare(loaded, folder, arguments)
    print(text)
    if arguments.out:
        write_text(arguments.out, text)


if __name__ == "__main__":
    main()
