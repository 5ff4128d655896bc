"""``diorama describe``: what a model, a run, a report or a data set is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from diorama.cli.arguments import WrongArguments, parse, shown_as
from diorama.cli.compare import titled_lines
from diorama.cli.task_reports import task_facts, task_report
from diorama.core.durations import clock_words, count_words, energy_words
from diorama.core.errors import BadInput
from diorama.core.suggestions import in_a_line
from diorama.core.user_files import catalog_of

if TYPE_CHECKING:
    from diorama.core.contracts import MediaSpec
    from diorama.synthesis.provenance import Provenance

Rows = Iterator[tuple[str, str]]
SAMPLES, RECIPE = "samples.json", "recipe.json"
_REPORT_FILES = ("report.json", "report.html")
_CURVE_FILES = (".png", ".svg")
_CLASSES_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Say what a model folder, a run, a report, a prepared folder, a folder of samples or a sample is: sizes, classes,
    scores, origin, how it was drawn.

    Args:
        path: the model, run, report, prepared data, samples, or one picture or clip that was drawn.
        curves: also draw all losses and metrics of a run over images seen into this file, .png or .svg.
        with_files: Python files whose CATALOG names config classes of your own.
    """

    path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER_OR_FILE")]
    curves: Annotated[Path | None, shown_as("FILE")] = None
    with_files: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(name="with")] = ()


def main(words: Sequence[str]) -> None:
    """Print one fact a line; of a report, the rankings as well."""
    arguments = parse(Arguments, "describe", words)
    if arguments.curves is not None and arguments.curves.suffix.lower() not in _CURVE_FILES:
        raise WrongArguments(f"--curves {arguments.curves}: is written as .png or .svg")
    own = catalog_of(arguments.with_files)
    rows, lines = list(_facts(arguments.path, own)), _rankings(arguments.path, own)
    if arguments.curves is not None:
        rows.append(("curves", str(_write_curves(arguments.path, arguments.curves, own))))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    for line in lines:
        print(line)


def _write_curves(run: Path, file: Path, own: Sequence[object]) -> Path:
    from diorama.comparison.curves import curve_sheet
    from diorama.core.files import write_bytes, write_text
    from diorama.evaluation.catalog.metrics import catalog_with

    if not (run / RECIPE).is_file():
        raise BadInput(f"{run}: is no run, and only runs have curves")
    sheet = curve_sheet(run, run.resolve().name, catalog_with(own))
    if file.suffix.lower() == ".svg":
        write_text(file, sheet.svg())
    else:
        write_bytes(file, sheet.png())
    return file


def _rankings(path: Path, own: Sequence[object]) -> list[str]:
    """The tables of a report; nothing of anything else."""
    if not _is_report(path) or task_report(_report_folder(path)) is not None:
        return []
    from diorama.comparison.ranking import ranking_lines
    from diorama.comparison.record import read_report

    comparisons = read_report(_report_folder(path), own).comparisons
    return [line for c in comparisons for line in titled_lines(c.data.name, ranking_lines(c))]


def _is_report(path: Path) -> bool:
    """Whether a path is the folder of a report that is nothing else, or one of a report's files."""
    return path.name in _REPORT_FILES or (path / "report.json").is_file()


def _report_folder(path: Path) -> Path:
    return path.parent if path.name in _REPORT_FILES else path


def _facts(path: Path, catalog: Sequence[object]) -> Rows:
    from diorama.data.dataset import is_prepared

    if is_prepared(path):
        yield from _data(path)
    elif (path / RECIPE).is_file():
        yield from _run(path)
        if (path / "model" / "config.json").is_file():
            yield from _model(path, catalog)
    elif (path / "config.json").is_file():
        yield "kind", "model"
        yield from _model(path, catalog)
    elif _is_report(path) and (document := task_report(_report_folder(path))) is not None:
        yield from task_facts(document)
    elif _is_report(path):
        yield from _report(_report_folder(path), catalog)
    elif (path / SAMPLES).is_file():
        yield from _samples(path / SAMPLES)
    elif path.is_file():
        yield from _sample(path)
    else:
        missing = "" if path.exists() else " (there is no such folder)"
        raise BadInput(
            f"{path}: is neither a model folder, nor a run, nor a report, nor a prepared folder, nor samples{missing}"
        )


def _report(folder: Path, own: Sequence[object]) -> Rows:
    from diorama.comparison.record import read_report

    record = read_report(folder, own)
    yield "kind", "report"
    yield "title", record.title
    for comparison in record.comparisons:
        yield "data", f"{comparison.data.name}, {comparison.data.count:,} training records"
        for name, value in (("begun", comparison.began), ("command", comparison.command)):
            if value:
                yield name, value
        if comparison.budget:
            yield "budget", f"{comparison.budget} each"
        yield "machine", comparison.device
        counts = sorted({column.count for column in comparison.columns if column.count})
        against = f" against {comparison.reference:,}" if comparison.reference else ""
        yield "measured", f"{' or '.join(f'{n:,}' for n in counts)} samples of each{against} {comparison.split} records"
        yield from (("note", note) for note in (*comparison.notes, *comparison.warnings))


