"""Pictures from simulated measurements: a diffusion model's samples beside reconstructions without a model.

    diorama train benchmarks/inverse_recipes.py:xray --data xray128 --out runs/xray --time 300s
    python benchmarks/inverse_problems.py runs/xray xray128 --out found

Held-out pictures of ``test`` are measured by the operators of ``diorama reconstruct`` and drawn again by its own
function. What can be tuned, each method's settings and the weight of total variation, is tuned on pictures of ``val``.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diorama.core import device as devices
from diorama.core.errors import BadInput
from diorama.core.files import write_json, write_text
from diorama.core.rng import normal
from diorama.core.seeds import fold
from diorama.data.dataset import Dataset, open_dataset
from diorama.evaluation.intervals import mean_interval
from diorama.media.convert import displayable
from diorama.media.grid import grid
from diorama.media.image import write_image
from diorama.media.stamp import SyntheticStamp
from diorama.nn.similarity import psnr, rank_correlation, ssim
from diorama.samplers.inverse.catalog import inverse_method_named, operator_named
from diorama.samplers.inverse.measurement import Measurement
from diorama.samplers.inverse.operator import Operator
from diorama.samplers.inverse.pixels import MaskConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.conditions import completed
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.store import load, model_hash
from diorama.tasks.classical import TV_WEIGHTS, plain, plain_name, total_variation
from diorama.tasks.reconstruct import drawn_from

OPERATORS = ("mri:acceleration=4", "ct:angles=30", "blur:sigma=2", "down:factor=4", "mask")
METHODS: Mapping[str, Sequence[str]] = {
    "ddrm": ("ddrm", "ddrm:eta=1"),
    "dps": ("dps:step=0.3", "dps:step=1", "dps:step=3"),
    "pigdm": ("pigdm", "pigdm:deviation=0.5"),
}
"""Of each method the settings that are tried on ``val``."""
SHOWN = 4
NEITHER = (
    "Masks and angles are simulated on finished X-ray pictures: this is neither MRI nor CT, and no diagnosis can rest "
    "on it."
)


def chosen(data: Dataset, split: str, count: int) -> Tensor:
    """``count`` pictures of a split in a fixed random order, (count, c, h, w) in [-1, 1]."""
    records = data.split(split)
    places = torch.randperm(len(records), generator=torch.Generator().manual_seed(0))[:count]
    return records.read(places.numpy(), {"image"})["image"]


class Problem:
    """One operator on held-out pictures: measurements, and what is drawn of them.

    Args:
        model: what draws.
        words: the operator's.
        pictures: the truth, by split, on the model's device.
        arguments: of the command.
    """

    def __init__(
        self, model: DiffusionSynthesizer, words: str, pictures: Mapping[str, Tensor], arguments: argparse.Namespace
    ) -> None:
        self.model, self.words, self.pictures, self.arguments = model, words, pictures, arguments
        self.shape = (model.config.media.channels, model.config.media.height, model.config.media.width)
        like = pictures["test"].new_zeros(())
        config = operator_named(words)
        self.operator: Operator = (
            config.build(self.shape, like, box(self.shape))
            if isinstance(config, MaskConfig)
            else config.build(self.shape, like)
        )
        self.y = {split: self._measured(x, split) for split, x in pictures.items()}

    def _measured(self, x: Tensor, split: str) -> Tensor:
        y = self.operator.forward(x)
        if self.arguments.noise == 0:
            return y
        seed = fold(self.arguments.seed, len(split))
        return y + self.arguments.noise * normal(tuple(y.shape[1:]), seed=seed, first=0, count=len(y), device=y.device)

    def samples(self, words: str, split: str, count: int) -> Tensor:
        """(pictures, count, c, h, w); sample *j* of picture *i* has number ``count * i + j``, as the command's has."""
        method, y = inverse_method_named(words), self.y[split]
        total, size = len(y) * count, self.arguments.batch_size
        # The way back through a network cannot be replayed from a recording of its way forth.
        model = self.model.recorded(torch.float32) if words.startswith("ddrm") else self.model
        drawn = []
        for start in range(0, total, size):
            indices = range(start, min(total, start + size))
            condition = completed(model.config.conditions, {}, len(indices))
            measurement = Measurement(
                operator=self.operator, y=y[torch.tensor(indices) // count], deviation=self.arguments.noise
            )
            condition = {key: value.to(model.device) for key, value in condition.items()}
            drawn.append(drawn_from(model, method, measurement, indices, seed=self.arguments.seed, condition=condition))
        return torch.cat(drawn).reshape(len(y), count, *self.shape)

    def smooth(self, split: str, weight: float) -> Tensor:
        """Total variation with one weight for all pictures."""
        y = self.y[split]
        with torch.no_grad():
            return total_variation(self.operator, y, self.shape, torch.full((len(y),), weight))

    def tuned_weight(self) -> float:
        """The weight of total variation with the best mean PSNR on ``val``."""
        truth = self.pictures["val"]
        return max(TV_WEIGHTS, key=lambda weight: float(psnr(self.smooth("val", weight), truth).mean()))

    def tuned_words(self, candidates: Sequence[str]) -> tuple[str, dict[str, float]]:
        """The settings whose mean over samples has the best PSNR on ``val``, and the PSNR of all."""
        if len(candidates) == 1:
            return candidates[0], {}
        truth, count = self.pictures["val"], self.arguments.tuning_samples
        tried = {words: float(psnr(self.samples(words, "val", count).mean(1), truth).mean()) for words in candidates}
        # A method that fails may give no number at all.
        return max(tried, key=lambda words: tried[words] if tried[words] == tried[words] else -torch.inf), tried


def box(shape: tuple[int, int, int]) -> Tensor:
    """The mask of the operator ``mask``: the middle quarter of the picture, (h, w) bool."""
    _, height, width = shape
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    return mask


def told(values: Tensor, low: float = -math.inf, high: float = math.inf) -> dict[str, Any]:
    """Mean over pictures with its interval, within what a value can be."""
    known = values.detach().cpu().double()
    known = known[known.isfinite()]
    if not len(known):
        return {"value": None, "interval": None, "pictures": 0}
    return {
        "value": float(known.mean()),
        "interval": asdict(mean_interval(known, low=low, high=high)),
        "pictures": len(known),
    }


def quality(found: Tensor, truth: Tensor) -> dict[str, Any]:
    """PSNR and SSIM."""
    return {"psnr": told(psnr(found, truth)), "ssim": told(ssim(found, truth), -1, 1)}


def row_of(problem: Problem, words: str, baselines: Mapping[str, Tensor]) -> tuple[dict[str, Any], Tensor]:
    """All numbers of one method on the held-out pictures, and its samples."""
    truth, count = problem.pictures["test"], problem.arguments.samples
    began = time.perf_counter()
    samples = problem.samples(words, "test", count)
    devices_done(samples)
    seconds = time.perf_counter() - began
    mean = samples.mean(1)
    alone = samples.flatten(0, 1)
    repeated = truth.repeat_interleave(count, 0)
    deviation, error = samples.std(1, correction=0), (mean - truth).abs()
    ranks = torch.tensor([rank_correlation(one, other) for one, other in zip(deviation, error, strict=True)])
    gains = {name: told(psnr(mean, truth) - psnr(other, truth)) for name, other in baselines.items()}
    single = {"psnr": psnr(alone, repeated), "ssim": ssim(alone, repeated)}
    return {
        "method": words,
        "mean": quality(mean, truth),
        "sample": {name: told(values.reshape(len(truth), count).mean(1)) for name, values in single.items()},
        "gain": gains,
        "rank_correlation_of_deviation_and_error": told(ranks, -1, 1),
        "measurement_error": float((problem.operator.forward(mean) - problem.y["test"]).square().mean().sqrt()),
        "seconds_per_picture": seconds / len(truth),
    }, samples


def devices_done(x: Tensor) -> None:
    """Wait until the device has computed this."""
    x.flatten()[0].item()


def solved(problem: Problem) -> tuple[dict[str, Any], list[Tensor]]:
    """Baselines and all methods of one operator, and rows of pictures to look at."""
    truth, arguments = problem.pictures["test"], problem.arguments
    weight = problem.tuned_weight()
    each = torch.stack([psnr(problem.smooth("test", other), truth) for other in TV_WEIGHTS])
    baselines = {
        plain_name(problem.operator): plain(problem.operator, problem.y["test"]).clamp(-1, 1),
        "total_variation": problem.smooth("test", weight),
    }
    found: dict[str, Any] = {
        "operator": problem.words,
        "baselines": {name: quality(other, truth) for name, other in baselines.items()},
        "total_variation_weight": weight,
        "total_variation_best_weight_of_each_picture": told(each.max(0).values),
        "tuning": {},
        "methods": [],
    }
    sheets: dict[str, Tensor] = {}
    for name in arguments.methods:
        words, tried = problem.tuned_words(METHODS.get(name, (name,)))
        found["tuning"][name] = tried
        row, sheets[words] = row_of(problem, words, baselines)
        found["methods"].append(row)
        print(f"{problem.words}  {in_words(row)}", flush=True)
    best = max(found["methods"], key=lambda row: row["mean"]["psnr"]["value"] or 0)["method"]
    samples = sheets[best][:SHOWN]
    maps = [samples.std(1, correction=0), (samples.mean(1) - truth[:SHOWN]).abs()]
    # Both maps in one scale, in which a fifth of the range is white.
    columns = [truth[:SHOWN], *(other[:SHOWN] for other in baselines.values()), samples.mean(1), samples[:, 0]]
    columns += [(each / 0.2 - 1).clamp(-1, 1) for each in maps]
    return found, [torch.stack(columns, 1).flatten(0, 1)]


def in_words(row: Mapping[str, Any]) -> str:
    """One method's numbers in a line."""
    gains = ", ".join(f"{gain['value']:+.2f} dB over {name}" for name, gain in row["gain"].items())
    ranks = row["rank_correlation_of_deviation_and_error"]["value"]
    return (
        f"{row['method']}: PSNR {row['mean']['psnr']['value']:.2f} ({gains}), SSIM {row['mean']['ssim']['value']:.3f}, "
        f"rank correlation {'none' if ranks is None else format(ranks, '.2f')}, {row['seconds_per_picture']:.2f} s"
    )


def cell(number: Mapping[str, Any], digits: int = 2) -> str:
    """A mean and its interval."""
    if number["value"] is None:
        return "none"
    ends = number["interval"]
    return f"{number['value']:.{digits}f} [{ends['low']:.{digits}f}, {ends['high']:.{digits}f}]"


def named_weight(weight: float) -> str:
    """Total variation with its weight; of the first or last of those that were tried it is said that it is."""
    end = ", the end of those tried" if weight in (TV_WEIGHTS[0], TV_WEIGHTS[-1]) else ""
    return f"total_variation, weight {weight:g}{end}"


def table(found: Mapping[str, Any]) -> str:
    """Everything as Markdown."""
    lines = [
        f"# Inverse problems on {found['data']}, {found['device']}",
        "",
        NEITHER,
        "",
        f"{found['pictures']} pictures of `test`, {found['samples']} samples of each, {found['steps']} steps, noise "
        f"{found['noise']:g}; settings were chosen on {found['tuning_pictures']} pictures of `val`. Intervals are "
        "of the mean over pictures, which count as independent, though up to two are of one patient. A gain is that of "
        "the mean over samples, in dB.",
    ]
    for problem in found["problems"]:
        direct = next(iter(problem["baselines"]))
        lines += [
            "",
            f"## {problem['operator']}",
            "",
            f"| | PSNR | SSIM | PSNR of a sample | gain over {direct} | gain over total variation | rank correlation "
            "of deviation and error | s a picture |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for name, values in problem["baselines"].items():
            what = named_weight(problem["total_variation_weight"]) if name == "total_variation" else name
            lines.append(f"| {what} | {cell(values['psnr'])} | {cell(values['ssim'], 3)} | | | | | |")
        best = cell(problem["total_variation_best_weight_of_each_picture"])
        lines.append(f"| total_variation, the best weight of each picture | {best} | | | | | | |")
        for row in problem["methods"]:
            ranks = cell(row["rank_correlation_of_deviation_and_error"])
            gains = " | ".join(cell(gain) for gain in row["gain"].values())
            lines.append(
                f"| {row['method']} | {cell(row['mean']['psnr'])} | {cell(row['mean']['ssim'], 3)} | "
                f"{cell(row['sample']['psnr'])} | {gains} | {ranks} | {row['seconds_per_picture']:.2f} |"
            )
    return "\n".join(lines) + "\n"


def diffusion_model(path: Path, device: torch.device) -> DiffusionSynthesizer:
    """The model of a folder.

    Raises:
        BadInput: it is of another kind.
    """
    model = load(path, device=device)
    if not isinstance(model, DiffusionSynthesizer):
        raise BadInput(f"{path}: is no diffusion model")
    return model


def write_found(out: Path, found: Mapping[str, Any], text: str, shown: Tensor, columns: int) -> None:
    """Numbers, table and pictures beside one another.

    Args:
        out: their path without an ending.
        found: with the hash ``model`` and the ``seed``.
        text: the table.
        shown: (n, c, h, w), a sheet's pictures row by row.
        columns: of the sheet.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out.with_suffix(".json"), found)
    write_text(out.with_suffix(".md"), text)
    stamp = SyntheticStamp(model=found["model"], seed=found["seed"], recipe="", composite=True)
    write_image(out.with_suffix(".png"), grid(displayable(shown.cpu()), columns=columns), stamp)


def arguments_of(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path, help="a model folder or a run")
    parser.add_argument("data", type=Path, help="prepared data, whose pictures of test the model was not trained on")
    parser.add_argument("--out", type=Path, required=True, help="folder for the JSON, the Markdown and a sheet")
    parser.add_argument("--count", type=int, default=32, help="pictures of test")
    parser.add_argument("--samples", type=int, default=16, help="of each picture, two at least")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--sampler", default="ancestral", help="of the methods that take one")
    parser.add_argument("--noise", type=float, default=0.0, help="deviation of the noise in what is measured")
    parser.add_argument("--operators", nargs="+", default=list(OPERATORS))
    parser.add_argument(
        "--methods", nargs="+", default=list(METHODS), help="names, whose settings are tuned, or words with settings"
    )
    parser.add_argument("--tuning", type=int, default=8, help="pictures of val that settings are chosen on")
    parser.add_argument("--tuning-samples", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Solve all problems, print them, and write what was found."""
    arguments = arguments_of(words)
    device = devices.pick(arguments.device)
    model = diffusion_model(arguments.model, device)
    model = model.resampled(Sampling(sampler=arguments.sampler, steps=arguments.steps))
    data = open_dataset(arguments.data)
    counts = {"test": arguments.count, "val": arguments.tuning}
    pictures = {split: chosen(data, split, count).to(device) for split, count in counts.items()}
    found: dict[str, Any] = {
        "data": data.info.name, "model": model_hash(arguments.model), "device": devices.describe(device),
        "simulated": NEITHER, "pictures": len(pictures["test"]), "tuning_pictures": len(pictures["val"]),
        **{name: getattr(arguments, name) for name in ("samples", "steps", "sampler", "noise", "seed")},
        "problems": [],
    }  # fmt: skip
    rows: list[Tensor] = []
    for operator in arguments.operators:
        problem, shown = solved(Problem(model, operator, pictures, arguments))
        found["problems"].append(problem)
        rows += shown
        # After each operator, so that a run that is cut short leaves what it found.
        write_found(arguments.out / "inverse_problems", found, table(found), torch.cat(rows), columns=7)
    print(table(found))


if __name__ == "__main__":
    try:
        main()
    except BadInput as problem:
        sys.exit(f"inverse_problems: {problem}")
