"""The program: finds the command, runs it, and turns what went wrong into a message and an exit code."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from io import TextIOWrapper
from keyword import iskeyword

from diorama import __version__
from diorama.core.errors import DioramaError, DioramaWarning, WrongValue
from diorama.core.suggestions import did_you_mean

DONE, NOTHING_DONE, WRONG, INTERRUPTED = 0, 1, 2, 130
_PATIENCE = 10.0
"""Seconds that one of several processes waits for the first one to say what went wrong."""

COMMANDS = {
    "prepare": "check, resize, split and pack pictures or clips",
    "train": "train a recipe on data, or continue an interrupted run",
    "distill": "train a model of one or two steps from a trained diffusion or flow model",
    "sample": "draw pictures or clips from a trained model",
    "inpaint": "draw what a mask marks in given pictures",
    "morph": "draw a film that goes from sample to sample",
    "mix": "draw a sheet of pictures with coarse styles of some samples and fine styles of others",
    "edit": "edit samples or given pictures by moving styles of a StyleGAN",
    "vary": "draw other pictures like given ones",
    "upscale": "draw larger pictures of given small ones",
    "translate": "make other pictures of given ones, as large as they are",
    "colour": "draw the colours of given grey pictures",
    "reconstruct": "draw given pictures again from a simulated measurement of them, and compare",
    "anomaly": "show what of given pictures a model would draw otherwise",
    "evaluate": "measure samples or a model against real data",
    "compare": "train several recipes under one budget and write the report",
    "study design": "write a study's design on a page in the browser",
    "study new": "make a human study of pictures or clips, and say its power",
    "study serve": "serve a study to its raters",
    "study bundle": "write a study as pages that need no server",
    "study export": "write a study's answers as CSV or JSON",
    "study analyse": "say what people judged, of a study's answers or of a published table",
    "recipes": "list the recipes",
    "import": "make a model of a published checkpoint",
    "export": "write a model in a published layout or as ONNX, or data as a StyleGAN zip",
    "average": "make a model of a run with another average of its weights",
    "describe": "say what a model, run, report or data set is",
    "runs": "list the runs below a folder, or remove some",
    "cite": "print the BibTeX of recipes",
    "completion": "print the script that completes commands and options in bash, zsh or fish",
    "demo": "train four small generators on the built-in world and write the report",
}


def main(words: Sequence[str] | None = None) -> None:
    """Run ``diorama WORDS`` and exit: 0 done, 1 nothing could be done, 2 wrong arguments, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        # Names that the terminal's encoding cannot show are no reason to fail.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = _in_short(warnings.formatwarning)
    sys.exit(run(sys.argv[1:] if words is None else words))


def run(words: Sequence[str]) -> int:
    """Run ``diorama WORDS``.

    Args:
        words: what follows the program's name.

    Returns:
        The exit code.
    """
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return DONE if words else WRONG
    if words[0] in ("--version", "-V"):
        print(f"diorama {__version__}")
        return DONE
    for count in (2, 1):
        command = " ".join(words[:count])
        if command in COMMANDS:
            return _run_command(command, words[count:])
    return _without_command(words)


def commands_of(group: str) -> list[str]:
    """The second words of the commands that begin with a word; none where that word is a command of its own."""
    return [name.removeprefix(f"{group} ") for name in COMMANDS if name.startswith(f"{group} ")]


def _without_command(words: Sequence[str]) -> int:
    group, known = words[0], commands_of(words[0])
    if not known:
        _complain(f"there is no command {group!r}{did_you_mean(group, COMMANDS)}")
        print(usage(), file=sys.stderr)
        return WRONG
    if {"-h", "--help"} & set(words[1:2]):
        print(f"usage: diorama {group} COMMAND …\n\ncommands:\n{_rows([f'{group} {name}' for name in known])}")
        return DONE
    what = f"{' '.join(words[:2])!r}{did_you_mean(words[1], known)}" if len(words) > 1 else f"{group!r} alone"
    _complain(f"there is no command {what}; there are {', '.join(f'{group} {name}' for name in known)}")
    return WRONG


def _rows(names: Iterable[str]) -> str:
    return "\n".join(f"  {name:<13} {COMMANDS[name]}" for name in names)


def usage() -> str:
    """The top-level help."""
    rows = _rows(COMMANDS)
    return (
        "usage: diorama COMMAND …\n\n"
        "Train, measure and ship generators of images and video.\n\n"
        f"commands:\n{rows}\n\n"
        "`diorama COMMAND --help` shows a command's options; --config FILE.toml reads them from a file.\n"
        "`diorama --version` prints the version; `diorama completion` makes a shell complete commands and options."
    )


def module_of(command: str) -> str:
    """The module of a command; that of ``study new`` is in ``study_new.py``."""
    # A word of Python's own cannot name a module that is imported like any other: `import` is in import_.py.
    return f"diorama.cli.{command}_" if iskeyword(command) else f"diorama.cli.{command.replace(' ', '_')}"


def _run_command(command: str, words: Sequence[str]) -> int:
    # Only the chosen command is imported, so that help and listings never wait for torch.
    from diorama.cli.arguments import WrongArguments

    try:
        import_module(module_of(command)).main(words)
    except (WrongArguments, WrongValue) as problem:
        _complain(str(problem))
        return WRONG
    except DioramaError as problem:
        _complain(str(problem))
        return NOTHING_DONE
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has seen enough; its end must not be written to again at exit.
        sys.stdout = None
        return DONE
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        _complain(f"{where}{problem.strerror or problem}")
        return NOTHING_DONE
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE
    return DONE


def _in_short(usual: Callable[..., str]) -> Callable[..., str]:
    """Our own warnings as a line of ours, without the place in the code that they come from."""

    def formatted(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
    ) -> str:
        if issubclass(category, DioramaWarning):
            return f"diorama: {message}\n"
        return usual(message, category, filename, lineno, line)

    return formatted


def _complain(message: str) -> None:
    # Read here: the module that knows of processes loads PyTorch, which takes seconds.
    if (os.environ.get("LOCAL_RANK") or "0") != "0":
        # torchrun ends all processes soon after one has failed. What the first one says as well is then said once, and
        # what went wrong in this one alone is said in the end.
        time.sleep(_PATIENCE)
    print(f"diorama: {message}", file=sys.stderr)
