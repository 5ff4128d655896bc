"""From a documented command to one that is over in a second.

Commands stay what they are; only what sets their length is changed: a shipped recipe becomes its namesake in
``toys.py``, and numbers of images, samples and seconds become small ones. Everything else is run as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from diorama.recipes import catalog
from tests.docs import toys

TOYS = Path(toys.__file__)
SAMPLES = 24
"""At most so many are drawn, and so many measured: a few more than metrics need."""

_SECONDS = 0.3


def shrink(words: Sequence[str]) -> list[str]:
    """The words of ``diorama …`` with toy recipes and budgets."""
    command, rest = words[0], list(words[1:])
    if command == "train":
        own = ":" in rest[0]
        rest[0] = _toy(rest[0])
        rest = _limited(rest, "--images", toys.IMAGES, missing=own)
        # A recipe of the page's own measures at its end what the toys leave out.
        return [command, *rest, *(["--evaluation.samples", str(SAMPLES)] if own else [])]
    if command == "distill":
        # The small recipes of its methods have no namesakes: they start from a toy, and measure nothing.
        return [command, *_limited(rest, "--images", toys.IMAGES, missing=True), "--evaluation.samples", "0"]
    if command == "compare":
        if "--recipes" in rest:
            place = rest.index("--recipes") + 1
            rest[place] = ",".join(_toy(name) for name in rest[place].split(","))
        if "--budget" in rest:
            place = rest.index("--budget") + 1
            rest[place] = f"{_SECONDS}s" if re.search(r"(s|min|h)$", rest[place]) else str(toys.IMAGES)
        return [command, *_limited(rest, "--count", SAMPLES, missing=True)]
    if command == "evaluate":
        return [command, *_limited(rest, "--count", SAMPLES, missing=True)]
    if command in ("reconstruct", "anomaly"):
        return [command, *_limited(rest, "--count", 2)]
    if command == "sample":
        return [command, *_limited(rest, "--count", SAMPLES)]
    if command == "study":
        return [command, *_limited(rest, "--items", SAMPLES)]
    return [command, *rest]


def shrink_python(text: str) -> str:
    """Python with toy recipes, short times, and a fifth of the thousands of scenes that a page draws."""
    text = re.sub(r"arange\((\d+)_000\)", lambda found: f"arange({int(found[1]) * 200})", text)
    text = re.sub(r"\[:(\d+)000\]", lambda found: f"[:{int(found[1]) * 200}]", text)
    text = re.sub(r"from diorama\.recipes\.\w+ import", "from tests.docs.toys import", text)
    return re.sub(r"seconds=\d+", f"seconds={_SECONDS}", text)


def shrink_toml(text: str) -> str:
    """A file of options with a toy recipe and a short length."""
    text = re.sub(r'^recipe = "(\w+)"', lambda found: f'recipe = "{_toy(found[1])}"', text, flags=re.MULTILINE)
    return re.sub(r"^images = .*", f"images = {toys.IMAGES}", text, flags=re.MULTILINE)


def _toy(name: str) -> str:
    return f"{TOYS}:{name}" if catalog.find(name) is not None else name


def _limited(words: list[str], option: str, most: int, *, missing: bool = False) -> list[str]:
    """``option`` with at most ``most``; added where it is ``missing`` and would mean a larger number."""
    if option not in words:
        return [*words, option, str(most)] if missing else words
    place = words.index(option) + 1
    number = int(re.sub(r"k$", "000", words[place]).replace("M", "000000"))
    return [*words[:place], str(min(number, most)), *words[place + 1 :]]
