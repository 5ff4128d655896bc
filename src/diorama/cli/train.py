"""``diorama train``: train a recipe, or continue where it stopped."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from diorama.cli.arguments import (
    Images,
    Known,
    Seconds,
    WrongArguments,
    arguments_at_fault,
    parse,
    parse_known,
    shown_as,
    weighted,
)
from diorama.cli.progress import display
from diorama.cli.pulse import Pulse
from diorama.core.user_files import catalog_of
from diorama.recipes import catalog

if TYPE_CHECKING:
    from diorama.training.recipe import Recipe, TrainOptions

_PROJECT = "diorama"
"""Of Weights & Biases, where none is named."""

_NAMES = 10
"""Width of the names in what a dry run says."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a training is run on this machine. A command's class derives from this one, and before it from one with its
    own options, which stand first in its help.

    Args:
        start_from: a model folder or run whose weights a new run starts from; the run says which of them fitted.
        time: stop, saved, after this long: 90s, 10min, 2h.
        dry_run: build everything, take a few steps, say what the run would be, and write nothing.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.
        tensorboard: write event files as well (needs the extra log).
        wandb: log to this project of Weights & Biases as well, diorama where none is named (needs the extra log).
        deterministic: only deterministic kernels on GPUs; slower.
        with_files: Python files whose CATALOG names config classes of your own.
    """

    start_from: Annotated[Path | None, shown_as("MODEL_OR_RUN", name="from")] = None
    time: Seconds = None
    dry_run: bool = False
    device: str = "auto"
    tensorboard: bool = False
    wandb: Annotated[str | None, shown_as("[PROJECT]")] = None
    deterministic: bool = False
    with_files: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(name="with")] = ()

    def options(self, catalog: tuple[object, ...]) -> TrainOptions:
        """What :func:`train_run` is given; ``catalog`` holds the user's own classes."""
        from diorama.training.recipe import TrainOptions

        return TrainOptions(
            start_from=self.start_from,
            device=self.device,
            seconds=self.time,
            tensorboard=self.tensorboard,
            wandb=self.wandb,
            deterministic=self.deterministic,
            catalog=catalog,
        )


@dataclass(frozen=True, kw_only=True)
class _Own:
    """Its own options.

    Args:
        recipe: a name that `diorama recipes` lists, or file.py:function for one of your own.
        data: a prepared folder, a small raw one, or the words world and world-video. May be given several times,
            each with a weight: --data A --data B=0.5.
        out: the run folder.
        images: length of the run in images (or clips) seen, in place of the recipe's: 50000, 200k, 2M.
        sharded: share the weights out over the processes of torchrun, for models too large for one GPU.
    """

    recipe: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")]
    data: tyro.conf.UseAppendAction[tuple[str, ...]]
    out: Path
    images: Images = None
    sharded: bool = False


@dataclass(frozen=True, kw_only=True)
class Arguments(RunOptions, _Own):
    """Train a recipe on data into a run folder. The same command continues an interrupted run.

    Every field of the recipe can be given another value: --batch-size 32, --optimizers.generator.rate.peak 1e-4.
    `diorama train RECIPE --help` lists them with their values.
    """


def main(words: Sequence[str]) -> None:
    """Train, with progress; Ctrl-C saves and says how to continue."""
    if asks_for_help(words):
        _help(words)
        return
    known = parse_known(Arguments, "train", with_project(words))
    arguments = known.arguments
    if not arguments.data:
        raise WrongArguments(
            "--data is missing: a prepared folder, a small raw one, or the words world and world-video"
        )
    with arguments_at_fault():
        catalog.check(arguments.recipe)
        data = [weighted(text) for text in arguments.data]
    own = [arguments.recipe] if ":" in arguments.recipe else []
    classes = catalog_of([*map(str, arguments.with_files), *own])

    # From here on torch is needed; mistakes in words have been found before it was waited for.
    from diorama.core.device import pick
    from diorama.core.distributed import launched
    from diorama.data.training_sets import open_training_data
    from diorama.recipes.start import make
    from diorama.synthesis.parts import check_parts

    if arguments.dry_run and (launched() or arguments.sharded):
        raise WrongArguments("--dry-run looks at one process: leave torchrun and --sharded out")
    if arguments.sharded and not launched():
        raise WrongArguments(
            "--sharded shares weights out over several processes: start them by "
            "torchrun --nproc-per-node N -m diorama train …"
        )
    with arguments_at_fault():
        pick(arguments.device)
    info = open_training_data(data).info
    with arguments_at_fault():
        recipe = overridden(make(arguments.recipe, info), known, f"train {arguments.recipe}")
        check_parts(recipe.frozen, recipe.method.parts_wanted())
    options = replace(
        arguments.options(classes),
        images=arguments.images,
        sharded=arguments.sharded,
    )
    (rehearse_run if arguments.dry_run else train_run)(recipe, data, arguments.out, options)


def train_run(recipe: Recipe, data: Sequence[tuple[str, float]], out: Path, options: TrainOptions) -> None:
    """Train, with progress, and say how to go on.

    Args:
        recipe: what is trained.
        data: folders with their weights.
        out: the run folder.
        options: how it is run on this machine.
    """
    from diorama.core.busy import advice_on_threads
    from diorama.core.device import pick
    from diorama.training.run import train

    with display() as shown:
        if advice := advice_on_threads(pick(options.device)):
            shown.note(advice)
        shown.update(f"training {recipe.name}")
        pulse = Pulse(shown, recipe.name, options.seconds)
        try:
            for tick in train(recipe, list(data), out, options):
                pulse.show(tick)
        except KeyboardInterrupt:
            # Of a run that is complete as well: what was to follow it is not wanted.
            shown.note(_ways_on(out, options.catalog, finished=pulse.finished))
            raise
        shown.note(_ways_on(out, options.catalog, finished=pulse.finished))


