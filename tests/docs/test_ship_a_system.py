"""What the page says of systems that ship, done to a copy of the package, makes a recipe that ships."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import Block, blocks_of
from tests.docs.conftest import Workshop
from tests.docs.shipping import copy_package, join_union, module_of, parts_of
from tests.docs.test_pages import ROOT
from tests.house.test_floors import breaches

PAGE = ROOT / "docs" / "add-a-system.md"
NETWORKS = "diorama.networks.adversarial.wgan_gp"
METHOD = "diorama.methods.adversarial.wgan_gp"
RECIPE = "diorama.recipes.wgan_gp"
MOVED = {"ResidualGeneratorConfig": NETWORKS, "ResidualCriticConfig": NETWORKS, "WGANGPConfig": METHOD}
MOVED |= {"ResidualGenerator": NETWORKS, "ResidualCritic": NETWORKS}

PROGRAM = """
import sys
from diorama.cli.main import run
assert run(["recipes"]) == run(["cite", "wgan_gp"]) == 0
assert "torch" not in sys.modules
narrow = "--method.generator.width 8 --method.critic.width 8 --batch-size 16 --log-every 16 --evaluation.samples 0"
words = "train wgan_gp --data prepared --out run --device cpu --images".split()
for images in ("32", "64"):  # the second call continues the first
    assert run([*words, images, *narrow.split()]) == 0
assert run("sample run --count 4 --out drawn".split()) == 0
"""


def block(title: str) -> Block:
    (found,) = [block for block in blocks_of(PAGE) if block.title == title]
    return found


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def ship(source: Path) -> list[Path]:
    """Do what the section says to a copy of the package; the new files, relative to it."""
    package = source / "diorama"
    head, parts = parts_of(block("my_wgan.py").text)
    for module, part in ((NETWORKS, parts[1]), (METHOD, parts[2]), (RECIPE, parts[4])):
        write(source / f"{module.replace('.', '/')}.py", module_of(part, head, MOVED))
    (family,) = [block for block in blocks_of(PAGE) if block.title.startswith("src/")]
    write(source.parent / family.title, family.text)
    # The lines of the page's table and of its diff.
    join_union(package / "networks" / "catalog.py", "Generator", NETWORKS, "ResidualGeneratorConfig")
    join_union(package / "networks" / "catalog.py", "Discriminator", NETWORKS, "ResidualCriticConfig")
    join_union(package / "methods" / "catalog.py", "AnyMethod", METHOD, "WGANGPConfig")
    added = re.search(r"```diff\n\+(.*)\n (.*)\n\+(.*)\n```", PAGE.read_text(encoding="utf-8"))
    assert added is not None
    catalog = package / "recipes" / "catalog.py"
    text = catalog.read_text(encoding="utf-8")
    assert f"\n{added[2]}\n" in text
    text = text.replace(f"\n{added[2]}\n", f"\n{added[2]}\n{added[3]}\n")
    write(catalog, text.replace("\nfrom diorama", f"\n{added[1]}\nfrom diorama", 1))
    new = [source / f"{module.replace('.', '/')}.py" for module in (NETWORKS, METHOD, RECIPE)]
    return [path.relative_to(package) for path in (*new, source.parent / family.title)]


def test_a_shipped_system_is_new_files_and_lines_in_catalogs(workshop: Workshop) -> None:
    place = workshop("prepared")
    source = copy_package(place / "src")
    for path in ship(source):
        tree = ast.parse((source / "diorama" / path).read_text(encoding="utf-8"))
        assert list(breaches(path, tree)) == [], "a new file stands in a room that is too low"
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "residual GAN with a smooth critic (Gulrajani et al., NeurIPS 2017)" in done.stdout
    assert "@inproceedings{gulrajani2017wgangp," in done.stdout
    assert len(list((place / "drawn").glob("*.png"))) == 4


def test_the_entry_of_the_file_and_of_the_family_say_the_same() -> None:
    own, family = (
        next(n for n in ast.parse(text).body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "WGAN_GP")
        for text in (block("my_wgan.py").text, block("src/diorama/recipes/entries/wasserstein.py").text)
    )
    assert ast.unparse(own) == ast.unparse(family)
