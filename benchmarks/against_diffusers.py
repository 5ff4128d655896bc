"""Training and drawing with the DDPM U-Net (35.7 M parameters) on one GPU, beside diffusers, in one run.

    python benchmarks/against_diffusers.py [--only training|drawing] [--samplers ddim euler …]
        [--out benchmarks/results/against_diffusers.md]
    python benchmarks/against_diffusers.py --tiny --device cpu     # a rehearsal

Training: ours is ``diorama train`` with its own loop, data and defaults; theirs is the loop of the library's example
``train_unconditional.py --use_ema --mixed_precision bf16`` (autocast, clipping at 1, AdamW, moving average) on pictures
that lie on the device already, eager and compiled, and eager with channels last, which the example does not do.
Drawing: ours is ``diorama sample`` to the last file; theirs is the plain loop over the library's scheduler, pictures
left in memory, with the same network in bfloat16, eager and compiled. Both walk the same levels: ours are read from the
scheduler's own config. Repeats alternate, and medians are compared.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import diffusers
import torch
import torch.nn.functional as F
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from trainings import Training, recipe_of

from diorama.core import device as devices
from diorama.core.files import write_text
from diorama.interop.diffusers_scheduler import read_schedule
from diorama.interop.diffusers_unet2d import UNET2D
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.synthesis import store
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.synthesis.provenance import Provenance
from diorama.synthesis.samples import sample

SCHEDULERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {"timestep_spacing": "trailing"}),
    "euler": ("EulerDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True}),
    "deis": ("DEISMultistepScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "kdpm2": ("KDPM2DiscreteScheduler", {}),
}
"""Every deterministic sampler with the library's scheduler that walks as it does, and the settings that are not the
library's own."""


@dataclass(frozen=True)
class Measured:
    """One way, measured.

    Args:
        rates: pictures a second of every repeat.
        memory: peak of the device's memory beyond what lay there before, in GB.
        first: seconds until it ran for the first time.
    """

    rates: list[float]
    memory: float
    first: float

    @property
    def rate(self) -> float:
        """The median."""
        return statistics.median(self.rates)


def wait(device: torch.device) -> None:
    """For the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def first_use(work: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Seconds of a first use, and the peak of memory beyond what lay there before it, in GB."""
    before = 0
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    began = time.perf_counter()
    work()
    wait(device)
    peak = torch.cuda.max_memory_allocated(device) - before if device.type == "cuda" else 0
    return time.perf_counter() - began, peak / 1e9


def published(config: DDPMUNetConfig) -> diffusers.UNet2DModel:
    """The library's network of this shape, as the library initialises it."""
    return diffusers.UNet2DModel(**UNET2D.written(UNET2D.to_published(config)) | {"sample_size": 32})


def example(network: nn.Module, images: Tensor, *, compiled: bool, channels_last: bool) -> Callable[[int], None]:
    """The example's training; what is returned takes steps."""
    device = images.device
    network = network.to(device).train()
    if channels_last:
        network, images = (x.to(memory_format=torch.channels_last) for x in (network, images))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 500))
    average = EMAModel(network.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=0.75)
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=1000)
    called = torch.compile(network) if compiled else network

    def advance(steps: int) -> None:
        for _ in range(steps):
            noise = torch.randn_like(images)
            t = torch.randint(0, 1000, (len(images),), device=device)
            noisy = scheduler.add_noise(images, noise, t)
            with torch.autocast(device.type, torch.bfloat16):
                output = called(noisy, t).sample
            F.mse_loss(output.float(), noise).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            rate.step()
            optimizer.zero_grad()
            average.step(network.parameters())

    return advance


def trained(folder: Path, device: torch.device, arguments: argparse.Namespace) -> dict[str, Measured]:
    """All ways of training, alive at once, whose repeats alternate."""
    recipe = recipe_of("ddpm", arguments.batch, tiny=False)
    if arguments.tiny:
        recipe = replace(recipe, method=replace(recipe.method, synthesizer=_narrow(recipe.method)))
    assert isinstance(recipe.method, DiffusionMethodConfig)
    shape = recipe.method.synthesizer.denoiser
    images = torch.rand(arguments.batch, 3, 32, 32, device=device) * 2 - 1
    ways: dict[str, Callable[[], Callable[[int], object]]] = {}
    with ExitStack() as closed:

        def own() -> Callable[[int], object]:
            training = Training(recipe, folder, "run", device)
            closed.callback(training.close)
            closed.callback(lambda: print(*(f"ours says: {note}" for note in training.notes), sep="\n"))
            return training.advance

        ways["diorama train"] = own
        for name, compiled, last in (
            ("diffusers' example, eager", False, False),
            ("diffusers' example, eager, channels last", False, True),
            ("diffusers' example, compiled", True, False),
        ):
            if not compiled or not arguments.eager:
                ways[name] = lambda c=compiled, last=last: example(
                    published(shape), images, compiled=c, channels_last=last
                )
        return _alternated(ways, arguments, device)


