"""Every bash and Python block of the README and of the pages under ``docs/`` does what it says, on toy budgets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from diorama.methods.base import Phase
from diorama.recipes.catalog import names as recipe_names
from tests.conformance.__main__ import reached
from tests.conformance.case import golden_folder
from tests.conformance.runner import table
from tests.docs.blocks import Block, blocks_of
from tests.docs.conftest import Workshop, succeed
from tests.docs.shrink import shrink, shrink_python, shrink_toml
from tests.together import launch

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))

BEGIN_WITH = {
    "README.md": ("photos",),
    "docs/checkpoints.md": (
        "netG.pth",
        "both.pth",
        "mocogan.pth",
        "mocogan.json",
        "ddpm-pipeline",
        "stylegan2-cifar10.pkl",
        "stylegan3-faces.pkl",
    ),
    "docs/compare.md": ("prepared", "runs/first", "samples"),
    "docs/denoisers.md": ("runs/first",),
    "docs/edit.md": ("photos", "runs/first", "runs/labelled", "samples"),
    # Baselines without a model take a second for each picture.
    "docs/reconstruct.md": ("runs/first", "two-samples=samples"),
    "docs/walk.md": ("runs/first",),
    "docs/evaluate.md": ("photos", "prepared", "runs/first", "samples"),
    "docs/formats.md": ("samples",),
    "docs/latents-and-text.md": ("photos", "captions.csv"),
    "docs/measuring.md": ("prepared", "samples"),
    "docs/prepare.md": ("photos", "more-photos", "clips", "photos.csv"),
    "docs/python.md": ("photos", "prepared", "runs/first", "runs/labelled", "samples"),
    "docs/sample.md": ("runs/first", "runs/labelled"),
    "docs/study.md": ("prepared", "runs/first", "samples=edm", "samples=ddpm", "samples=stylegan2"),
    "docs/study-analyse.md": ("prepared", "samples"),
    "docs/train.md": ("prepared", "more-prepared"),
    "docs/tutorial.md": (),
    "docs/world.md": (),
}
"""What lies there when a reader comes to the page."""

EXCERPTS = ("docs/house.md",)
"""Pages whose Python shows code of the package; nothing of it is to be typed."""

LONG = (
    "README.md",
    "docs/compare.md",
    "docs/latents-and-text.md",
    "docs/python.md",
    "docs/reconstruct.md",
    "docs/sample.md",
    "docs/study.md",
    "docs/train.md",
    "docs/tutorial.md",
)
"""Pages that train several times, compare, or draw again and again."""


def test_every_page_with_blocks_is_run() -> None:
    with_blocks = {page for page in (*PAGES, "README.md") if blocks_of(ROOT / page)}
    assert with_blocks == {*BEGIN_WITH, *EXCERPTS, "docs/add-a-system.md", "docs/add-a-flow.md"}


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.slow if page in LONG else ()) for page in sorted(BEGIN_WITH)]
)
def test_a_page_runs(page: str, workshop: Workshop) -> None:
    place = workshop(*BEGIN_WITH[page])
    run_page(page, place)


def run_page(page: str, place: Path, *, overrides: tuple[str, ...] = ()) -> None:
    """Run a page's blocks in order in the current folder; ``overrides`` are added to its ``diorama train``."""
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks_of(ROOT / page):
        if block.is_file:
            (place / block.title).parent.mkdir(parents=True, exist_ok=True)
            text = shrink_toml(block.text) if block.language == "toml" else block.text
            (place / block.title).write_text(text, encoding="utf-8")
        elif block.language == "python":
            # Blank lines in front make the lines of a traceback those of the page.
            source = "\n" * block.line + shrink_python(block.text)
            exec(compile(source, page, "exec"), names)
        else:
            _run_commands(block, overrides)


def _run_commands(block: Block, overrides: tuple[str, ...]) -> None:
    for words in block.commands():
        if words[0] == "diorama":
            more = overrides if words[1] == "train" else ()
            succeed(*shrink(words[1:]), *more)
        elif words[0] == "torchrun":
            _run_torchrun(words[1:])
        else:
            pytest.fail(f"line {block.line}: {words[0]!r} is no command that a page may show as bash")


def _run_torchrun(words: list[str]) -> None:
    place = words.index("diorama") + 1
    if "--sharded" in words:
        # Another command shows that the launcher itself starts what it is given.
        number = int(words[words.index("--nproc-per-node") + 1])
        for worker in launch(number, _succeed_at, Path.cwd(), shrink(words[place:])):
            assert worker.ended() == 0, worker.told()
        return
    launched = [sys.executable, "-m", "torch.distributed.run", "--standalone", *words[:place], *shrink(words[place:])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(launched, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr


def _succeed_at(place: Path, words: list[str]) -> None:
    os.chdir(place)
    succeed(*words)


def test_make_targets_of_the_readme_exist() -> None:
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", rules, re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        shown = re.findall(r"(?:^|`)make ((?:[a-z][a-z-]*(?: |$|`))+)", text, re.MULTILINE)
        named = {target for group in shown for target in group.strip("` ").split()}
        assert named, f"{page} shows no make command"
        assert named <= targets, f"{page} names targets that the Makefile lacks: {sorted(named - targets)}"


def test_the_systems_of_the_readme_are_the_recipes_that_are_listed() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Systems")[2].partition("## ")[0]
    columns = [line.split("|")[3] for line in text.splitlines() if line.startswith("| ")]
    shown = [name for column in columns for name in re.findall(r"`(\w+)`", column)]
    assert sorted(shown) == sorted(recipe_names())


def test_the_navigation_holds_every_page() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = set(re.findall(r"[\w-]+\.md", str(config["nav"])))
    assert listed == {Path(page).name for page in PAGES}


def test_the_reference_names_modules_that_exist() -> None:
    from importlib import import_module

    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    shown = re.findall(r"^::: (\S+)\n(?:    options: \{members: \[([^\]]*)\]\})?", text, re.MULTILINE)
    assert shown
    for module, members in shown:
        for member in filter(None, members.split(", ")):
            assert hasattr(import_module(module), member), f"{module} has no {member}"


def test_the_house_shows_the_phase_that_exists() -> None:
    (block,) = [b for b in blocks_of(ROOT / "docs" / "house.md") if "class Phase" in b.text]
    shown = re.findall(r"^    (\w+): ", block.text, re.MULTILINE)
    assert shown == list(Phase.__dataclass_fields__)


def test_the_table_of_conformance_has_the_systems_and_cases_that_are_reached() -> None:
    if not golden_folder().is_dir():
        pytest.skip("no golden files: set DIORAMA_GOLDEN to their folder")
    # Errors differ in their last digits from processor to processor, and are held case by case by the golden tests.
    counted = table((adapter.system, 0.0) for _, _, adapter in reached(golden_folder()))
    printed, shown = (
        re.findall(r"^\| ([^|]+) \| (\d+) \| \d", text, re.MULTILINE)
        for text in (counted, (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8"))
    )
    assert shown == printed
