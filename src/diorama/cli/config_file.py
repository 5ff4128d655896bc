"""``--config FILE.toml``: options of a command from a file. What the command line says as well, it says instead."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diorama.cli.mistaken_options import meaning
from diorama.cli.mistakes import WrongArguments
from diorama.cli.options import Option, option_names, options_of
from diorama.core.errors import BadInput
from diorama.core.suggestions import did_you_mean

FLAG = "--config"

HINT = f"Options may also stand in a file, {FLAG} FILE.toml; those of the command line win."
"""What the help of every command says of it."""

_NAMED = re.compile(r"--([\w.-]+)(?:=\S*)?: (.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a file says.

    Args:
        path: the file; ``None`` where none was named.
        words: of the command's own options, as they would be typed.
        further: values under other names, dotted where they stand in tables: fields of a recipe.
        keys: of the file, by the option that each sets.
    """

    path: Path | None = None
    words: tuple[str, ...] = ()
    further: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def further_words(self) -> list[str]:
        """The values under other names, as they would be typed."""
        assert self.path is not None or not self.further
        return [word for name, value in self.further.items() for word in self._typed(name, value)]

    def blamed(self, problem: WrongArguments) -> WrongArguments:
        """The same mistake, told of the file's key where an option of the file is at fault."""
        found = _NAMED.match(str(problem))
        if found is None:
            return problem
        name = found[1].replace("_", "-")
        # What does not fit together is told of the table that it stands in.
        in_table = any(known.startswith(f"{name}.") for known in self.keys)
        key = self.keys.get(name, found[1] if in_table else None)
        if key is None:
            return problem
        return WrongArguments(f"{self.path}:{key}: {_as_key(found[2])}")

    def _typed(self, name: str, value: Any) -> list[str]:
        if isinstance(value, bool):
            part, dot, last = name.rpartition(".")
            return [f"--{name}" if value else f"--{part}{dot}no-{last}"]
        if isinstance(value, list):
            return [f"--{name}", *(_scalar(v, f"{self.path}:{self.keys[name]}") for v in value)]
        return [f"--{name}={_scalar(value, f'{self.path}:{self.keys[name]}')}"]


NO_SETTINGS = Settings()
"""Where no file was named."""


def has_own(options: Sequence[Option]) -> bool:
    """Whether a command has another option of that name, and so reads no file of options."""
    return any(option.flag == FLAG for option in options)


def separate(arguments: type[Any], command: str, words: Sequence[str], *, further: bool) -> tuple[Settings, list[str]]:
    """The settings of the file that ``--config`` names, and the other words.

    Args:
        arguments: the command's dataclass.
        command: its name.
        words: of the command line.
        further: whether the command takes values under names that are none of its options.

    Raises:
        WrongArguments: ``--config`` without a file or twice; a key that is no option; a value that none takes.
        BadInput: the file cannot be read.
    """
    named: list[str] = []
    rest, options = list(words), options_of(arguments)
    if has_own(options):
        return NO_SETTINGS, rest
    while (at := next((i for i, word in enumerate(rest) if word.partition("=")[0] == FLAG), None)) is not None:
        _, sign, file = rest[at].partition("=")
        if not sign:
            file = rest[at + 1] if at + 1 < len(rest) else ""
        if not file or file.startswith("--"):
            raise WrongArguments(f"{FLAG}: a file is missing, as in {FLAG} settings.toml")
        del rest[at : at + (1 if sign else 2)]
        named.append(file)
    if len(named) > 1:
        raise WrongArguments(f"{FLAG}: one file is read, got {', '.join(named)}")
    if not named:
        return NO_SETTINGS, rest
    return _settings(Path(named[0]), options, command, rest, further=further), rest


def _settings(path: Path, options: Sequence[Option], command: str, words: Sequence[str], *, further: bool) -> Settings:
    by_name, given = {option.name: option for option in options}, option_names(words)
    has_word = _has_word_of_its_own(words, options)
    own: list[str] = []
    others: dict[str, Any] = {}
    keys: dict[str, str] = {}
    for key, value in _read(path).items():
        option = by_name.get(key.replace("_", "-"))
        if option is not None:
            keys[option.name] = key
            said = _words(option, value, f"{path}:{key}")
            if option.positional:
                own = own if has_word else [*said, *own]
            elif option.name not in given:
                own += said
        elif meant := meaning(command, key):
            meant = meant.replace("called --", "called ")
            raise WrongArguments(f"{path}:{key}: there is no such option; {meant}")
        elif further:
            for name, inner in _leaves(key, value):
                keys[name.replace("_", "-")] = name
                others[name.replace("_", "-")] = inner
        else:
            raise WrongArguments(f"{path}:{key}: there is no such option{did_you_mean(key, by_name)}")
    return Settings(path=path, words=tuple(own), further=others, keys=keys)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror})") from problem
    except ValueError as problem:
        raise BadInput(f"{path}: is not TOML ({problem})") from problem


def _words(option: Option, value: Any, where: str) -> list[str]:
    """The words that would set an option to a value."""
    if option.switch:
        if not isinstance(value, bool):
            raise WrongArguments(f"{where}: true or false, got {value!r}")
        return [] if value is option.on else [option.flag]
    if isinstance(value, Mapping):
        if not option.repeated or option.positional:
            raise WrongArguments(f"{where}: a value is expected, got a table")
        # NAME=VALUE pairs are a table by another name.
        values = [f"{name}={_scalar(inner, f'{where}.{name}')}" for name, inner in value.items()]
    elif not isinstance(value, list):
        values = [_scalar(value, where)]
    elif not (option.repeated or option.one_word):
        raise WrongArguments(f"{where}: one value is expected, got a list of {len(value)}")
    else:
        values = [_scalar(inner, where) for inner in value]
    if option.positional:
        return values
    return [f"--{option.name}={word}" for word in (values if option.repeated else [",".join(values)])]


def _scalar(value: Any, where: str) -> str:
    if isinstance(value, (Mapping, list, datetime.date, datetime.time)):
        raise WrongArguments(f"{where}: a text, a number, true or false is expected, got {value!r}")
    return str(value)


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Values under their dotted names."""
    if not isinstance(value, Mapping):
        yield key, value
        return
    for name, inner in value.items():
        yield from _leaves(f"{key}.{name}", inner)


def _has_word_of_its_own(words: Sequence[str], options: Sequence[Option]) -> bool:
    """Whether the command line holds a word that is no option and no option's value."""
    switches = {option.flag for option in options if option.switch}
    takes_value = False
    for word in words:
        if word.startswith("--"):
            takes_value = "=" not in word and word.replace("_", "-") not in switches
        elif takes_value:
            takes_value = False
        else:
            return True
    return False


def _as_key(message: str) -> str:
    """An option that is named as the nearest, spelt as a file's key."""
    return re.sub(r"did you mean --([\w.-]+)", lambda found: f"did you mean {found[1].replace('-', '_')}", message)