def _narrow(method: Any) -> DiffusionSynthesizerConfig:
    network = replace(method.synthesizer.denoiser, widths=(32, 32, 32, 32))
    return replace(method.synthesizer, denoiser=network)


def _alternated(
    ways: Mapping[str, Callable[[], Callable[[int], object]]], arguments: argparse.Namespace, device: torch.device
) -> dict[str, Measured]:
    ready, firsts, counts = {}, {}, {}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for name, build in ways.items():

        def begin(name: str = name, build: Callable[[], Callable[[int], object]] = build) -> None:
            ready[name] = build()
            ready[name](3 if arguments.tiny else 12)

        firsts[name] = first_use(begin, device)
        counts[name] = 2 if arguments.tiny else _steps_for(ready[name], arguments.seconds, device)
        print(f"{name}: ready after {firsts[name][0]:.1f} s, {counts[name]} steps a repeat", flush=True)
    for _ in range(arguments.repeats):
        for name, advance in ready.items():
            began = time.perf_counter()
            advance(counts[name])
            wait(device)
            rates[name].append(counts[name] * arguments.batch / (time.perf_counter() - began))
    return {name: Measured(rates[name], firsts[name][1], firsts[name][0]) for name in ways}


def _steps_for(advance: Callable[[int], object], seconds: float, device: torch.device) -> int:
    began = time.perf_counter()
    advance(5)
    wait(device)
    return max(5, round(seconds / (time.perf_counter() - began) * 5))


@dataclass(frozen=True)
class Walk:
    """One sampler of ours and the library's scheduler that walks the same levels.

    Args:
        scheduler: the library's.
        folder: of our model.
    """

    scheduler: Any
    folder: Path


def walks(network: DDPMUNetConfig, state: Mapping[str, Tensor], folder: Path, names: list[str]) -> dict[str, Walk]:
    """A model folder for each sampler, whose process and levels are read from the scheduler's config."""
    found = {}
    for name in names:
        kind, settings = SCHEDULERS[name]
        scheduler = getattr(diffusers, kind)(**settings)
        read = read_schedule({"_class_name": kind, **settings})
        media = recipe_of("ddpm", 8, tiny=False).method.build().synthesizer().media
        config = DiffusionSynthesizerConfig(
            media=media,
            denoiser=network,
            process=read.process,
            preconditioning=read.preconditioning,
            spacing=read.spacing,
            sampler=read.sampler,
            clip=read.threshold is not None,
        )
        store.save(folder / name, config, {f"denoiser.{key}": value for key, value in state.items()}, Provenance(), "")
        found[name] = Walk(scheduler, folder / name)
    return found


def with_steps(folder: Path, steps: int, device: torch.device) -> DiffusionSynthesizer:
    """The model of a folder, drawn from in so many steps."""
    model = store.load(folder, device=device)
    assert isinstance(model, DiffusionSynthesizer)
    return model.resampled(replace(model.sampling, sampler=None, steps=steps, guidance=None))


@torch.no_grad()
def plain_loop(network: nn.Module, scheduler: Any, noise: Tensor, steps: int) -> Tensor:
    """The library's own way: its scheduler's step after every pass of the network."""
    scheduler.set_timesteps(steps, device=noise.device)
    x = noise * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        x = scheduler.step(network(scheduler.scale_model_input(x, t), t).sample, t, x).prev_sample.to(noise.dtype)
    return x


def furthest(walk: Walk, network: nn.Module, device: torch.device, steps: int) -> float:
    """How far apart two pictures of both are at most, in float32, as a share of their largest value."""
    model = with_steps(walk.folder, steps, device)
    noise = torch.randn(2, *model.noise_shape, generator=torch.Generator().manual_seed(0)).to(device)
    with torch.no_grad():
        *_, last = model.stages(noise, {})
    theirs = plain_loop(network, walk.scheduler, noise, steps)
    return float((last.x - theirs).abs().max() / theirs.abs().max())


def drawn(folder: Path, device: torch.device, arguments: argparse.Namespace) -> tuple[dict[str, Any], dict[str, float]]:
    """Rates of both for every sampler, and how far their pictures are apart."""
    recipe = recipe_of("ddpm", 8, tiny=False)
    shape = (_narrow(recipe.method) if arguments.tiny else recipe.method.synthesizer).denoiser  # type: ignore[attr-defined]
    torch.manual_seed(0)
    theirs = published(shape).eval().requires_grad_(False)
    state = UNET2D.import_state(shape, theirs.state_dict())
    every = walks(shape, state, folder, arguments.samplers)
    exact = theirs.to(device)
    apart = {name: furthest(walk, exact, device, min(arguments.steps, 10)) for name, walk in every.items()}
    half = published(shape).to(device, torch.bfloat16).eval().requires_grad_(False)
    half.load_state_dict(theirs.state_dict())
    networks = {"eager": half} | ({} if arguments.eager else {"compiled": torch.compile(half)})
    found: dict[str, dict[str, Measured]] = {}
    for name, walk in every.items():
        model = with_steps(walk.folder, arguments.steps, device)
        ways = {"diorama": lambda count, model=model: _to_files(model, count)}
        for way, network in networks.items():
            ways[way] = lambda count, walk=walk, network=network: _in_memory(walk, network, device, count, arguments)
        found[name] = _repeated(name, ways, arguments, device)
    return found, apart


