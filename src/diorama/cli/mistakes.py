"""What tyro says of a mistake in a framed box of many lines, in one line that names the option."""

from __future__ import annotations

import re

_FRAME = str.maketrans({**dict.fromkeys("╭╮╰╯│", " "), "─": "-"})
_KINDS = {"INT": "a whole number", "FLOAT": "a number", "PATH": "a path", "BOOL": "True or False"}
_NO_TYPE = re.compile(r"no type matching (?P<kinds>\S+) could be instantiated from \['(?P<given>.*?)'\]")
_NO_NUMBER = re.compile(r"(?:invalid literal for int.*|could not convert string to float): '(?P<given>.*)'")
_NO_CHOICE = re.compile(r"invalid choice '(.*?)' for argument '(.*?)'. Expected one of \((.*?),?\)")
_QUOTE = "'"
_OPTION = re.compile(r"--[\w.-]+")


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
    given = message.removeprefix("Unrecognized options: ").split(",")[0].split(" ")[0]
    near = next((found[0] for line in hints if (found := _OPTION.match(line.strip())) is not None), None)
    return f"{given}: there is no such option" + (f"; did you mean {near}?" if near else "")


def _required(lines: list[str]) -> list[str]:
    """The names that are missing: they are set in by four blanks, their help by eight."""
    return [line.strip() for line in lines if re.match(r" {4}\S", line)]


def _plain(problem: str) -> str:
    if (found := _NO_TYPE.search(problem)) is not None:
        kinds = [_KINDS.get(kind, kind) for kind in found["kinds"].split("|") if kind != "{None}"]
        return f"{found['given']!r} is not {' or '.join(kinds)}"
    if (found := _NO_NUMBER.search(problem)) is not None:
        return f"{found['given']!r} is not a number"
    return problem
