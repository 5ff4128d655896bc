"""Drawing at equal quality on a CPU: our default beside diffusers' schedulers that drive the same network.

    python benchmarks/equal_quality.py runs/ddpm_cpu --data cifar10 --split test [--count 3000]
        [--ours dpmpp_2m:10 unipc:8] [--reference-pictures DIR] [--out benchmarks/results/equal_quality.md]
    python benchmarks/equal_quality.py runs/toy --data world --count 60 --ancestral 8 --ddim 4 --dpm 3 --timed 4

Quality is FD@lite against the data's split, beside that of ancestral sampling in 250 steps. All ways draw the same
sample numbers, so that their distances move together, and the ratio of two has a paired interval: a delete-a-group
jackknife of its logarithm. A way is as good as ancestral sampling where all of that interval is at most 5 % above it.

Time is that of drawing into memory: ours by ``draw`` with its defaults for the device, theirs by the library's plain
loop, in float32 as its examples run and under bfloat16 autocast with channels last, whichever is faster. Repeats
alternate, and medians are compared. ``--quality-device`` may be a GPU: quality does not depend on it. Nor does it
matter where the reference, which is not timed, was drawn; most of the passes are its own. So it may be given:

    diorama sample runs/ddpm_cpu --sampler ancestral --steps 250 --count 3000 --out DIR
"""

from __future__ import annotations

import argparse
import copy
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import diffusers
import torch
from scipy.special import stdtrit
from torch import Tensor

from diorama.core import device as devices
from diorama.core.contracts import Batch, MediaSpec
from diorama.core.errors import BadInput
from diorama.core.files import cache_folder, write_text
from diorama.core.rng import initial_noise
from diorama.evaluation.catalog.metrics import SHIPPED
from diorama.evaluation.reals import open_reals
from diorama.evaluation.reference import ReferenceFeatures, reference_features
from diorama.evaluation.subjects import EvaluateOptions
from diorama.interop.checkpoint import read_json
from diorama.interop.diffusers_write import written_schedule
from diorama.media.convert import to_float
from diorama.media.image import read_image
from diorama.metrics.frechet import GaussianStatistics, frechet_distance
from diorama.metrics.frechet import statistics as gaussian
from diorama.processes.spacing import StepSpacing
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.catalog import sampler_named
from diorama.synthesis import store
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.drawing import DrawOptions, draw
from diorama.synthesis.schedules import schedule_of

_GROUPS, _METRIC, _MARGIN, _MOST_PARAMETERS = 20, "fd@lite", 0.05, 2_000_000
_REFERENCE = "ancestral"

Draws = Callable[[int, int], Tensor]
"""(first, count) -> samples (count, c, h, w) in [-1, 1]."""


@dataclass(frozen=True, eq=False)
class Way:
    """One way of drawing.

    Args:
        name: for people.
        evaluations: passes of the network for a sample.
        draws: how.
        peer: whether it is diffusers'.
    """

    name: str
    evaluations: int
    draws: Draws
    peer: bool = False


@dataclass(frozen=True, eq=False)
class DrawnBefore:
    """Samples of the reference in a folder of ``diorama sample``.

    Args:
        folder: holds ``samples.json`` and lossless files.
        media: of the model.
        files: by sample number.
    """

    folder: Path
    media: MediaSpec
    files: Mapping[int, str]

    def draws(self, first: int, count: int) -> Tensor:
        """Read the files of these samples."""
        paths = [self.folder / self.files[index] for index in range(first, first + count)]
        return torch.stack(
            [to_float(read_image(path.read_bytes(), path.name).pixels.copy(), self.media) for path in paths]
        )