def _ways_on(out: Path, catalog: Sequence[object], *, finished: bool) -> str:
    """What can be done with a run that has stopped."""
    from diorama.synthesis.classifier import NoisyClassifierConfig
    from diorama.synthesis.conditions import draws_partners
    from diorama.synthesis.inpainting import InpaintingSynthesizerConfig
    from diorama.synthesis.picture import PictureSynthesizerConfig
    from diorama.synthesis.store import read_config

    ways = [] if finished else [f"The same command continues {out}."]
    if not (out / "model").is_dir():
        return " ".join(ways)
    model, run, drawn = read_config(out / "model", catalog), shlex.quote(str(out)), shlex.quote(f"{out}-samples")
    if isinstance(model, NoisyClassifierConfig):
        ways.append(
            f"To guide a model by it: diorama sample MODEL --guide {run} --guidance 2 --label all --out {drawn}"
        )
    if model.draws:
        labels = " --label all" if model.needs_label else ""
        partners = draws_partners(model.media, model.conditions) and model.media.kind == "image"
        how = f"upscale {run} SMALL_PICTURES" if partners else f"sample {run}{labels}"
        if isinstance(model, PictureSynthesizerConfig) and model.picture.scale == 1:
            how = f"translate {run} PICTURES"
        if isinstance(model, InpaintingSynthesizerConfig):
            how = f"inpaint {run} PICTURES --mask MASK"
        ways.append(f"To draw from it: diorama {how} --out {drawn}")
    return " ".join(ways)


def rehearse_run(recipe: Recipe, data: Sequence[tuple[str, float]], out: Path, options: TrainOptions) -> None:
    """Say what the run would be; arguments as of :func:`train_run`."""
    from diorama.cli.dry_run import rehearse

    for name, value in rehearse(recipe, data, out, options):
        print(f"{name:<{_NAMES}}  {value}", flush=True)
    print("Nothing was written.")


def overridden(recipe: Recipe, known: Known[Any], command: str) -> Recipe:
    """The recipe with the values of the file of options, and then those of the command line.

    Args:
        recipe: to begin with.
        known: the words of the command.
        command: for messages, ``"train ddpm_cpu"``.
    """
    from diorama.cli.overrides import override

    try:
        recipe = override(recipe, known.settings.further_words(), command)
    except WrongArguments as problem:
        raise known.settings.blamed(problem) from problem
    return override(recipe, known.rest, command)


def with_project(words: Sequence[str]) -> list[str]:
    """The words with the usual project where ``--wandb`` names none."""
    following = [*words, "--"][1:]
    return [
        f"{word}={_PROJECT}" if word == "--wandb" and after.startswith("-") else word
        for word, after in zip(words, following, strict=True)
    ]


def asks_for_help(words: Sequence[str]) -> bool:
    """Whether a word does."""
    return any(word in ("-h", "--help") for word in words)


def _help(words: Sequence[str]) -> None:
    """The command's own options; after a recipe's name, the recipe's fields as well."""
    named = next((word for word in words if not word.startswith("-")), None) if words[0][0] != "-" else None
    if named is None:
        parse(Arguments, "train", ["--help"])
        return
    with arguments_at_fault():
        catalog.resolve(named)
    try:
        parse(Arguments, f"train {named}", ["--help"])
    except SystemExit:
        print_fields(named, f"train {named}")


def print_fields(named: str, command: str) -> None:
    """Print every field of a recipe, with its value for an example of data.

    Args:
        named: the recipe, as a user names it.
        command: for the usage line.
    """
    from diorama.cli.overrides import describe

    print(f"\nFields of {named}, each to be given as --field value, with its value here for an example of data:")
    describe(_example(named), command)


def _example(name: str) -> Recipe:
    """The recipe for the plainest example of the data it wants: with larger partners, others, labels, or labels and
    captions, where it needs them."""
    from diorama.core.contracts import DataInfo, MediaSpec, SideSpec
    from diorama.core.errors import BadConfig
    from diorama.recipes.start import make

    entry = catalog.entry_of(name)
    pictures = MediaSpec(kind="image", channels=3, height=64, width=64)
    clips = MediaSpec(kind="video", channels=3, height=64, width=64, frames=16, fps=8.0)
    kinds = (pictures, clips) if entry is None else (clips if entry.kind == "video" else pictures,)
    captions = (SideSpec(key="tokens", kind="text", shape=(64,), ragged=True),)
    larger = replace(pictures, height=128, width=128)
    partners, alike = (
        (SideSpec(key="target", kind="picture", shape=media.shape, media=media),) for media in (larger, pictures)
    )
    labels = ("one", "other")
    examples = [
        DataInfo(name="example", media=media, classes=classes, sides=sides)
        for classes, sides in (((), ()), ((), partners), ((), alike), (labels, ()), (labels, captions))
        for media in kinds
    ]
    with arguments_at_fault():
        for info in examples[:-1]:
            try:
                return make(name, info)
            except BadConfig:
                continue
        return make(name, examples[-1])
