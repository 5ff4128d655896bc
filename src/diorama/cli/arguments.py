"""How words on the command line become typed values: units, lists, weighted folders."""

from __future__ import annotations

import inspect
import io
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from diorama.cli.config_file import HINT, NO_SETTINGS, Settings, has_own, separate
from diorama.cli.mistakes import WrongArguments, in_one_line, refuse_options_of_others
from diorama.cli.options import options_of
from diorama.core.durations import Budget, parse_budget, parse_images, parse_seconds
from diorama.core.errors import BadConfig, BadInput

if TYPE_CHECKING:
    from diorama.synthesis.base import Sampling

T = TypeVar("T")

_WIDE = 1_000
"""Columns of the terminal that a mistake is told for."""


def sampling_asked(
    sampler: str | None,
    steps: int | None,
    guidance: float | None,
    guidance_kind: str | None = None,
    *,
    psi: float | None = None,
    cutoff: int | None = None,
    standing: int | None = None,
) -> Sampling:
    """What ``--sampler``, ``--steps``, ``--guidance`` and ``--guidance-kind`` ask for, and of GANs ``--psi``,
    ``--cutoff`` and ``--standing``.

    Raises:
        WrongArguments: there is no such sampler or guidance, or a number that no model could draw with.
    """
    from diorama.samplers.catalog import sampler_named
    from diorama.samplers.guidance.catalog import guidance_named
    from diorama.synthesis.base import Sampling

    with arguments_at_fault():
        if sampler is not None:
            sampler_named(sampler)
        if guidance_kind is not None:
            guidance_named(guidance_kind)
    try:
        return Sampling(
            sampler=sampler,
            steps=steps,
            guidance=guidance,
            guidance_kind=guidance_kind,
            psi=psi,
            cutoff=cutoff,
            standing=standing,
        )
    except ValueError as problem:
        raise WrongArguments(f"--{problem}") from problem


def sampler_and_steps(text: str) -> Sampling:
    """What ``ddim:50`` asks for; a name alone keeps the model's own number of steps.

    Raises:
        WrongArguments: there is no such sampler, or the steps are no number.
    """
    name, colon, steps = text.partition(":")
    if not name or (colon and not steps.isdecimal()):
        raise WrongArguments(f"--samplers: wants NAME:STEPS such as ddim:50, got {text!r}")
    return sampling_asked(name, int(steps) if colon else None, None)


@contextmanager
def arguments_at_fault() -> Iterator[None]:
    """Inside the block what does not exist or fit is the fault of the command line, not of the data."""
    try:
        yield
    except (BadConfig, BadInput) as problem:
        raise WrongArguments(str(problem)) from problem


def parse(
    arguments: type[T], command: str, words: Sequence[str], several: Mapping[str, Callable[[str], bool]] | None = None
) -> T:
    """Read a command's words into its dataclass; ``--help`` ends the program as tyro does.

    Args:
        arguments: the command's dataclass.
        command: its name.
        words: what follows the name.
        several: flags beside ``--with`` that may have several values, as :func:`spread` takes them.

    Raises:
        WrongArguments: a word is unknown, missing or of the wrong kind.
    """
    settings, typed = _separate(arguments, command, words, further=False)
    given = spread([*settings.words, *typed], {**_WITH, **(several or {})})
    with mistakes_in_one_line(command, given, settings):
        return tyro.cli(
            arguments, prog=f"diorama {command}", args=given, config=_STYLE, description=_described(arguments)
        )


@dataclass(frozen=True, kw_only=True)
class Known(Generic[T]):
    """What a command understood of its words.

    Args:
        arguments: its own options.
        rest: words that are none of them.
        settings: of the file that ``--config`` names; values under names that are no options are in it.
    """

    arguments: T
    rest: list[str]
    settings: Settings


