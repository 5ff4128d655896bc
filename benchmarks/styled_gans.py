"""The speed of StyleGAN2 and StyleGAN3: on a CPU beside plain operators, on a GPU in the product's own training.

    python benchmarks/styled_gans.py [--device cpu|cuda] [--systems stylegan2 …] [--repeats 5] [--table FILE] [--tiny]

On a CPU: forward passes of the generator, and whole steps in which every phase has its turn, of ours and of the plain
networks of ``plain_stylegans.py``, in float32. Each runs in a process of its own, whose peak memory is told; they take
turns, one call each, and medians are compared. Processor time is told beside, since it counts what other programs take
away less.

On a GPU: trainings of pictures of 256 x 256 in batches of 16, the finest resolutions in half precision, with recorded
turns and phases by their intervals; milliseconds by phase; forward passes of the generator; and the same by plain
networks in float32, launched kernel by kernel, whose seconds follow from the phases and their intervals.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import torch
from plain_stylegans import plain
from resident import peak_resident
from torch import Tensor
from trainings import Training, info_of, undisturbed

from diorama.core import device as devices
from diorama.core.files import write_text
from diorama.methods.adversarial.gan import GAN, GANConfig
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.networks.adversarial.stylegan3_geometry import Bands
from diorama.nn.half import half_blocks
from diorama.recipes.stylegan import stylegan2_ada, stylegan3
from diorama.training.recipe import Recipe
from diorama.training.recording import TurnRecorder
from diorama.training.steps import steps
from diorama.training.turn import FiniteCheck, StepOptions, Turn
from diorama.training.updater import Updater

SYSTEMS = ("stylegan2", "stylegan3-t", "stylegan3-r")
ON_CPU = SYSTEMS[:2]
WAYS = ("ours", "plain")
WANTED = {"stylegan2": 1.5, "stylegan3-t": 4.0}
"""Times as fast as the plain networks, on a CPU."""
PHASES = ("generator", "discriminator", "discriminator.r1", "generator.path_length")


@dataclass(frozen=True)
class Measured:
    """On a GPU.

    Args:
        seconds: for 1,000 training images.
        phases: milliseconds of a turn.
        forward: milliseconds of the generator for one batch.
        notes: on how it was measured.
    """

    seconds: float
    phases: Mapping[str, float]
    forward: float
    notes: tuple[str, ...] = ()


NVIDIA = {
    "stylegan2": Measured(10.1, dict(zip(PHASES, (62.0, 63.0, 123.0, 114.0), strict=True)), 24.0),
    "stylegan3-t": Measured(14.4, dict(zip(PHASES[:3], (149.0, 75.0, 121.0), strict=True)), 37.0),
    "stylegan3-r": Measured(18.4, dict(zip(PHASES[:3], (189.0, 98.0, 123.0), strict=True)), 55.0),
}
"""NVIDIA's stylegan3 code with its CUDA operators, measured on one H200 under torch 2.11 with its plugin loader
repaired: 256 x 256, batches of 16, half precision as published, channel base 16384, two layers of mapping, no
augmentation. They are the numbers that the project's fourth issue (GANs) gives, and are not measured here."""


def recipe_of(system: str, *, batch: int, tiny: bool) -> Recipe:
    """A system as it is compared: narrow, without augmentation and blur; ``tiny`` is for rehearsals."""
    info = info_of(16 if tiny else 256)
    made = stylegan2_ada(info) if system == "stylegan2" else stylegan3(info)
    method = cast(GANConfig, made.method)
    width: dict[str, Any] = {"channel_base": 256, "channel_max": 16} if tiny else {"channel_base": 16384}
    generator = replace(cast(Any, method.generator), **width)
    if isinstance(generator, StyleGAN3GeneratorConfig):
        bands = Bands(num_layers=4) if tiny else Bands()
        if system == "stylegan3-r":
            bands = replace(bands, conv_kernel=1, use_radial_filters=True)
            twice = {"channel_base": 2 * generator.channel_base, "channel_max": 2 * generator.channel_max}
            generator = replace(generator, **twice)
        generator = replace(generator, magnitude_ema_beta=0.5 ** (batch / 20_000), bands=bands)
    discriminator = replace(cast(Any, method.discriminator), **width, mbstd_group_size=min(batch, 4))
    method = replace(method, generator=generator, discriminator=discriminator, augment=None)
    made = undisturbed(replace(made, method=method), batch)
    return with_intervals(made, r1=2, path_length=1) if tiny else made


def with_intervals(recipe: Recipe, *, r1: int, path_length: int) -> Recipe:
    """The recipe with its lazy phases in every so many steps."""
    method = cast(GANConfig, recipe.method)
    lengths = replace(method.path_length, interval=path_length)
    return replace(recipe, method=replace(method, r1_interval=r1, path_length=lengths))