def drawn_before(folder: Path, model: DiffusionSynthesizer, arguments: argparse.Namespace) -> DrawnBefore:
    """A folder of the reference's samples.

    Raises:
        BadInput: it is of another model, sampler, number of steps or seed, holds too few samples or lossy files.
    """
    document = read_json(folder / "samples.json")
    drawn, wanted = document["sampling"], {"sampler": _REFERENCE, "steps": arguments.ancestral}
    if document["model"] != store.model_hash(arguments.run):
        raise BadInput(f"{folder}: was drawn by another model than {arguments.run}")
    if any(drawn.get(key) != value for key, value in wanted.items()):
        raise BadInput(f"{folder}: was drawn with {drawn}, and the reference is {wanted}")
    rows = [row for row in document["samples"] if row["seed"] == arguments.seed and row["file"].endswith(".png")]
    files = {row["index"]: row["file"] for row in rows}
    missing = sum(index not in files for index in range(arguments.count))
    if missing:
        raise BadInput(
            f"{folder}: lacks {missing} of samples 0 to {arguments.count - 1} of seed {arguments.seed} as PNG"
        )
    return DrawnBefore(folder, model.config.media, files)


@dataclass(frozen=True)
class Quality:
    """FD@lite of one way.

    Args:
        distance: as literature reports it.
        ratio: to that of ancestral sampling, with the ends of its paired interval of 95 %.
    """

    distance: float
    ratio: tuple[float, float, float]

    @property
    def is_equal(self) -> bool:
        """Whether it is at most 5 % worse, with all of its interval."""
        return self.ratio[2] <= 1 + _MARGIN


def opened(path: Path, device: torch.device) -> DiffusionSynthesizer:
    """The model of a run, in evaluation mode.

    Raises:
        BadInput: it is no diffusion model of pixels without conditions.
    """
    model = store.load(path, device=device)
    if not isinstance(model, DiffusionSynthesizer) or model.config.conditions or model.config.codec is not None:
        raise BadInput(f"{path}: a diffusion model of pixels that is given nothing is needed")
    return model


def changed(model: DiffusionSynthesizer, sampler: str | None, steps: int | None) -> DiffusionSynthesizer:
    """The model with another sampler and number of steps."""
    return model.resampled(replace(model.sampling, sampler=sampler, steps=steps, guidance=None, guidance_kind=None))


def evenly(model: DiffusionSynthesizer) -> DiffusionSynthesizer:
    """The model at whole steps that are evenly apart, as ancestral sampling is published."""
    other = copy.copy(model)
    other.config = replace(model.config, spacing=StepSpacing())
    return other


def ours(model: DiffusionSynthesizer, seed: int) -> Draws:
    """``diorama sample``'s own way, into memory."""

    def draws(first: int, count: int) -> Tensor:
        batches = draw(model, count, seed=seed, options=DrawOptions(first=first))
        return torch.cat([batch["image"] for batch in batches])

    return draws


def theirs(model: DiffusionSynthesizer, scheduler: Any, steps: int, seed: int, *, bf16: bool) -> Draws:
    """The library's plain loop over the model's own network."""
    device = model.device
    network = model.denoiser.to(memory_format=torch.channels_last) if bf16 else model.denoiser

    @torch.no_grad()
    def draws(first: int, count: int) -> Tensor:
        scheduler.set_timesteps(steps, device=device)
        noise = initial_noise(model.noise_shape, seed=seed, first=first, count=count).to(device)
        x = noise * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            told = t.reshape(1).expand(count).to(device, torch.float32)
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                output = network(scheduler.scale_model_input(x, t), told, {})
            x = scheduler.step(output.float(), t, x).prev_sample
        return x.clamp(-1, 1)

    return draws


def peer_scheduler(model: DiffusionSynthesizer, sampler: str) -> Any:
    """The library's scheduler for the model's process, target and spacing of steps.

    Solvers are left without a limit of clean samples, as the library has them: its only one looks for quantiles.
    """
    clip = model.config.clip and sampler == "ddim"
    config = replace(model.config, sampler=sampler_named(sampler), spacing=StepSpacing(), clip=clip)
    document = written_schedule(schedule_of(config)).document
    return getattr(diffusers, document["_class_name"]).from_config(document)


