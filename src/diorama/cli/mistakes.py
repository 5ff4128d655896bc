"""What tyro says of a mistake in a framed box of many lines, in one line that names the option."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from diorama.cli.mistaken_options import meaning
from diorama.core.errors import DioramaError

_FRAME = str.maketrans({**dict.fromkeys("╭╮╰╯│", " "), "─": "-"})
_KINDS = {"INT": "a whole number", "FLOAT": "a number", "PATH": "a path", "BOOL": "True or False"}
_NO_TYPE = re.compile(
    r"no type matching (?P<kinds>\S+) could be instantiated from \[(?P<mark>['\"])(?P<given>.*?)(?P=mark)\]"
)
_NO_INT = re.compile(r"invalid literal for int\(\) with base 10: (?P<given>.*)")
_NO_FLOAT = re.compile(r"could not convert string to float: (?P<given>.*)")
_NO_CHOICE = re.compile(r"invalid choice '(.*?)' for argument '(.*?)'. Expected one of \((.*?),?\)")
_NO_VALUE = re.compile(r"Missing value for argument '(.*?)'")
_QUOTE = "'"
_OPTION = re.compile(r"--[\w.-]+")


class WrongArguments(DioramaError):
    """The command line asks for something that does not exist; the program ends with code 2."""


def refuse_options_of_others(command: str, words: Sequence[str], known: Collection[str]) -> None:
    """Refuse what is called otherwise here.

    Args:
        command: of the program, perhaps with a recipe behind it.
        words: of the command line.
        known: the words that name its options.

    Raises:
        WrongArguments: a word is an option of other tools; what it is here is said.
    """
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("--") and option.replace("_", "-") not in known:
            said = meaning(command.partition(" ")[0], option.removeprefix("--"))
            if said:
                raise WrongArguments(f"{option}: there is no such option; {said} (see diorama {command} --help)")


def in_one_line(said: str, command: str) -> str:
    """A mistake as one line.

    Args:
        said: what tyro printed.
        command: whose help is named.
    """
    title, sections = _sections(said)
    if not title or not sections[0]:
        return " ".join(said.split())
    first, rest = sections[0], sections[1:]
    message = " ".join(line.strip() for line in first)
    if title.startswith("Unrecognized"):
        message = _unknown(message, [line for section in rest for line in section])
    elif title.startswith("Required"):
        message = f"missing: {', '.join(_required(first))}"
    elif (choice := _NO_CHOICE.search(message)) is not None:
        given, option, known = choice.groups()
        message = f"{option}: {given!r} is none of {known.replace(_QUOTE, '')}"
    elif (lacking := _NO_VALUE.search(message)) is not None:
        message = f"{lacking[1]}: a value is missing"
    elif message.startswith("Error parsing "):
        option, _, problem = message.removeprefix("Error parsing ").partition(": ")
        message = f"{option}: {_plain(problem)}"
    return f"{message.rstrip('.')} (see diorama {command} --help)"


def _sections(said: str) -> tuple[str, list[list[str]]]:
    """The title, and the lines between the rules, without the frame."""
    # Where the terminal knows no lines to draw with, the frame is of blanks.
    lines = [line for line in said.translate(_FRAME).splitlines() if line.strip()]
    title = lines[0].strip(" -") if lines else ""
    sections: list[list[str]] = [[]]
    for line in lines[1:]:
        if line.strip(" -"):
            sections[-1].append(line[2:].rstrip())
        elif sections[-1]:
            sections.append([])
    return title, sections


def _unknown(message: str, hints: list[str]) -> str:
    """Words that no option takes: an option that does not exist, with the nearest that does, or a stray word."""
    words = [word.strip() for word in message.removeprefix("Unrecognized options: ").split(",")]
    options = [word for word in words if word.startswith("--")]
    if not options:
        return f"{' '.join(words)}: not expected here"
    near = next((found[0] for line in hints if (found := _OPTION.match(line.strip())) is not None), None)
    asked = f"; did you mean {near}?" if near and len(options) == 1 else ""
    return f"{', '.join(options)}: there is no such option{asked}"


def _required(lines: list[str]) -> list[str]:
    """The names that are missing: indented by four spaces, and their help by eight."""
    return [line.strip() for line in lines if re.match(r" {4}\S", line)]


def _plain(problem: str) -> str:
    if (found := _NO_TYPE.search(problem)) is not None:
        kinds = [_KINDS.get(kind, kind) for kind in found["kinds"].split("|") if kind != "{None}"]
        return f"{found['given']!r} is not {' or '.join(kinds)}"
    for pattern, kind in ((_NO_INT, "INT"), (_NO_FLOAT, "FLOAT")):
        if (found := pattern.search(problem)) is not None:
            return f"{found['given']} is not {_KINDS[kind]}"
    return problem
