"""Trains GANs, each within a number of seconds, and writes one table of what came out.

    python benchmarks/gan_trainings.py NAME --data DIR --out DIR [--only TRAINING …] [--seconds 600] [--device cuda]
        [--small | --tiny]

NAME is an experiment of ``gan_experiments.py``. DIR of --data is the folder of the shared data sets, which are prepared
below OUT once. Every training has NAME-TRAINING below OUT/runs and a row in OUT/rows, and OUT/table.md is written of
all rows that lie there, so that several calls may run side by side, once their data are prepared (--prepare).

A training is first tried for a few seconds, so that its length fits its time: what falls or rises along the run (rates,
penalties, averages, growth) then comes to its end. The plan is kept, and a call that was cut short goes on by it.
Values of the table stand beside intervals of 95 %; «best» and «last» were measured while training, against ``val``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from fast_cifar import speed
from gan_experiments import EXPERIMENTS, Experiment, Training
from gan_measures import MEASURES, Trained, curve

from diorama.core.device import pick
from diorama.core.files import write_json, write_text
from diorama.data.dataset import Dataset
from diorama.evaluation.protocol import in_words
from diorama.evaluation.run import EvaluateOptions, evaluate
from diorama.methods.adversarial.gan import GANConfig
from diorama.recipes.catalog import resolve, small_of
from diorama.recipes.lengths import of_length, scaled
from diorama.synthesis.given import Given
from diorama.synthesis.samples import SampleOptions, sample
from diorama.synthesis.store import load
from diorama.training.recipe import Recipe, TrainOptions
from diorama.training.run import train

MEASURED = 8
"""Times that a run is measured while it trains, and the batches that it sees at least."""
SHOWN = 64
FIRST_STEPS = 20
"""Of a trial that are not counted."""
CELLS = ("experiment", "training", "recipe", "pictures", "pictures/s", "best", "last")
"""First columns of the table; behind them stand what was measured in the end, and pictures."""


def base_recipe(training: Training, data: Dataset, *, small: bool) -> Recipe:
    """The shipped recipe, or its small one."""
    name = (training.small or small_of(training.recipe) or training.recipe) if small else training.recipe
    return resolve(name)(training.seen(data.info))


def of_images(recipe: Recipe, images: int) -> Recipe:
    """The recipe in a run of that length, with the penalties that fall along it."""
    other, method = of_length(recipe, images), recipe.method
    if isinstance(method, GANConfig) and method.joint is not None and method.joint.fall:
        joint = replace(method.joint, fall=max(1, scaled(method.joint.fall, recipe, images)))
        other = replace(other, method=replace(method, joint=joint))
    return other


def watched(recipe: Recipe, samples: int, times: int = MEASURED) -> Recipe:
    """The recipe that is shown, saved and, if it is measured at all, measured so many times along its run."""
    part = max(recipe.batch_size, recipe.images // times)
    measured_on = samples if recipe.evaluation.samples else 0
    return replace(
        recipe,
        evaluation=replace(recipe.evaluation, every=part, samples=measured_on),
        preview_every=2 * part,
        checkpoint_every=2 * part,
        log_every=max(recipe.batch_size, recipe.images // 200),
    )


def seconds_of(recipe: Recipe, data: Dataset, run: Path, options: TrainOptions) -> tuple[list[tuple[float, int]], bool]:
    """Train; (seconds, pictures seen) along the way, and whether the run came to its end."""
    marks, finished = list[tuple[float, int]](), False
    for tick in train(recipe, data.path, run, options):
        for note in tick.notes:
            print(f"{run.name}: {note}", flush=True)
        marks.append((time.perf_counter(), tick.images))
        finished = tick.finished
    return marks[1:], finished


def paced(recipe: Recipe, data: Dataset, run: Path, seconds: float, options: TrainOptions) -> tuple[float, float]:
    """Pictures a second over so many seconds of a trial, and the seconds that its beginning takes beside them.

    The first steps are not counted: they choose kernels and record graphs, and lazy penalties have their turn in them.
    """
    began, marks = time.perf_counter(), list[tuple[float, int]]()
    with closing(train(recipe, data.path, run, options)) as ticks:
        for tick in ticks:
            marks.append((time.perf_counter(), tick.images))
            settled = marks[FIRST_STEPS:]
            if len(settled) > 2 and settled[-1][0] - settled[0][0] >= seconds:
                break
            # So slow that its first steps are a trial.
            if len(marks) > 3 and marks[-1][0] - marks[0][0] >= 8 * seconds:
                break
    (first, seen), (last, all_seen) = marks[min(FIRST_STEPS, len(marks) // 2)], marks[-1]
    pace = (all_seen - seen) / (last - first)
    return pace, max(0.0, first - began - seen / pace)


def planned(recipe: Recipe, data: Dataset, run: Path, seconds: float, device: str) -> int:
    """How many pictures a training sees within its time, as a trial of it tells; a plan that was made is kept."""
    plan, trial = run.with_suffix(".json"), run.with_name(f"{run.name}-trial")
    if plan.is_file():
        return int(json.loads(plan.read_text())["images"])
    unmeasured = replace(recipe.evaluation, every=0, samples=0)
    quiet = replace(recipe, evaluation=unmeasured, preview_every=0, checkpoint_every=10**12)
    shutil.rmtree(trial, ignore_errors=True)
    options = TrainOptions(device=device, preview_at_stop=False)
    pace, start = paced(quiet, data, trial, min(20.0, max(3.0, seconds / 20)), options)
    shutil.rmtree(trial)
    # Measurements, previews and saved states take a part of the time.
    images = max(MEASURED * recipe.batch_size, int(0.85 * (seconds - start) * pace))
    write_json(plan, {"images": images, "pictures_per_second": pace, "seconds_to_begin": start})
    return images


def picture_of(run: Path, out: Path, device: str) -> Path:
    """What the model draws: samples, or of models that are given pictures the newest preview."""
    model = load(run, device=device)
    keys = {spec.key for spec in model.config.conditions}
    previews = sorted((run / "samples").glob("*.png"), key=lambda path: path.stat().st_mtime)
    if not model.config.draws or keys - {"label"} or not hasattr(model, "noise_shape"):
        return Path(shutil.copy(previews[-1], out)) if previews else run
    given = Given(label="all") if keys else Given()
    drawn = out.with_suffix("")
    for _ in sample(model, SHOWN, out=drawn, options=SampleOptions(given=given, grid=out, device=device)):
        pass
    shutil.rmtree(drawn)
    return out


def along(run: Path, metric: str) -> dict[str, str]:
    """The best and the last value of a metric while training, and after how many pictures."""
    found = curve(run, metric)
    if not found:
        return {"best": "–", "last": "–"}
    best = min(found, key=lambda each: each[1]["value"])
    return {name: f"{in_words(each)} at {images:,}" for name, (images, each) in (("best", best), ("last", found[-1]))}


def measured(trained: Trained, experiment: Experiment, cache: Path) -> dict[str, str]:
    """All values of the run's model, by name."""
    found: dict[str, str] = {}
    if experiment.metrics:
        options = EvaluateOptions(
            metrics=experiment.metrics,
            count=trained.count,
            split=experiment.against,
            device=trained.device,
            cache=cache,
        )
        results = evaluate(trained.run, trained.data.path, options).results
        found = {each.metric: in_words({"metric": each.metric, "value": each.value, "interval": vars(each.interval)})
                 for each in results}  # fmt: skip
    for name in experiment.measures:
        found |= MEASURES[name](trained)
    return found