class Walk:
    """Steps of the product's loop in float32, launched kernel by kernel, on pictures of noise.

    Args:
        recipe: what is trained.
        way: of :data:`WAYS`.
        device: where.
    """

    def __init__(self, recipe: Recipe, way: str, device: torch.device) -> None:
        torch.manual_seed(0)
        self.method = cast(GAN, recipe.method.build()).to(device)
        if way == "plain":
            self.method.generator = cast(Any, plain(cast(Any, self.method.generator)))
            self.method.discriminator = cast(Any, plain(cast(Any, self.method.discriminator)))
        media, precision = cast(GANConfig, recipe.method).media, devices.precision("fp32", device)
        pictures = torch.rand(recipe.batch_size, media.channels, media.height, media.width, device=device) * 2 - 1
        self.z = torch.randn(recipe.batch_size, self.method.config.generator.latent, device=device)
        updaters = {
            name: Updater(own, recipe.optimizers[name], precision, total=recipe.images)
            for name, own in self.method.players().items()
        }
        options = StepOptions(batch_size=recipe.batch_size, precision=precision, check=FiniteCheck(device))
        batch = {"image": pictures}
        self._steps = steps(self.method, updaters, lambda _: [batch], options, start=0, stop=10_000, seed=0)

    def step(self) -> None:
        """Take one step."""
        next(self._steps)

    @torch.no_grad()
    def forward(self) -> Tensor:
        """Pictures of one batch of latent vectors."""
        drawn: Tensor = self.method.generator.eval()(self.z)
        self.method.generator.train()
        return drawn


def work(system: str, way: str, *, tiny: bool) -> None:
    """One process: a call for each line that it is sent, answered by its seconds and the peak of memory so far."""
    recipe = with_intervals(recipe_of(system, batch=4, tiny=tiny), r1=1, path_length=1)
    walk = Walk(recipe, way, torch.device("cpu"))
    calls: dict[str, Callable[[], object]] = {"forward": walk.forward, "step": walk.step}
    for line in sys.stdin:
        call = calls[line.strip()]
        wall, processor = time.perf_counter(), time.process_time()
        call()
        spent = time.perf_counter() - wall, time.process_time() - processor
        print(json.dumps([*spent, peak_resident()]), flush=True)


class Worker:
    """A process that does :func:`work`."""

    def __init__(self, *what: str) -> None:
        command = [sys.executable, __file__, "--work", *what]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, kind: str) -> tuple[float, float, float]:
        """Let it do one call, and wait for it: seconds, seconds of the processor, GB of memory at most so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{kind}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a process of the benchmark ended early; its error is above")
        wall, processor, peak = json.loads(line)
        return wall, processor, peak

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def on_cpu(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines of the table."""
    yield f"# StyleGAN2 and StyleGAN3 on a CPU: {torch.get_num_threads()} threads, torch {torch.__version__}"
    yield ""
    yield "| system, call | networks | s | processor s | GB at most | times as fast | by processor time | wanted |"
    yield "|---|---|---|---|---|---|---|---|"
    tiny = ["tiny"] if arguments.tiny else []
    for system in (system for system in arguments.systems if system in ON_CPU):
        workers = {way: Worker(system, way, *tiny) for way in WAYS}
        # Forward passes first: steps hold more memory, and its peak stays.
        for kind in sorted(arguments.calls):
            taken = [{way: worker.call(kind) for way, worker in workers.items()} for _ in range(arguments.repeats + 1)]
            # The first call warms up.
            middle = {
                way: [statistics.median(call[way][place] for call in taken[1:]) for place in (0, 1)] for way in WAYS
            }
            for way, (wall, processor) in middle.items():
                faster = [middle["plain"][place] / middle[way][place] for place in (0, 1)]
                told = f"{faster[0]:.2f} | {faster[1]:.2f} | {WANTED[system] if way == 'ours' else ''}"
                yield f"| {system}, {kind} | {way} | {wall:.3f} | {processor:.3f} | {taken[-1][way][2]:.2f} | {told} |"
        for worker in workers.values():
            worker.close()


def wait_for(device: torch.device) -> None:
    """Return when a GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def clocked(device: torch.device, *, recorded: bool) -> Iterator[dict[str, list[float]]]:
    """Milliseconds of all turns in the block, by phase, after the block.

    Args:
        device: on GPUs it is their own time, from the turn's first kernel to its last.
        recorded: whether the turns are the recorder's to take.
    """
    spent: dict[str, list[float]] = defaultdict(list)
    marks: list[tuple[str, Any, Any]] = []
    place, name = (TurnRecorder, "take") if recorded and device.type == "cuda" else (Turn, "launch")
    original = getattr(place, name)

    def timed(owner: Any, first: Any, *others: Any) -> Any:
        turn: Turn = owner if place is Turn else first
        if device.type != "cuda":
            began = time.perf_counter()
            values = original(owner, first, *others)
            spent[turn.phase.name].append(1000 * (time.perf_counter() - began))
            return values
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        values = original(owner, first, *others)
        ended.record()
        marks.append((turn.phase.name, began, ended))
        return values

    with patch.object(place, name, timed):
        yield spent
    wait_for(device)
    for phase, began, ended in marks:
        spent[phase].append(began.elapsed_time(ended))


def middle_of(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Median milliseconds of a call, after three that warm up."""
    found = []
    for _ in range(repeats + 3):
        wait_for(device)
        began = time.perf_counter()
        call()
        wait_for(device)
        found.append(1000 * (time.perf_counter() - began))
    return statistics.median(found[3:])


