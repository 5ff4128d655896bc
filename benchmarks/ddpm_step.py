"""A training step and a forward pass of the DDPM U-Net for CIFAR-10 (35.7 M parameters), beside diffusers.

    python benchmarks/ddpm_step.py [--device auto] [--batch 16] [--repeats 7] [--out benchmarks/results/ddpm_step.md]
    python benchmarks/ddpm_step.py --curves 200     # the losses of both over so many steps on a small network

The step is that of diffusers' example ``train_unconditional.py --use_ema``: forward, backward, clipping at 1, AdamW,
moving average. Ours is the product's own loop. Repeats of all contestants alternate, and medians are compared, so that
a busy machine slows all of them; ``cpu`` is processor time, which neighbours disturb less. Needs ``diffusers``.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.training_utils import EMAModel
from resident import peak_resident
from torch import Tensor, nn

from diorama.core import device as devices
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.files import write_text
from diorama.interop.diffusers_unet2d import UNET2D
from diorama.methods.diffusion.denoising import DiffusionMethod, DiffusionMethodConfig
from diorama.recipes.ddpm import ddpm
from diorama.training.averages import Average
from diorama.training.recipe import OptimizerConfig, RateConfig, Recipe
from diorama.training.state import place
from diorama.training.steps import steps
from diorama.training.turn import FiniteCheck, StepOptions
from diorama.training.updater import Updater

Step = Callable[[], float]
"""Takes a training step and returns its loss."""


@dataclass(frozen=True)
class Contestant:
    """One way of training the network.

    Args:
        step: takes a training step.
        forward: predicts for the batch, in evaluation mode and without gradients.
    """

    step: Step
    forward: Callable[[], object]


def task(width: int = 1) -> Recipe:
    """The recipe with the example's optimizer; ``width`` divides the channels."""
    recipe = ddpm(DataInfo(name="noise", media=MediaSpec(kind="image", channels=3, height=32, width=32)))
    adam = OptimizerConfig(
        algorithm="adamw", rate=RateConfig(peak=1e-4), betas=(0.95, 0.999), weight_decay=1e-6, clip=1.0
    )
    assert isinstance(recipe.method, DiffusionMethodConfig)
    model = recipe.method.synthesizer
    network = replace(model.denoiser, widths=tuple(w // width for w in model.denoiser.widths))
    method = replace(recipe.method, synthesizer=replace(model, denoiser=network))
    return replace(recipe, method=method, optimizers={"denoiser": adam})


def published(recipe: Recipe) -> UNet2DModel:
    """The library's network of the recipe's shape, as the library initialises it."""
    assert isinstance(recipe.method, DiffusionMethodConfig)
    arguments = UNET2D.written(UNET2D.to_published(recipe.method.synthesizer.denoiser))
    return UNet2DModel(**arguments | {"sample_size": 32})


def theirs(network: UNet2DModel, images: Tensor, *, bf16: bool) -> Contestant:
    """The example's loop; with ``bf16`` also under autocast and with channels last."""
    device = images.device
    network = network.to(device).train()
    if bf16:
        network, images = (x.to(memory_format=torch.channels_last) for x in (network, images))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8)
    average = EMAModel(network.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=0.75)
    scheduler = DDPMScheduler(num_train_timesteps=1000)

    def step() -> float:
        noise = torch.randn_like(images)
        t = torch.randint(0, 1000, (len(images),), device=device)
        noisy = scheduler.add_noise(images, noise, t)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = F.mse_loss(network(noisy, t).sample.float(), noise)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        average.step(network.parameters())
        return loss.item()

    return Contestant(step, lambda: predict(network, images, torch.bfloat16 if bf16 else torch.float32))


def ours(method: DiffusionMethod, recipe: Recipe, images: Tensor) -> Contestant:
    """The product's loop with its defaults for the device."""
    device = images.device
    precision = devices.precision("auto", device)
    place(method, device, channels_last=True)
    batch = {"image": images.to(memory_format=torch.channels_last)}
    updaters = {
        player: Updater(parameters, recipe.optimizers[player], precision, recipe.images)
        for player, parameters in method.players().items()
    }
    average = Average(method.averaged(), recipe.averages[recipe.exported_average])
    options = StepOptions(batch_size=len(images), precision=precision, check=FiniteCheck(device), recorded=True)
    taken = steps(method, updaters, lambda step: [batch], options, start=0, stop=sys.maxsize, seed=0)

    def step() -> float:
        done = next(taken)
        average.update(done.images, len(images))
        return float(done.losses["loss"])

    return Contestant(step, lambda: predict(method.denoiser, batch["image"], precision.dtype))


def predict(network: nn.Module, images: Tensor, dtype: torch.dtype) -> None:
    """A forward pass in evaluation mode, as sampling makes it."""
    network.eval()
    enabled = dtype != torch.float32
    with torch.no_grad(), torch.autocast(images.device.type, dtype if enabled else torch.bfloat16, enabled=enabled):
        network(images, torch.full((len(images),), 500, device=images.device))
    network.train()
    synchronize(images.device)


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def contestants(recipe: Recipe, images: Tensor) -> Iterator[tuple[str, Callable[[], Contestant]]]:
    """Names, and how to set each one up, all from the same weights."""
    assert isinstance(recipe.method, DiffusionMethodConfig)
    torch.manual_seed(0)
    network = published(recipe)
    method = recipe.method.build()
    method.denoiser.load_state_dict(UNET2D.import_state(recipe.method.synthesizer.denoiser, network.state_dict()))
    yield "diffusers, fp32", lambda: theirs(copy.deepcopy(network), images, bf16=False)
    yield "diffusers, bf16 and channels last", lambda: theirs(copy.deepcopy(network), images, bf16=True)
    yield "diorama", lambda: ours(method, recipe, images)


def measure(work: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    synchronize(device)
    return time.perf_counter() - start, time.process_time() - busy


def peak_memory(name: str, arguments: argparse.Namespace) -> float:
    """Peak memory of a process that takes two steps, in GB: of the device, or of the process on CPUs."""
    command = [
        sys.executable,
        __file__,
        "--memory",
        name,
        "--device",
        arguments.device,
        "--batch",
        str(arguments.batch),
    ]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def print_memory(name: str, recipe: Recipe, images: Tensor) -> None:
    """Take two steps of one contestant and print this process's peak."""
    contestant = dict(contestants(recipe, images))[name]()
    for _ in range(2):
        contestant.step()
    if images.device.type == "cuda":
        print(torch.cuda.max_memory_allocated() / 1e9)
    else:
        print(peak_resident())


def compare(recipe: Recipe, images: Tensor, arguments: argparse.Namespace) -> str:
    """The table, as Markdown."""
    entries = {name: build() for name, build in contestants(recipe, images)}
    works = {name: {"step": entry.step, "forward": entry.forward} for name, entry in entries.items()}
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for repeat in range(arguments.repeats + 1):
        for name, work in works.items():
            for kind, call in work.items():
                taken = measure(call, images.device)
                if repeat:  # the first warms up
                    times.setdefault((name, kind), []).append(taken)
    lines = [
        f"# DDPM U-Net, 35.7 M parameters, batch {len(images)}: {devices.describe(images.device)}",
        "",
        f"`python {' '.join(sys.argv)}`: medians of {arguments.repeats} repeats, torch {torch.__version__}.",
        "",
        "| | step, s | cpu, s | forward, s | cpu, s | peak memory, GB |",
        "|---|---|---|---|---|---|",
    ]
    middle = {key: [statistics.median(column) for column in zip(*values, strict=True)] for key, values in times.items()}
    for name in entries:
        step, forward = middle[name, "step"], middle[name, "forward"]
        cells = [*(f"{v:.3f}" for v in (*step, *forward)), f"{peak_memory(name, arguments):.2f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "| diorama is faster than … by | step | step, cpu | forward | forward, cpu |",
        "|---|---|---|---|---|",
    ]
    for name in list(entries)[:2]:
        ratios = [middle[name, kind][i] / middle["diorama", kind][i] for kind in ("step", "forward") for i in range(2)]
        lines.append(f"| {name} | {' | '.join(f'{r:.2f}' for r in ratios)} |")
    return "\n".join(lines) + "\n"


def curves(recipe: Recipe, images: Tensor, count: int) -> str:
    """Losses over training of a small network, as JSON: means over quarters, with their standard errors."""
    found = {}
    for name, build in contestants(recipe, images):
        contestant = build()
        torch.manual_seed(1)
        losses = [contestant.step() for _ in range(count)]
        quarters = [losses[i * count // 4 : (i + 1) * count // 4] for i in range(4)]
        found[name] = [(statistics.fmean(q), statistics.stdev(q) / len(q) ** 0.5) for q in quarters]
    return json.dumps(found, indent=2)


def pictures(count: int) -> Tensor:
    """Smooth pictures in [-1, 1], so that there is something to learn."""
    noise = torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return F.interpolate(noise, size=32, mode="bicubic").tanh()


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--curves", type=int, default=0)
    parser.add_argument("--memory", default="")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    device = devices.pick(arguments.device)
    devices.choose_kernels(device)
    images = pictures(arguments.batch).to(device)
    if arguments.memory:
        print_memory(arguments.memory, task(), images)
    elif arguments.curves:
        print(curves(task(width=4), images, arguments.curves))
    else:
        table = compare(task(), images, arguments)
        print(table)
        if arguments.out:
            write_text(arguments.out, table)


if __name__ == "__main__":
    main()
