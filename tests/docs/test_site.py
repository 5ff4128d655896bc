"""README and docs hold together: links and their anchors, pictures and what is said of them, and the site builds."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.docs.test_pages import PAGES, ROOT

SHOWN = ["README.md", "CONTRIBUTING.md", *PAGES]
PICTURE_BYTES = 450_000


def text_of(page: Path) -> str:
    """A page without what is not shown as text: comments, fenced blocks, code."""
    text = page.read_text(encoding="utf-8")
    for hidden in (r"<!--.*?-->", r"^```.*?^```", r"`[^`\n]*`"):
        text = re.sub(hidden, "", text, flags=re.DOTALL | re.MULTILINE)
    return text


def links_of(page: Path) -> list[tuple[str, str]]:
    """The file and the anchor, either of which may be empty, of every link that leads to no other site."""
    links = re.findall(r"\]\(([^)\s]*?)(?:#([^)\s]*))?\)", text_of(page))
    return [(file, anchor) for file, anchor in links if "://" not in file]


def anchors_of(page: Path) -> set[str]:
    """What links may lead to within a page: its headings, and the modules that a reference page documents."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {slug(heading) for heading in headings} | set(re.findall(r"^::: (\S+)$", text, re.MULTILINE))


def slug(heading: str) -> str:
    """The anchor that both the site and code hosts give to a heading."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


@pytest.mark.parametrize("page", SHOWN)
def test_links_lead_somewhere(page: str) -> None:
    source = ROOT / page
    for file, anchor in links_of(source):
        target = (source.parent / file) if file else source
        assert target.exists(), f"{page} links to {file}"
        if anchor:
            assert anchor in anchors_of(target), f"{page} links to {file}#{anchor}"


@pytest.mark.parametrize("page", PAGES)
def test_links_of_the_site_stay_within_it(page: str) -> None:
    source = ROOT / page
    out = [file for file, _ in links_of(source) if not (source.parent / file).resolve().is_relative_to(ROOT / "docs")]
    assert out == []


@pytest.mark.parametrize("page", SHOWN)
def test_pictures_are_described_and_never_enlarged(page: str) -> None:
    source = ROOT / page
    for words, file, attributes in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)(\{[^}]*\})?", text_of(source)):
        assert len(words.split()) >= 4, f"{page} says too little of {file}"
        width = re.search(r"width=\"?(\d+)", attributes)
        with Image.open(source.parent / file) as picture:
            assert width is None or int(width[1]) <= picture.width


def test_every_picture_is_shown_and_all_are_small() -> None:
    shown = {(ROOT / page).parent / file for page in SHOWN for file, _ in links_of(ROOT / page)}
    pictures = set((ROOT / "docs" / "images").iterdir())
    assert pictures <= shown
    assert all(picture.stat().st_size <= PICTURE_BYTES for picture in pictures)


def test_the_site_builds_without_complaint(tmp_path: Path) -> None:
    zensical = shutil.which("zensical", path=str(Path(sys.executable).parent))
    if zensical is None:
        pytest.skip("zensical is not installed: the extra docs brings it")
    for name in ("docs", "src"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    words = [zensical, "build", "--strict"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in PAGES:
        name = Path(page).stem
        built = tmp_path / "site" / ("" if name == "index" else name) / "index.html"
        assert built.is_file(), f"{page} is not in the site"
