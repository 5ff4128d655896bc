"""The report in a real browser: nothing is fetched, nothing overflows a phone, clips play."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diorama.comparison.report import write_report
from tests.comparison.examples import CLIPS, IMAGES, comparison

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as driver, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([comparison(IMAGES), comparison(CLIPS)], tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_fits_a_phone_and_fetches_nothing(browser: Any, report: Path, scheme: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.goto(report.as_uri())
    page.wait_for_load_state("load")
    assert [url for url in asked if not url.startswith(("data:", report.as_uri()))] == []
    assert problems == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    smallest = "Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))"
    assert page.evaluate(smallest) >= 8
    page.close()


def test_light_and_dark_differ_in_paper_and_ink(browser: Any, report: Path) -> None:
    seen = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(report.as_uri())
        style = "(([b]) => [getComputedStyle(b).backgroundColor, getComputedStyle(b).color])([document.body])"
        seen.append(page.evaluate(style))
        page.close()
    assert seen[0] != seen[1]


def test_clips_play_by_themselves_when_they_come_into_view(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(report.as_uri())
    clips = page.locator("video")
    assert clips.count() >= 4
    clips.first.scroll_into_view_if_needed()
    # Polled from here, since the page's own content policy forbids to evaluate anything inside it.
    playing = "(v => !v.paused && v.currentTime > 0)(document.querySelector('video'))"
    deadline = time.monotonic() + 10
    while not page.evaluate(playing) and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert page.evaluate(playing)
    page.close()


def test_every_picture_has_words_for_those_who_cannot_see_it(browser: Any, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    assert page.locator("img:not([alt]), video:not([aria-label])").count() == 0
    page.close()