def _to_files(model: DiffusionSynthesizer, count: int) -> None:
    with tempfile.TemporaryDirectory() as out:
        list(sample(model, count, out=Path(out) / "samples"))


def _in_memory(walk: Walk, network: nn.Module, device: torch.device, count: int, arguments: argparse.Namespace) -> None:
    for _ in range(count // arguments.at_once):
        noise = torch.randn(arguments.at_once, 3, 32, 32, device=device, dtype=torch.bfloat16)
        x = plain_loop(network, walk.scheduler, noise, arguments.steps)
        ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu()


def _repeated(
    name: str, ways: Mapping[str, Callable[[int], None]], arguments: argparse.Namespace, device: torch.device
) -> dict[str, Measured]:
    # One batch builds, records and takes the memory that many do.
    firsts = {way: first_use(lambda work=work: work(arguments.at_once), device) for way, work in ways.items()}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(arguments.draw_repeats):
        for way, work in ways.items():
            began = time.perf_counter()
            work(arguments.count)
            wait(device)
            rates[way].append(arguments.count / (time.perf_counter() - began))
    print(f"{name}: " + ", ".join(f"{way} {statistics.median(r):.1f}/s" for way, r in rates.items()), flush=True)
    return {way: Measured(rates[way], firsts[way][1], firsts[way][0]) for way in ways}


def training_table(found: Mapping[str, Measured], batch: int) -> list[str]:
    """Markdown."""
    own = found["diorama train"].rate
    lines = [
        f"## Training, bf16, batch {batch}",
        "",
        "| | pictures/s | from … to | ours is faster by | peak memory, GB | seconds before the first steps |",
        "|---|---|---|---|---|---|",
    ]
    for name, way in found.items():
        spread = f"{min(way.rates):,.0f} … {max(way.rates):,.0f}"
        lines.append(
            f"| {name} | {way.rate:,.0f} | {spread} | {own / way.rate:.2f} | {way.memory:.2f} | {way.first:.1f} |"
        )
    return [*lines, ""]


def drawing_table(
    found: Mapping[str, Mapping[str, Measured]], apart: Mapping[str, float], arguments: argparse.Namespace
) -> list[str]:
    """Markdown."""
    others = [way for way in next(iter(found.values())) if way != "diorama"]
    heads = [f"diffusers, {way}, pictures/s | ours is faster by" for way in others]
    lines = [
        f"## Drawing {arguments.count:,} pictures, {arguments.steps} steps",
        "",
        f"| sampler | ours, to files, pictures/s | {' | '.join(heads)} | peak memory, GB | apart in float32 |",
        "|" + "---|" * (4 + 2 * len(others)),
    ]
    for name, ways in found.items():
        own = ways["diorama"]
        cells = [f"{ways[way].rate:,.0f} | {own.rate / ways[way].rate:.2f}" for way in others]
        memory = " / ".join(f"{way.memory:.1f}" for way in ways.values())
        lines.append(f"| {name} | {own.rate:,.0f} | {' | '.join(cells)} | {memory} | {apart[name]:.1e} |")
    return [*lines, ""]


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", choices=["training", "drawing"])
    parser.add_argument("--batch", type=int, default=128, help="of training")
    parser.add_argument("--seconds", type=float, default=4.0, help="of one repeat of training")
    parser.add_argument("--repeats", type=int, default=5, help="of training")
    parser.add_argument("--samplers", nargs="*", default=list(SCHEDULERS), choices=list(SCHEDULERS))
    parser.add_argument("--count", type=int, default=5_000, help="pictures of one repeat of drawing")
    parser.add_argument("--at-once", type=int, default=1_000, help="pictures of one batch of diffusers")
    parser.add_argument("--steps", type=int, default=20, help="of drawing")
    parser.add_argument("--draw-repeats", type=int, default=2)
    parser.add_argument("--eager", action="store_true", help="leave the compiled forms out")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal with a narrow network")
    parser.add_argument("--out", type=Path, help="Markdown")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.batch, arguments.count, arguments.at_once, arguments.steps = 4, 4, 4, 4
        arguments.repeats = arguments.draw_repeats = 1
    device = devices.pick(arguments.device)
    devices.choose_kernels(device)
    lines = [
        f"# Beside diffusers {diffusers.__version__}: {devices.describe(device)}, torch {torch.__version__}",
        "",
        f"`python {' '.join(sys.argv)}`: medians; memory of drawing in the order of the columns.",
        "",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.only != "drawing":
            lines += training_table(trained(Path(scratch), device, arguments), arguments.batch)
            print("\n".join(lines), flush=True)
        if arguments.only != "training":
            lines += drawing_table(*drawn(Path(scratch), device, arguments), arguments)
    print("\n".join(lines))
    if arguments.out:
        write_text(arguments.out, "\n".join(lines))


if __name__ == "__main__":
    main()
