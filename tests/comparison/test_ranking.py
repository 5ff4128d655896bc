"""Only generators of one budget are ranked; all others are listed apart, with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from diorama.comparison.columns import Column, Comparison
from diorama.comparison.ranking import groups, kept_budget, ranking_lines, ranks, references, untrained
from diorama.comparison.record import read_report
from diorama.comparison.report import write_report
from diorama.comparison.tables import score_chart
from diorama.comparison.verdict import verdict
from diorama.core.durations import Budget
from diorama.core.errors import BadInput
from diorama.recipes.toy import dcgan_toy
from tests.comparison.examples import IMAGES, comparison, history, result


def finished(name: str, value: float, images: int) -> Column:
    seen = replace(history(), images=images)
    return Column(name=name, kind="loaded", count=500, results=(result("fd@lite", value, 0.5),), history=seen)


def of(*columns: Column) -> Comparison:
    return replace(comparison(), columns=columns, budget="")


def test_the_trained_are_ranked_and_samples_of_others_are_listed_apart() -> None:
    whole = comparison()
    first, second = groups(whole)
    assert [column.name for column in first.columns] == ["dcgan_toy", "my <own> model"]
    assert (first.title, first.unranked) == ("Trained here, 1 min each", "")
    assert [column.name for column in second.columns] == ["peer"]
    assert second.unranked
    assert ranks(whole) == {"dcgan_toy": 1, "my <own> model": 2}
    assert [column.name for column in references(whole)] == ["real", "mixture"]
    assert [column.name for column in untrained(whole)] == ["dcgan_toy untrained", "my <own> model untrained"]


def test_a_training_of_another_budget_is_no_equal() -> None:
    whole = comparison()
    columns = tuple(replace(c, kept_budget=c.name != "dcgan_toy") for c in whole.columns)
    other = replace(whole, columns=columns)
    assert "Trained here on another budget" in [group.title for group in groups(other)]
    assert ranks(other) == {}
    assert verdict(other)[0] == "my <own> model scores fd@lite 14.0."


def test_finished_runs_are_ranked_where_all_saw_as_many_images() -> None:
    assert ranks(of(finished("a", 9.0, 50_000), finished("b", 7.0, 51_000))) == {"b": 1, "a": 2}
    unlike = of(finished("a", 9.0, 50_000), finished("b", 7.0, 500_000))
    assert ranks(unlike) == {}
    assert groups(unlike)[0].unranked == "they saw between 50k and 500k images"
    assert verdict(unlike)[0].startswith("By fd@lite: b (7.0) and a (9.0). Budgets differ")


def test_a_finished_run_is_no_equal_of_what_was_trained_here() -> None:
    whole = comparison()
    beside = replace(whole, columns=(*whole.columns, finished("old", 1.2, 50_000)))
    group = groups(beside)[1]
    assert ([column.name for column in group.columns], group.unranked) == (["old"], "it had a budget of its own")
    assert verdict(beside)[0].startswith("DCGAN (toy) comes closest")
    assert "old" not in ranks(beside)
    # A ring each, for the run and the samples.
    assert score_chart(beside).count('class="dot hollow"') == 2
    assert groups(of(finished("old", 1.2, 50_000)))[0].unranked == ""


def test_equal_values_share_a_place() -> None:
    three = of(finished("a", 9.0, 50), finished("b", 7.0, 50), finished("c", 9.0, 50))
    assert ranks(three) == {"b": 1, "a": 2, "c": 2}


@pytest.mark.parametrize(
    ("budget", "images", "seconds", "kept"),
    [
        (Budget(images=50_000), 50_048, 10.0, True),
        (Budget(images=50_000), 80_000, 10.0, False),
        (Budget(seconds=60), 50_000, 61.5, True),
        (Budget(seconds=60), 50_000, 600.0, False),
        (Budget(seconds=60), 50_000, 20.0, True),
    ],
)
def test_a_budget_is_kept_within_the_length_of_a_step(
    budget: Budget, images: int, seconds: float, *, kept: bool
) -> None:
    recipe = dcgan_toy(comparison().data)
    assert kept_budget(budget, recipe, replace(history(), images=images, seconds=seconds)) is kept


def test_a_training_without_a_log_is_not_known_to_have_kept_its_budget() -> None:
    assert not kept_budget(Budget(seconds=60), dcgan_toy(comparison().data), None)


def test_a_metric_of_a_user_is_ranked_the_same_way_when_its_file_is_not_at_hand(tmp_path: Path) -> None:
    whole = comparison()
    own = [replace(r, metric="blur@mine") for c in whole.columns for r in c.results if r.metric == "fd@lite"]
    columns = tuple(replace(c, results=(own.pop(0),)) if c.result("fd@lite") else c for c in whole.columns)
    for better in ("lower", "higher"):
        write_report([replace(whole, columns=columns, better={"blur@mine": better})], tmp_path)
        document = json.loads((tmp_path / "report.json").read_text())["comparisons"][0]
        assert document["metrics"]["blur@mine"]["better"] == better
        (read,) = read_report(tmp_path).comparisons
        assert {model["name"]: model["rank"] for model in document["models"]} == {
            column.name: ranks(read).get(column.name) for column in read.columns
        }


def test_the_table_names_the_metric_and_its_direction_and_says_who_is_not_ranked() -> None:
    lines = ranking_lines(comparison())
    assert lines[0].split("  ")[-1].strip() == "pictures/s"
    assert "fd@lite ↓" in lines[0]
    assert lines[1] == "Trained here, 1 min each"
    assert lines[2].split() == ["1", "DCGAN", "(toy)", "11.0", "10.4", "–", "11.6", "61.5", "1,850", "625"]
    assert "Samples of other people (not ranked: nobody here knows what they cost)" in lines
    assert not any("untrained" in line for line in lines)
    assert lines[-1] == "Joules: estimated from processor time."
    assert len({line.index("11.6") + 4 for line in lines[2:3]} | {lines[3].index("14.9") + 4}) == 1


def test_a_report_is_read_back_as_it_was_ranked(tmp_path: Path) -> None:
    whole = replace(comparison(), began="2026-11-29T04:40:00+00:00", command="diorama compare --out x", reference=7)
    write_report([whole], tmp_path, title="Mine")
    record = read_report(tmp_path)
    (read,) = record.comparisons
    assert record.title == "Mine"
    assert ranking_lines(read) == ranking_lines(whole)
    assert (read.began, read.command, read.reference) == (whole.began, whole.command, 7)
    model = json.loads((tmp_path / "report.json").read_text())["comparisons"][0]["models"][0]
    assert (model["title"], model["group"], model["rank"]) == ("DCGAN (toy)", "Trained here, 1 min each", 1)


def test_reports_of_before_the_ranking_are_read(tmp_path: Path) -> None:
    write_report([comparison()], tmp_path)
    document = json.loads((tmp_path / "report.json").read_text())
    old = document["comparisons"][0]
    for name in ("reference", "began", "command", "main_metric", "metrics"):
        del old[name]
    for model in old["models"]:
        for name in ("title", "group", "rank", "kept_budget"):
            del model[name]
    (tmp_path / "report.json").write_text(json.dumps(document))
    assert ranking_lines(read_report(tmp_path).comparisons[0]) == ranking_lines(comparison())


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "diorama-report/1", "comparisons": [{}]}'])
def test_what_is_no_report_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(BadInput, match=r"report\.json: is no report"):
        read_report(tmp_path)


def test_a_report_with_a_generator_of_no_known_kind_is_named(tmp_path: Path) -> None:
    write_report([comparison()], tmp_path)
    text = (tmp_path / "report.json").read_text()
    (tmp_path / "report.json").write_text(text.replace('"kind": "trained"', '"kind": "dreamt"'))
    with pytest.raises(BadInput, match="'dreamt'"):
        read_report(tmp_path)


def test_the_page_folds_the_untrained_away_and_sorts_by_the_main_metric(tmp_path: Path) -> None:
    whole = comparison(IMAGES)
    html = write_report([replace(whole, columns=whole.columns[::-1])], tmp_path).read_text()
    table = html[html.index('aria-label="Scores"') : html.index("Below each value")]
    assert "untrained" not in table
    assert table.index("DCGAN (toy)") < table.index("my &lt;own&gt; model") < table.index("peer")
    assert "untrained" in html[html.index("<details>") : html.index("</details>")]
    assert "not ranked: nobody here knows what they cost" in table
