"""``diorama completion``: scripts that make shells complete commands, options, recipes and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Literal

import tyro

from diorama.cli.arguments import parse
from diorama.cli.config_file import FLAG
from diorama.cli.main import COMMANDS, commands_of, module_of
from diorama.cli.options import Option, options_of
from diorama.recipes import catalog

_OF_RECIPES = ("train", "cite")
"""Commands whose words of their own are recipes."""

_COMMON = ("--help", FLAG)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Print the script that completes commands, options, recipes and files.

    For bash put `eval "$(diorama completion bash)"` into ~/.bashrc, for zsh `eval "$(diorama completion zsh)"` into
    ~/.zshrc behind compinit, for fish `diorama completion fish | source` into ~/.config/fish/config.fish. Options
    that are values of a recipe are many and differ: `diorama train RECIPE --help` lists them; those that all recipes
    have are completed.

    Args:
        shell: that the script is for.
    """

    shell: Annotated[Literal["bash", "zsh", "fish"], tyro.conf.Positional, tyro.conf.arg(metavar="bash|zsh|fish")]


def main(words: Sequence[str]) -> None:
    """Print the script."""
    shell = parse(Arguments, "completion", words).shell
    commands = {name: options_of(import_module(module_of(name)).Arguments) for name in COMMANDS}
    write = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    print(write(commands, _values_of_recipes()))


def _values_of_recipes() -> list[str]:
    """Values that every recipe has, and that may be given like options."""
    from dataclasses import fields

    from diorama.training.recipe import EvaluationConfig, Recipe

    structure = ("name", "method", "optimizers", "images", "averages", "evaluation", "frozen")
    plain = [field.name for field in fields(Recipe) if field.name not in structure]
    return [name.replace("_", "-") for name in (*plain, *(f"evaluation.{f.name}" for f in fields(EvaluationConfig)))]


def _flags(command: str, options: Sequence[Option], values: Sequence[str]) -> list[str]:
    """The words beginning with dashes that a command takes."""
    own = [option.flag for option in options if not option.positional]
    return list(dict.fromkeys((*own, *(f"--{value}" for value in values if command == "train"), *_COMMON)))


def _words(command: str, options: Sequence[Option]) -> list[str]:
    """The words of its own that a command takes, where they can be listed."""
    if command in _OF_RECIPES:
        return catalog.names()
    return [choice for option in options if option.positional for choice in option.choices]


def _choices(options: Sequence[Option]) -> dict[str, tuple[str, ...]]:
    """What an option that has few values may be."""
    named = {option.flag: option.choices for option in options if option.choices and not option.positional}
    if any(option.flag == "--recipes" for option in options):
        named["--recipes"] = tuple(catalog.names())
    return named


def _first_words() -> dict[str, list[str]]:
    """The first word of every command, and the second words that may follow it."""
    return {name.partition(" ")[0]: commands_of(name.partition(" ")[0]) for name in COMMANDS}


def _bash(commands: Mapping[str, Sequence[Option]], values: Sequence[str]) -> str:
    flags = "\n".join(
        f'        "{name}") words="{" ".join(_words(name, o))}"; flags="{" ".join(_flags(name, o, values))}" ;;'
        for name, o in commands.items()
    )
    choices = "\n".join(
        f'        "{name} {flag}") choices="{" ".join(known)}" ;;'
        for name, o in commands.items()
        for flag, known in _choices(o).items()
    )
    firsts = _first_words()
    groups = "\n".join(f'        {first}) seconds="{" ".join(known)}" ;;' for first, known in firsts.items() if known)
    return f"""_diorama() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD - 1]}}" command="${{COMP_WORDS[1]}}"
    local words="" flags="" choices="" seconds=""
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{" ".join(firsts)} --help --version" -- "$word"))
        return
    fi
    case "$command" in
{groups}
    esac
    if [ -n "$seconds" ]; then
        if [ "$COMP_CWORD" -eq 2 ]; then
            COMPREPLY=($(compgen -W "$seconds --help" -- "$word"))
            return
        fi
        command="$command ${{COMP_WORDS[2]}}"
    fi
    case "$command" in
{flags}
    esac
    case "$command $before" in
{choices}
    esac
    if [ -n "$choices" ]; then
        COMPREPLY=($(compgen -W "$choices" -- "$word"))
    elif [ "${{word#-}}" != "$word" ]; then
        COMPREPLY=($(compgen -W "$flags" -- "$word"))
    elif [ -n "$words" ] && [ "${{before#--}}" = "$before" ]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    fi
}}
complete -o default -F _diorama diorama"""


def _zsh(commands: Mapping[str, Sequence[Option]], values: Sequence[str]) -> str:
    # zsh runs bash's functions through a bridge of its own.
    return f"autoload -U +X bashcompinit && bashcompinit\n{_bash(commands, values)}"


def _fish(commands: Mapping[str, Sequence[Option]], values: Sequence[str]) -> str:
    lines = []
    for first, seconds in _first_words().items():
        about = COMMANDS.get(first, f"{first} {', '.join(seconds)}")
        lines.append(f"complete -c diorama -n __fish_use_subcommand -f -a {first} -d {_quoted(about)}")
        for second in seconds:
            said = _quoted(COMMANDS[f"{first} {second}"])
            lines.append(f"complete -c diorama -n '__fish_seen_subcommand_from {first}' -f -a {second} -d {said}")
    for name, options in commands.items():
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in name.split())
        here = f"complete -c diorama -n '{seen}'"
        known, named = _choices(options), {option.flag: option for option in options}
        if words := _words(name, options):
            lines.append(f"{here} -a '{' '.join(words)}'")
        for flag in _flags(name, options, values):
            option = named.get(flag)
            takes = "" if (option is not None and option.switch) or flag == "--help" else " -r"
            chosen = f" -f -a '{' '.join(known[flag])}'" if flag in known else ""
            said = f" -d {_quoted(option.about)}" if option is not None and option.about else ""
            lines.append(f"{here} -l {flag.removeprefix('--')}{takes}{chosen}{said}")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """A text as fish reads it in single quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