def _samples(path: Path) -> Rows:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        rows, model, recipe = document["samples"], str(document["model"]), str(document["recipe"])
        sampling = dict(document.get("sampling", {}))
        seeds = sorted({int(row["seed"]) for row in rows})
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadInput(f"{path}: is no list of samples ({type(problem).__name__}: {problem})") from problem
    yield "kind", "samples"
    yield "count", f"{len(rows):,}"
    yield "seed", ", ".join(map(str, seeds))
    if recipe:
        yield "recipe", recipe
    yield from _drawn(sampling)
    yield "model sha256", model


def _sample(path: Path) -> Rows:
    from diorama.media.stamp import read_stamp

    stamp = read_stamp(path)
    if stamp is None:
        raise BadInput(f"{path}: carries no mark that says how it was drawn")
    yield "kind", "sample"
    yield "seed", str(stamp.seed)
    if stamp.index is not None:
        yield "index", str(stamp.index)
    yield from ((key, str(value)) for key, value in stamp.condition.items())
    if stamp.recipe:
        yield "recipe", stamp.recipe
    yield from _drawn(asdict(stamp))
    yield "model sha256", stamp.model


def _drawn(sampling: Mapping[str, object]) -> Rows:
    """Sampler, steps and guidance, or truncation, of models that have them."""
    for key in ("sampler", "steps", "guidance", "guidance_kind", "psi", "cutoff", "standing"):
        if sampling.get(key) is not None:
            yield key.replace("_", " "), str(sampling[key])


def _data(path: Path) -> Rows:
    from diorama.data.dataset import open_dataset

    dataset = open_dataset(path)
    yield "kind", "prepared data"
    yield "name", dataset.info.name
    yield from _media(dataset.info.media)
    for name, count in dataset.splits.items():
        yield name, f"{count:,} records"
    for side in dataset.info.sides:
        if side.media is not None and dataset.second is not None and side.unpaired:
            counts = ", ".join(f"{name} {count:,}" for name, count in dataset.second.splits.items())
            yield side.key, f"second set {dataset.second.path} of {side.media.in_words()}: {counts}"
        elif side.media is not None:
            yield side.key, f"a partner of each: {side.media.in_words()}"
    yield from _class_names(dataset.info.classes)
    for key in ("licence", "source"):
        if dataset.manifest.get(key):
            yield key, str(dataset.manifest[key])
    yield "sha256", dataset.info.sha256


def _run(path: Path) -> Rows:
    from diorama.comparison.history import planned_images, read_history

    yield "kind", "run"
    history = read_history(path)
    if history is None:
        yield "training", "nothing has been logged yet"
        return
    planned = planned_images(path)
    whole = "" if planned is None else f" of {count_words(planned)}"
    yield "trained on", f"{count_words(history.images)}{whole} images in {history.steps:,} steps"
    yield "time", clock_words(history.seconds)
    yield "energy", energy_words(history.joules) + (f" ({history.energy})" if history.energy else "")
    for name, points in history.losses.items():
        yield name if "loss" in name else f"loss {name}", f"{points[-1][1]:.4g}"


def _model(path: Path, catalog: Sequence[object]) -> Rows:
    from diorama.synthesis import store

    model = store.load(path, catalog=catalog)
    yield "model", model.kind
    yield from _media(model.config.media)
    yield from _class_names(model.config.classes)
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    yield "parameters", ", ".join(f"{name} {count_words(count)}" for name, count in parts.items() if count)
    yield from _provenance(store.read_provenance(path))
    yield "sha256", store.model_hash(path)


def _provenance(provenance: Provenance) -> Rows:
    from diorama.evaluation.protocol import in_words

    if provenance.recipe_name:
        yield "recipe", provenance.recipe_name
    if provenance.published is not None:
        found = provenance.published
        yield "published", " ".join((found.publisher, found.network, found.file, found.sha256))
    data = " ".join(filter(None, (provenance.data.name, provenance.data.sha256)))
    if data:
        yield "data", data
    for result in provenance.scores:
        counts = f"{result['samples']:,} samples against {result['reference']['count']:,}"
        yield result["metric"], f"{in_words(result)}, {counts}"


def _media(media: MediaSpec) -> Rows:
    size = f"{media.width} x {media.height}, {media.channels} channels, {media.dtype}"
    if media.frames is not None:
        size += f", {media.frames} frames" + (f" at {media.fps:g} a second" if media.fps else "")
    yield media.kind, size


def _class_names(classes: Sequence[str]) -> Rows:
    if classes:
        yield "classes", f"{len(classes)}: {in_a_line(classes)}"