def parse_known(arguments: type[T], command: str, words: Sequence[str]) -> Known[T]:
    """As :func:`parse`, but words that are not the command's own are handed back.

    Raises:
        WrongArguments: as :func:`parse`.
    """
    settings, typed = _separate(arguments, command, words, further=True)
    given = spread([*settings.words, *typed], _WITH)
    with mistakes_in_one_line(command, given, settings):
        parsed, rest = tyro.cli(
            arguments, prog=f"diorama {command}", args=given, config=_STYLE, return_unknown_args=True
        )
    return Known(arguments=parsed, rest=rest, settings=settings)


def _separate(arguments: type[Any], command: str, words: Sequence[str], *, further: bool) -> tuple[Settings, list[str]]:
    settings, typed = separate(arguments, command, words, further=further)
    refuse_options_of_others(command, typed, {o.flag for o in options_of(arguments) if not o.positional})
    return settings, typed


def _described(arguments: type[Any]) -> str:
    """What a command's help begins with."""
    about = inspect.cleandoc(arguments.__doc__ or "").partition("Args:")[0]
    return about.rstrip() if has_own(options_of(arguments)) else f"{about.rstrip()}\n\n{HINT}"


@contextmanager
def mistakes_in_one_line(command: str, words: Sequence[str], settings: Settings = NO_SETTINGS) -> Iterator[None]:
    """What tyro prints in a box before it ends the program is raised as one line.

    Args:
        command: whose help is named.
        words: that tyro reads.
        settings: of a file, some of whose words are among them.

    Raises:
        WrongArguments: a word is unknown, missing or of the wrong kind.
    """
    if {"-h", "--help"} & set(words):
        yield
        return
    said, columns = io.StringIO(), os.environ.get("COLUMNS")
    try:
        with redirect_stderr(said):
            # A narrow box would cut words in two.
            os.environ["COLUMNS"] = str(_WIDE)
            yield
    except SystemExit as end:
        if not end.code:
            raise
        raise settings.blamed(WrongArguments(in_one_line(said.getvalue(), command))) from None
    finally:
        os.environ.pop("COLUMNS")
        os.environ.update({} if columns is None else {"COLUMNS": columns})
    sys.stderr.write(said.getvalue())


def spread(words: Sequence[str], flags: Mapping[str, Callable[[str], bool]]) -> list[str]:
    """Words in which a flag that takes several values stands before each of them: ``--with A B`` as ``--with A
    --with B``, so that both ways of writing it are read.

    Args:
        words: of the command line.
        flags: by name, which words after the first belong to the flag. What does not is left for the command.
    """
    spread_out: list[str] = []
    flag, alone = "", False
    for word in words:
        if word.startswith("--"):
            name, sign, _ = word.partition("=")
            # A flag's first value belongs to it whatever it looks like.
            flag, alone = (name, not sign) if name in flags else ("", False)
        elif flag and not alone:
            flag = flag if not word.startswith("-") and flags[flag](word) else ""
            spread_out += [flag] if flag else []
        else:
            alone = False
        spread_out.append(word)
    return spread_out


def is_python_file(word: str) -> bool:
    """Whether a word names a Python file, and so cannot be the folder that a command works on."""
    return word.endswith(".py")


def weighted(text: str) -> tuple[str, float]:
    """``"DIR"`` or ``"DIR=0.5"``: a data set and the weight it is drawn with, 1 by default.

    Raises:
        BadConfig: the weight is not a positive number.
    """
    path, sign, weight = text.rpartition("=")
    if not sign or Path(text).exists():
        return text, 1.0
    try:
        value = float(weight)
    except ValueError:
        return text, 1.0
    if not (value > 0 and math.isfinite(value)):
        raise BadConfig(f"--data {text}: a weight must be a positive number, got {weight}")
    return path, value


def named(text: str) -> tuple[str, Path]:
    """``"NAME=PATH"`` as its two parts.

    Raises:
        BadConfig: there is no name, or no path.
    """
    name, sign, path = text.partition("=")
    if not (name and sign and path):
        raise BadConfig(f"{text!r}: expected NAME=FOLDER_OR_ARCHIVE")
    return name, Path(path)