def row_of(name: str, experiment: Experiment, which: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train, draw and measure one training of an experiment."""
    training, out, device = experiment.trainings[which], arguments.out, pick(arguments.device).type
    data = experiment.data(arguments.data, out / "data" / name, arguments.tiny)
    run = out / "runs" / f"{name}-{which}"
    base = base_recipe(training, data, small=arguments.tiny or arguments.small)
    images = planned(training.change(base), data, run, arguments.seconds, device)
    recipe = watched(training.change(of_images(base, images)), arguments.count, arguments.measured)
    start = out / "runs" / f"{name}-{training.start}" if training.start and not run.exists() else None
    options = TrainOptions(device=device, seconds=arguments.seconds, start_from=start)
    began = time.perf_counter()
    marks, finished = seconds_of(recipe, data, run, options)
    seen = marks[-1][1] if marks else images
    trained = Trained(
        run=run, data=data, sources=arguments.data, device=device, count=arguments.count, images=recipe.images
    )
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    return {
        "experiment": name,
        "training": which,
        "recipe": recipe.name,
        "pictures": f"{seen:,}{'' if finished else f' of {images:,}'}",
        "pictures/s": f"{found:,.1f}" if (found := speed(marks)) else "–",
        **along(run, recipe.evaluation.metric),
        "measured": measured(trained, experiment, out / "cache"),
        "shown": str(picture_of(run, out / "pictures" / f"{name}-{which}.png", device)),
        "seconds": time.perf_counter() - began,
    }


def table(rows: list[Mapping[str, Any]]) -> str:
    """All rows as Markdown, a table for each experiment."""
    parts = []
    for name, experiment in EXPERIMENTS.items():
        own = [row for row in rows if row["experiment"] == name]
        if not own:
            continue
        further = list(dict.fromkeys(key for row in own for key in row["measured"]))
        heads = [*CELLS[1:], *further, "shown"]
        lines = [f"## {name}", "", f"{experiment.about}.", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for row in own:
            cells = [str(row[key]) for key in CELLS[1:]] + [row["measured"].get(key, "–") for key in further]
            lines.append(f"| {' | '.join([*cells, row['shown']])} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def write_table(out: Path) -> None:
    """The table of all rows that lie there."""
    rows = [json.loads(path.read_text()) for path in sorted((out / "rows").glob("*.json"))]
    write_text(out / "table.md", table(rows))


def main() -> None:
    """Train and measure all that is asked for, and write the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(EXPERIMENTS))
    parser.add_argument("--data", type=Path, required=True, help="folder of the shared data sets")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", help="trainings of the experiment")
    parser.add_argument("--seconds", type=float, default=600, help="of each training")
    parser.add_argument("--count", type=int, default=2_000, help="samples that are measured")
    parser.add_argument("--measured", type=int, default=MEASURED, help="times that it is measured while it trains")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--small", action="store_true", help="small recipes, for hours without a GPU")
    parser.add_argument("--tiny", action="store_true", help="small recipes and pictures, to rehearse")
    parser.add_argument("--prepare", action="store_true", help="prepare the data, and end")
    arguments = parser.parse_args()
    experiment = EXPERIMENTS[arguments.name]
    unknown = sorted(set(arguments.only or ()) - set(experiment.trainings))
    if unknown:
        parser.error(f"--only: {arguments.name} has {', '.join(experiment.trainings)}, and not {', '.join(unknown)}")
    if arguments.prepare:
        experiment.data(arguments.data, arguments.out / "data" / arguments.name, arguments.tiny)
        return
    for which in arguments.only or experiment.trainings:
        row = row_of(arguments.name, experiment, which, arguments)
        print(json.dumps(row), flush=True)
        write_json(arguments.out / "rows" / f"{arguments.name}-{which}.json", row)
        write_table(arguments.out)


if __name__ == "__main__":
    main()