def ways(model: DiffusionSynthesizer, arguments: argparse.Namespace) -> list[Way]:
    """All of them; ancestral sampling first."""
    seed = arguments.seed
    reference = changed(evenly(model), _REFERENCE, arguments.ancestral)
    assert isinstance(reference.config.sampler, AncestralConfig)
    folder = arguments.reference_pictures
    draws = ours(reference, seed) if folder is None else drawn_before(folder, model, arguments).draws
    found = [Way(f"{_REFERENCE}, {arguments.ancestral} steps", arguments.ancestral, draws)]
    own = [(None, None), *(_named(word) for word in arguments.ours)]
    for sampler, steps in own:
        drawn_by = changed(model, sampler, steps)
        told = drawn_by.sampling
        default = ", the default" if sampler is None else ""
        found.append(
            Way(f"diorama, {told.sampler}, {told.steps} steps{default}", told.steps or 0, ours(drawn_by, seed))
        )
    for name, sampler, steps in (("DDIM", "ddim", arguments.ddim), ("DPM-Solver++", "dpmpp_2m", arguments.dpm)):
        for bf16 in (False, True):
            # A loop of its own for each, since channels last moves the weights.
            fresh = opened(arguments.run, model.device)
            draws = theirs(fresh, peer_scheduler(fresh, sampler), steps, seed, bf16=bf16)
            kind = "bf16, channels last" if bf16 else "float32"
            found.append(Way(f"diffusers {name}, {steps} steps, {kind}", steps, draws, peer=True))
    return found


def _named(word: str) -> tuple[str, int]:
    sampler, _, steps = word.partition(":")
    if not steps.isdigit():
        raise SystemExit(f"--ours {word}: write SAMPLER:STEPS")
    return sampler, int(steps)