def part(text: str) -> tuple[str, str]:
    """``"NAME=FOLDER"``, a trained part that recipes may want, as its two parts.

    Raises:
        BadConfig: there is no name, or no folder.
    """
    name, sign, folder = text.partition("=")
    if not (name and sign and folder):
        raise BadConfig(f"--frozen.{name or 'NAME'}: expected a folder, as in --frozen.codec runs/codec")
    return name, folder


def shown_as(metavar: str, default: str = "", *, name: str | None = None) -> Any:
    """How the help shows an option that may be left out; on its own it would say {None}|INT and (default: None).

    Args:
        metavar: what its value is called.
        default: what happens without the option; empty where its description says so.
        name: the option's, where it is not the field's.
    """
    hint = f"(default: {default})" if default else ""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=hint, name=name)


def listed(text: str) -> tuple[str, ...]:
    """``"a,b,c"`` as its parts, without blanks and empty ones."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def fractions(text: str) -> tuple[float, float, float]:
    """``".8,.1,.1"``: shares of training, validation and test data.

    Raises:
        BadConfig: not three non-negative numbers that sum to one.
    """
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if len(shares) != 3 or min(shares) < 0 or not abs(sum(shares) - 1) <= 1e-6:
        raise BadConfig(f"{text!r}: expected three shares that sum to 1, such as .8,.1,.1")
    return shares[0], shares[1], shares[2]


def one_word(
    read: Callable[[str], T], metavar: str, write: Callable[[Any], str] = str, *, optional: bool = False
) -> PrimitiveConstructorSpec[T]:
    """A tyro constructor that reads one word; what ``read`` refuses is reported with its message.

    Args:
        read: from the word to the value.
        metavar: what the help calls the word.
        write: from a default to the word that the help shows.
        optional: the default may be ``None``. As a union of tyro's with ``None``, a mistake would be told in the
            terms of the union's members.
    """

    def from_words(words: list[str]) -> T:
        try:
            return read(words[0])
        except BadConfig as problem:
            raise ValueError(str(problem)) from problem

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=from_words,
        # A fuzzy match: the value may be a default of any type that ``write`` can put into words.
        is_instance=lambda value: optional or value is not None,
        str_from_instance=lambda value: ["None" if value is None else write(value)],
    )


def _plain_list(parts: Sequence[Any]) -> str:
    return ",".join(str(part) for part in parts)


Images = Annotated[int | None, one_word(parse_images, "IMAGES", optional=True), shown_as("IMAGES")]
"""``200k``, ``2M`` or a plain number; ``None`` where nothing was asked for."""

Seconds = Annotated[float | None, one_word(parse_seconds, "TIME", lambda s: f"{s:g}s", optional=True), shown_as("TIME")]
"""``90s``, ``10min``, ``2h``; ``None`` where nothing was asked for."""

TimeOrImages = Annotated[Budget, one_word(parse_budget, "TIME|IMAGES")]
"""``10min`` or ``200k``."""

Names = Annotated[tuple[str, ...], one_word(listed, "NAME,NAME,…", _plain_list)]
"""Names separated by commas."""

Shares = Annotated[tuple[float, float, float] | None, one_word(fractions, "TRAIN,VAL,TEST", _plain_list, optional=True)]
"""Three shares separated by commas; ``None`` where nothing was asked for."""

Appended = Annotated[tuple[str, ...], tyro.conf.UseAppendAction]
"""A flag that may be given several times."""

Files = Annotated[tuple[Path, ...], tyro.conf.UseAppendAction, tyro.conf.arg(name="with")]
"""``--with FILE.py``, several times."""


_WITH: Mapping[str, Callable[[str], bool]] = {"--with": is_python_file}
_STYLE = (tyro.conf.FlagCreatePairsOff, tyro.conf.HelptextFromCommentsOff)
