"""The audit's page: everything in one file, long lists folded, legible on a phone, in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diorama.media.video import write_video
from tests.data.pictures import picture, prepared, save


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a set with many classes, sizes, leaks, duplicates, and much that is skipped."""
    folder = tmp_path_factory.mktemp("audited")
    for number in range(90):
        split = "train" if number % 3 else "test"
        label = f"class {number % 30} of a set with a rather_long_name_that_cannot_be_broken_anywhere"
        save(picture(number, (20 + number % 7, 24 + number % 5)), folder / "in" / split / label / f"{number}.png")
    save(picture(0, (20, 24)), folder / "in" / "train" / "class 1" / "again.png")
    for number in range(12):
        (folder / "in" / f"{number}.txt").write_text("no picture")
    prepared(folder / "in", folder / "out", size=32)
    return folder / "out" / "audit.html"


def test_long_lists_are_folded_and_advice_is_given(audited: Path) -> None:
    text = audited.read_text(encoding="utf-8")
    assert "All 31 classes" in text
    assert "<b>12</b> not a picture, clip or array" in text
    assert "No val split" in text
    assert "<code>--split .9,.1,0</code>" in text
    assert re.search(r"1 leak</h3>.*--group COLUMN", text)
    assert text.count('<figure class="columns">') == 2
    assert "<script" not in text


def test_every_thumbnail_has_a_label_and_words_for_those_who_cannot_see_it(audited: Path) -> None:
    text = audited.read_text(encoding="utf-8")
    shots = re.findall(r'<figure title="([^"]*)"><img [^>]*alt="([^"]*)"[^>]*><figcaption>([^<]*)</figcaption>', text)
    assert len(shots) == text.count("<img")
    for title, alt, caption in shots:
        assert title == alt
        assert caption in title or caption in ("train", "test")


def test_a_thumbnail_keeps_the_shape_of_its_record_and_has_no_frame(tmp_path: Path) -> None:
    for number in range(4):
        save(picture(number, (20, 40)), tmp_path / "in" / f"{number}.png")
    prepared(tmp_path / "in", tmp_path / "out", size=None)
    text = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    # Twice as large, since whole multiples up to 96 pixels keep the pixels sharp.
    assert set(re.findall(r'width="(\d+)" height="(\d+)"', text)) == {("80", "40")}


def test_clips_are_shown_by_frames_with_nothing_but_air_between_them(tmp_path: Path) -> None:
    frames = np.stack([picture(number, (32, 32)) for number in range(16)])
    for number in range(4):
        path = tmp_path / "in" / f"{number}.mp4"
        path.parent.mkdir(exist_ok=True)
        write_video(path, np.roll(frames, 4 * number, axis=0), fps=8.0)
    prepared(tmp_path / "in", tmp_path / "out", size=32)
    text = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert set(re.findall(r'width="(\d+)" height="(\d+)"', text)) == {(str(4 * 64 + 3 * 2), "64")}
    assert "clips by split" in text.lower()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_phone_and_desk_and_fetches_nothing(browser: Any, audited: Path, scheme: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme, java_script_enabled=True)
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.goto(audited.as_uri())
    page.wait_for_load_state("load")
    assert [url for url in asked if not url.startswith(("data:", audited.as_uri()))] == []
    assert problems == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    used = "Math.max(...[...document.querySelectorAll('main > *')].map(e => e.getBoundingClientRect().right))"
    assert page.evaluate(used) > 0.9 * width
    page.close()


def test_no_picture_of_the_page_has_a_white_frame(audited: Path) -> None:
    import base64
    import io

    for data in re.findall(r"data:image/png;base64,([^\"]+)", audited.read_text(encoding="utf-8")):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert not (edge == 255).all()