def features(way: Way, reference: ReferenceFeatures, count: int, at_once: int) -> Tensor:
    """FD@lite's features of samples 0 … count - 1, (count, d) float64."""
    kind = SHIPPED.metric(_METRIC).features

    def batches() -> Iterator[Batch]:
        for first in range(0, count, at_once):
            size = min(at_once, count - first)
            pictures = way.draws(first, size).float().cpu()
            # What a file of 8 bits holds.
            pictures = ((pictures + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1
            yield {"image": pictures, "index": torch.arange(first, first + size)}

    began = time.perf_counter()
    rows = reference.taker.take_all(batches()).rows[kind].double()
    print(f"{way.name}: {count} drawn and measured in {time.perf_counter() - began:.0f} s", flush=True)
    return rows


def compared(rows: Mapping[str, Tensor], real: GaussianStatistics) -> dict[str, Quality]:
    """Each way's distance, and its ratio to that of the first."""
    first = next(iter(rows))
    count = len(rows[first])
    group = torch.arange(count) * _GROUPS // count
    whole = {name: frechet_distance(gaussian(found), real) for name, found in rows.items()}
    without = {
        name: [frechet_distance(gaussian(found[group != g]), real) for g in range(_GROUPS)]
        for name, found in rows.items()
    }
    reach = float(stdtrit(_GROUPS - 1, 0.975))
    qualities = {}
    for name in rows:
        logs = [math.log(a / b) for a, b in zip(without[name], without[first], strict=True)]
        centre = math.log(whole[name] / whole[first])
        # The spread of a statistic from its values without each group: (g - 1)² / g times their variance.
        spread = math.sqrt((_GROUPS - 1) ** 2 / _GROUPS * statistics.variance(logs))
        ends = (centre, centre - reach * spread, centre + reach * spread)
        qualities[name] = Quality(whole[name], (math.exp(ends[0]), math.exp(ends[1]), math.exp(ends[2])))
    return qualities


def timed(found: list[Way], arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds for ``--timed`` samples of every repeat, the first of which warms up and is left out.

    The reference is not timed.
    """
    taken: dict[str, list[float]] = {way.name: [] for way in found[1:]}
    for repeat in range(arguments.repeats + 1):
        for way in found[1:]:
            began = time.perf_counter()
            way.draws(0, arguments.timed)
            if repeat:
                taken[way.name].append(time.perf_counter() - began)
    return taken


def table(found: list[Way], qualities: Mapping[str, Quality], seconds: Mapping[str, list[float]], head: str) -> str:
    """Markdown, and what it comes to."""
    lines = [
        head,
        "",
        "| | passes | fd@lite | to ancestral (paired 95 %) | as good | s | ours is faster by |",
        "|---|---|---|---|---|---|---|",
    ]
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    own = [way for way in found[1:] if not way.peer]
    best = min((way for way in own if qualities[way.name].is_equal), key=lambda way: middle[way.name], default=own[0])
    for way in found:
        quality = qualities[way.name]
        ratio, low, high = quality.ratio
        cells = [
            str(way.evaluations),
            f"{quality.distance:.2f}",
            f"{ratio:.3f} [{low:.3f}, {high:.3f}]",
            "yes" if quality.is_equal else "no",
        ]
        taken = middle.get(way.name)
        cells += ["–", "–"] if taken is None else [f"{taken:.2f}", f"{taken / middle[best.name]:.2f}"]
        lines.append(f"| {way.name} | {' | '.join(cells)} |")
    peers = [way for way in found if way.peer]
    fair = [way for way in peers if qualities[way.name].is_equal] or peers
    fastest = min(fair, key=lambda way: middle[way.name])
    which = "ways that are as good" if fair is not peers else "ways, none of which is as good"
    # The default, and beside it what was asked for where that is faster at equal quality.
    for way in dict.fromkeys((own[0], best)):
        equal = "as good as" if qualities[way.name].is_equal else "not shown to be as good as"
        factor = middle[fastest.name] / middle[way.name]
        lines += [
            "",
            f"{way.name}: {equal} ancestral sampling, and {factor:.2f} times as fast as the fastest of diffusers' "
            f"{which} ({fastest.name}).",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path, help="a run or model folder, of at most 2 M parameters")
    parser.add_argument("--data", required=True, help="as evaluate --against")
    parser.add_argument("--split", help="of the data")
    parser.add_argument("--count", type=int, default=3_000, help="samples that quality is measured on")
    parser.add_argument("--reference-pictures", type=Path, help="a folder of the reference's samples, drawn before")
    parser.add_argument("--ancestral", type=int, default=250, help="steps of the reference")
    parser.add_argument("--ours", nargs="*", default=[], help="SAMPLER:STEPS beside the model's default")
    parser.add_argument("--ddim", type=int, default=50, help="steps of diffusers' DDIM")
    parser.add_argument("--dpm", type=int, default=20, help="steps of diffusers' DPM-Solver++")
    parser.add_argument("--timed", type=int, default=64, help="samples of one timed repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=256, help="samples that are measured at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quality-device", default="cpu")
    parser.add_argument("--out", type=Path, help="Markdown")
    arguments = parser.parse_args()
    devices.choose_kernels(torch.device("cpu"))
    quality_device = devices.pick(arguments.quality_device)
    model = opened(arguments.run, quality_device)
    parameters = sum(p.numel() for p in model.denoiser.parameters())
    options = EvaluateOptions(
        metrics=(_METRIC,), split=arguments.split, device="cpu", cache=cache_folder() / "features"
    )
    reals = open_reals(arguments.data, options, SHIPPED)
    reference = reference_features(reals.split, [_METRIC], options.reference_options)
    real = gaussian(reference.features[SHIPPED.metric(_METRIC).features].double())
    rows = {way.name: features(way, reference, arguments.count, arguments.at_once) for way in ways(model, arguments)}
    qualities = compared(rows, real)
    # Only now, that what was drawn for quality has left the memory.
    on_cpu = ways(opened(arguments.run, torch.device("cpu")), arguments)
    large = "" if parameters <= _MOST_PARAMETERS else " (more than the 2 M that the comparison is meant for)"
    head = (
        f"# Equal quality on a CPU: {devices.describe(torch.device('cpu'))}, torch {torch.__version__}, diffusers "
        f"{diffusers.__version__}\n\n`python {' '.join(sys.argv)}`: {parameters:,} parameters{large}; fd@lite of "
        f"{arguments.count:,} samples; medians of {arguments.repeats} repeats of {arguments.timed} samples."
    )
    text = table(on_cpu, qualities, timed(on_cpu, arguments), head)
    print(text)
    if arguments.out:
        write_text(arguments.out, text)


if __name__ == "__main__":
    try:
        main()
    except BadInput as problem:
        raise SystemExit(str(problem)) from None