def ours(recipe: Recipe, folder: Path, name: str, device: torch.device, repeats: int) -> Measured:
    """The product's training, once it has recorded what it records."""
    training = Training(recipe, folder, name, device)
    # Phases repeat after the rarest, and are recorded in their third turn.
    period = cast(GANConfig, recipe.method).r1_interval
    training.advance(3 * period)
    seconds = statistics.median(training.advance(period)[0] for _ in range(repeats))
    with clocked(device, recorded=True) as spent:
        training.advance(2 * period)
    phases = {phase: statistics.median(times) for phase, times in spent.items()}
    notes = [note for note in training.notes if "launches phase" in note]
    launched = {phase for phase in phases for note in notes if f"phase {phase} " in note}
    recorded = [phase for phase in phases if phase not in launched] if device.type == "cuda" else []
    training.close()
    walk = Walk(recipe, "ours", device)
    with half_blocks(devices.finest_half(device)):
        forward = middle_of(walk.forward, device, repeats)
    told = (f"recorded turns: {', '.join(recorded) or 'none'}", *notes)
    return Measured(1000 * seconds / (period * recipe.batch_size), phases, forward, told)


def plainly(recipe: Recipe, device: torch.device, repeats: int) -> Measured:
    """Plain networks in float32, launched; lazy phases have their turn in every step, and count by their intervals."""
    walk = Walk(with_intervals(recipe, r1=1, path_length=1), "plain", device)
    walk.step()
    with clocked(device, recorded=False) as spent:
        for _ in range(repeats):
            walk.step()
    phases = {phase: statistics.median(times) for phase, times in spent.items()}
    intervals = {phase.name: phase.interval for phase in cast(GAN, recipe.method.build()).phases()}
    step = sum(milliseconds / intervals[phase] for phase, milliseconds in phases.items())
    return Measured(step / recipe.batch_size, phases, middle_of(walk.forward, device, repeats))


def on_gpu(arguments: argparse.Namespace, device: torch.device) -> Iterator[str]:
    """Lines of the table."""
    yield f"# StyleGAN2 and StyleGAN3 in training: {devices.describe(device)}, torch {torch.__version__}"
    yield ""
    yield "| system | code | s / 1,000 images | share of NVIDIA's | " + " | ".join(PHASES) + " | forward |"
    yield "|---|---|---|---|" + "---|" * (len(PHASES) + 1)
    batch = 4 if arguments.tiny else 16
    with tempfile.TemporaryDirectory() as folder:
        for system in arguments.systems:
            recipe = recipe_of(system, batch=batch, tiny=arguments.tiny)
            own = ours(recipe, Path(folder), system, device, arguments.repeats)
            yield row_of(system, "ours", own, tiny=arguments.tiny)
            yield from (f"| {system} | note | {note} | | | | | | |" for note in own.notes)
            yield row_of(system, "NVIDIA's, as told", NVIDIA[system], tiny=arguments.tiny)
            other = plainly(recipe, device, arguments.repeats)
            yield row_of(system, "plain", other, tiny=arguments.tiny)
            yield f"| {system} | ours, times as fast as plain | {other.seconds / own.seconds:.2f} | | | | | | |"


def row_of(system: str, code: str, found: Measured, *, tiny: bool) -> str:
    """A line of the table."""
    share = "" if tiny else f"{found.seconds / NVIDIA[system].seconds:.2f}"
    turns = " | ".join(f"{found.phases[phase]:.1f}" if phase in found.phases else "" for phase in PHASES)
    return f"| {system} | {code} | {found.seconds:.2f} | {share} | {turns} | {found.forward:.1f} |"


def main() -> None:
    """Measure and print the table, line by line as it grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--calls", nargs="+", choices=("forward", "step"), default=("forward", "step"), help="on a CPU")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="a rehearsal at 16 pixels; on a CPU of both tables")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        system, way, *tiny = arguments.work
        work(system, way, tiny=bool(tiny))
        return
    device, lines = devices.pick(arguments.device), []
    tables = [] if device.type == "cuda" else [on_cpu(arguments)]
    if device.type == "cuda" or arguments.tiny:
        tables.append(on_gpu(arguments, device))
    for line in (line for table in tables for line in table):
        print(line, flush=True)
        lines.append(line)
    if arguments.table:
        write_text(arguments.table, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
