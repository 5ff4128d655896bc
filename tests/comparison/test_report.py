"""The report says what the numbers allow, shows what may be shown, and is one file."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pytest

from diorama.comparison import sections
from diorama.comparison.columns import Column, Comparison, TrainingHistory
from diorama.comparison.report import write_report
from diorama.comparison.verdict import best, starred, verdict
from diorama.comparison.words import title
from diorama.core.references import Reference
from diorama.media.stamp import read_stamp
from diorama.recipes.catalog import find
from diorama.recipes.entry import RecipeEntry
from tests.comparison.examples import CLIPS, IMAGES, comparison, result


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([comparison(IMAGES), comparison(CLIPS)], tmp_path_factory.mktemp("report"), seed=3)


def embedded(html: str, alt: str, folder: Path) -> Path:
    """The file behind the first picture or clip of that description."""
    found = re.search(rf'src="data:(image|video)/(\w+);base64,([^"]+)" (?:alt|aria-label)="{re.escape(alt)}"', html)
    assert found, alt
    path = folder / f"embedded.{found[2]}"
    path.write_bytes(base64.b64decode(found[3]))
    return path


def test_the_page_shows_every_part(report: Path) -> None:
    html = report.read_text()
    parts = (
        "What they draw",
        "How they score",
        "From noise to sample",
        "From one seed to the next",
        "Closest training",
        "What they cost",
        "Training",
        "How it was measured",
    )
    assert all(part in html for part in parts)
    assert html.count('id="set') == 2
    assert "my &lt;own&gt; model" in html
    assert "<own>" not in html
    facts = ("29 November 2026, 04:40 UTC", "2 trained here, 1 known by samples", "2,000 train records")
    assert all(fact in html for fact in facts)
    command = re.search(r'<p class="command"><code>(.*?)</code>', html)
    assert command is not None
    assert re.sub(r"</?span>", "", command[1]) == "diorama compare --data &lt;mine&gt; --out report"
    assert "@inproceedings{radford2016dcgan," in html


def test_the_page_asks_for_nothing_from_elsewhere(report: Path) -> None:
    html = report.read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    assert not re.findall(r"<script|@import|url\(", html)


def test_drawn_pictures_and_clips_say_so_and_real_ones_do_not(report: Path, tmp_path: Path) -> None:
    pictures, _, clips = report.read_text().partition('id="set1"')
    for html in (pictures, clips):
        stamp = read_stamp(embedded(html, "Samples of DCGAN (toy)", tmp_path))
        assert stamp is not None
        assert (stamp.model, stamp.seed, stamp.recipe) == ("12" * 32, 3, "dcgan_toy")
        for way in ("on the way from noise", "between two seeds"):
            walked = read_stamp(embedded(html, f"Samples of my &lt;own&gt; model {way}", tmp_path))
            assert walked is not None
        assert read_stamp(embedded(html, "Real training records", tmp_path)) is None
        assert read_stamp(embedded(html, "Nearest training records", tmp_path)) is None


def test_every_number_is_in_the_json(report: Path) -> None:
    numbers = json.loads((report.parent / "report.json").read_text())
    first = numbers["comparisons"][0]
    names = [model["name"] for model in first["models"]]
    assert names == [column.name for column in comparison().columns]
    scored = first["models"][0]["results"][0]
    assert (scored["metric"], scored["value"], scored["reference"]["count"]) == ("fd@lite", 11.0, 2_000)
    assert first["models"][0]["training"]["joules"] == 1_850.0
    assert first["models"][0]["samples_per_second"] == pytest.approx(625)
    assert first["nearest_training_records"]["dcgan_toy"]["rms_grey_levels"][0] == 12.0


def test_private_data_show_no_real_pictures(tmp_path: Path) -> None:
    html = write_report([comparison(real=False)], tmp_path).read_text()
    assert "Real training records" not in html
    assert "Nearest training records" not in html
    assert "smallest distance 12.0" in html


def test_the_verdict_follows_the_intervals() -> None:
    sentences = verdict(comparison())
    assert sentences[0] == "DCGAN (toy) comes closest to the data by fd@lite, clearly ahead of the other."
    assert sentences[1:] == [
        "Listed apart, since budgets differ or are unknown: peer (9.0).",
        "Every generator beats the Gaussian mixture.",
        "Every trained generator beats its untrained self.",
    ]


def test_the_verdict_names_who_does_not_beat_the_floor() -> None:
    whole = comparison()
    low_floor = [
        replace(c, results=(result("fd@lite", 12.0, 0.5),)) if c.kind == "mixture" else c for c in whole.columns
    ]
    sentences = verdict(replace(whole, columns=tuple(low_floor)))
    assert "DCGAN (toy) and my <own> model do not yet beat the Gaussian mixture." in sentences


def test_one_generator_alone_is_scored_and_not_ranked() -> None:
    alone = replace(comparison(), columns=comparison().columns[:1])
    assert verdict(alone) == ["DCGAN (toy) scores fd@lite 11.0."]


def test_a_clear_winner_is_called_one() -> None:
    whole = comparison()
    two = tuple(c for c in whole.columns if c.kind == "trained")
    assert verdict(replace(whole, columns=two))[0].endswith("clearly ahead of the other.")
    third = replace(two[1], name="third")
    assert verdict(replace(whole, columns=(*two, third)))[0].endswith("clearly ahead of the others.")


@pytest.mark.parametrize("kind", ["mixture", "untrained"])
def test_no_generator_is_called_closest_when_the_floor_is_closer(kind: str) -> None:
    whole = comparison()
    better = tuple(replace(c, results=(result("fd@lite", 5.0, 0.5),)) if c.kind == kind else c for c in whole.columns)
    sentence = verdict(replace(whole, columns=better))[0]
    assert sentence.startswith("No generator comes closer to the data by fd@lite than")
    assert ("than the Gaussian mixture." if kind == "mixture" else "untrained") in sentence


def test_a_training_that_ended_before_its_first_log_line_is_named(tmp_path: Path) -> None:
    whole = comparison()
    short = TrainingHistory(images=64, steps=1, seconds=2.0, joules=3.0)
    columns = [replace(c, history=short) if c.kind == "trained" else c for c in whole.columns]
    one = [columns[0], *whole.columns[1:]]
    said = "ended before a first line of the log"
    assert said not in write_report([whole], tmp_path / "all").read_text()
    assert (
        f"No curve of {escape(title(columns[0]))}: its training {said}"
        in write_report([replace(whole, columns=tuple(one))], tmp_path / "one").read_text()
    )
    both = write_report([replace(whole, columns=tuple(columns))], tmp_path / "none").read_text()
    assert f" and {escape(title(next(c for c in columns[1:] if c.kind == 'trained')))}: their trainings {said}" in both


@pytest.mark.parametrize(("there", "shown"), [(1, 1), (6, 6), (60, 56), (63, 56), (64, 64), (200, 64)])
def test_grids_have_whole_rows(there: int, shown: int) -> None:
    whole = comparison()
    pictures = np.zeros((there, 4, 4, 3), np.uint8)
    columns = [replace(column, pictures=pictures) for column in whole.columns]
    laid = sections.gallery(replace(whole, real=pictures, columns=tuple(columns)), seed=0)
    width, height = map(int, re.findall(r'width="(\d+)" height="(\d+)"', laid)[0])
    assert ((width - 1) // 5) * ((height - 1) // 5) == shown


def test_higher_is_better_where_the_metric_says_so() -> None:
    winner = best(comparison(), "precision@lite")
    assert winner is not None
    assert winner.name == "my <own> model"


def test_nothing_measured_still_makes_a_page(tmp_path: Path) -> None:
    bare = Comparison(data=comparison().data, budget="", device="CPU", columns=(Column(name="a", kind="loaded"),))
    assert verdict(bare) == []
    assert "<h1>Only a</h1>" in write_report([bare], tmp_path, title="Only a").read_text()


def test_columns_are_called_by_their_systems_and_runs_by_their_folders() -> None:
    dcgan, vae = find("dcgan_toy"), find("vae_toy")
    assert title(Column(name="dcgan_toy", kind="trained", recipe="dcgan_toy", entry=dcgan)) == "DCGAN (toy)"
    assert title(Column(name="run-7", kind="loaded", recipe="dcgan_toy", entry=dcgan)) == "run-7"
    untrained = Column(name="x", kind="untrained", recipe="vae_toy", entry=vae, trained_column="vae_toy")
    assert title(untrained) == "VAE (toy), untrained"
    assert title(replace(untrained, entry=None)) == "vae_toy, untrained"


def test_equals_share_no_star() -> None:
    whole = comparison()
    even = tuple(replace(c, results=(result("recall@lite", 0.0, 0.0),)) for c in whole.columns)
    assert best(replace(whole, columns=even), "recall@lite") is None


def test_a_generator_alone_gets_no_star(tmp_path: Path) -> None:
    whole = comparison()
    alone = replace(whole, columns=tuple(c for c in whole.columns if c.kind in ("mixture", "real") or c.name == "peer"))
    assert starred(whole, "fd@lite") is not None
    assert starred(alone, "fd@lite") is None
    html = write_report([alone], tmp_path).read_text()
    assert "★ marks" not in html
    assert "may lie below the value" in html


def test_grids_show_as_many_pictures_of_everyone(tmp_path: Path) -> None:
    whole = comparison()
    few = tuple(
        replace(c, pictures=c.pictures[:9]) if c.name == "peer" and c.pictures is not None else c for c in whole.columns
    )
    html = write_report([replace(whole, columns=few)], tmp_path).read_text().partition("From noise to sample")[0]
    sizes = re.findall(r'alt="(?:Real training records|Samples of [^"]*)" width="(\d+)" height="(\d+)"', html)
    assert len(sizes) == 5
    assert len(set(sizes)) == 1


def test_a_recipe_of_ones_own_is_shown_by_its_entry(tmp_path: Path) -> None:
    paper = Reference(key="me2030faces", title="Faces", authors=("A B",), year=2030, venue="arXiv")
    entry = RecipeEntry(
        name="faces", make="x:y", title="Face <painter>", summary="", about="It paints faces.", papers=(paper,)
    )
    whole = comparison()
    trained, untrained = whole.columns[2:4]
    mine = replace(trained, name="faces", entry=entry)
    before = replace(untrained, name="faces untrained", entry=entry, trained_column="faces")
    assert title(mine) == "Face <painter>"
    assert title(before) == "Face <painter>, untrained"
    html = write_report([replace(whole, columns=(mine, before))], tmp_path).read_text()
    assert "<h3>Face &lt;painter&gt;</h3><p>It paints faces.</p>" in html
    assert "@misc{me2030faces," in html


def test_nobody_is_said_to_beat_what_was_not_measured() -> None:
    """A metric of models alone has no value for the mixture, and perhaps none for other people's samples."""
    whole = comparison()
    without = [replace(c, results=()) if c.kind in ("mixture", "untrained") else c for c in whole.columns]
    assert not any("beat" in sentence for sentence in verdict(replace(whole, columns=tuple(without))))
