"""The picture of docs/study.md: what raters of a study see, on a desk and on a phone.

    python -m benchmarks.study_pages STUDY --out docs/images/study.webp

STUDY is a folder that `diorama study new` made. It is served from a copy, so that nothing of it changes, and its pages
are taken by a headless Chromium. The third trial is shown, behind the practice.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.study_load import Server
from PIL import Image

DESK, PHONE = (1180, 664), (390, 664)
_BEFORE = 2
_GAP = 16
_GREY = (128, 128, 128)


def shots(link: str, browser: Any, size: tuple[int, int], *, phone: bool) -> list[Image.Image]:
    """A rater's first page, and a trial."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if phone else "light",
        has_touch=phone,
        is_mobile=phone,
    )
    page = context.new_page()
    page.goto(link)
    taken = [_shot(page)]
    page.get_by_role("button", name="I agree").click()
    enabled = page.locator("button[data-choice]:enabled").first
    for i in range(_BEFORE):
        enabled.wait_for()
        page.keyboard.press("ArrowLeft")
        page.get_by_text(f"{i + 2} of ").wait_for()
    enabled.wait_for()
    page.wait_for_load_state("networkidle")
    taken.append(_shot(page))
    context.close()
    return taken


def _shot(page: Any) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one height beside each other."""
    width = sum(one.width for one in pictures) + _GAP * (len(pictures) - 1)
    whole = Image.new("RGB", (width, pictures[0].height), _GREY)
    left = 0
    for one in pictures:
        whole.paste(one, (left, 0))
        left += one.width + _GAP
    return whole


def main() -> None:
    """Write the picture."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        study = Path(folder) / "study"
        shutil.copytree(arguments.study, study, ignore=shutil.ignore_patterns("answers.sqlite*"))
        server = Server(study, None)
        try:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            on_desk, on_phone = server.links(2)
            desk, phone = shots(on_desk, browser, DESK, phone=False), shots(on_phone, browser, PHONE, phone=True)
            browser.close()
        finally:
            server.kill()
    sheet([desk[1], phone[0], phone[1]]).save(arguments.out, "WEBP", quality=82, method=6)
    print(arguments.out)


if __name__ == "__main__":
    main()
