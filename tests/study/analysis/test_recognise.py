"""Layouts are told from their columns; what does not fit is refused in one line that says where."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from diorama.core.errors import BadInput
from diorama.data.answers import answers_to_json, read_answers
from diorama.study.analysis.analyse import AnalyseOptions, analyse
from diorama.study.analysis.recognise import recognise

EXPORT = "study,item,rater,kind,left,right,choice,ms,shown_at,repeat"


def write(tmp_path: Path, name: str, *lines: str) -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("lines", "layout"),
    [
        (("left,right,n_left,n_right,n_tie", "a,b,3,2,1"), "counts of pairs"),
        (("rater,left,right,choice", "r,a,b,left", "r,a,b,"), "judgements of pairs, one a row"),
        (("rater,left,right,choice,fake_side", "r,x,y,left,left"), "forced choices, choice is the side called fake"),
        (("unit,rater,value", "u,a,1", "u,b,1", "v,a,2", "v,b,1"), "ratings, one value a row"),
        (("unit,one,two", "u,3,1", "v,0,4"), "counts of values in each unit"),
        (("rater1,rater2,count", "x,x,9", "x,y,2", "y,y,5"), "a table of two raters"),
        (("rater,item,beauty", "r,i,3", "s,i,4"), "opinions, a column for each scale"),
        (("item,n_old,n_new,psnr_old,psnr_new", "i,3,4,20,21"), "votes for old and new of each item"),
        (("example,n_left,n_tie,n_right", "one,2,2,6"), "forced choices with ties, counts"),
        ((EXPORT, "s,i,r,opinion,a,,3,,,0"), "answers of a Diorama study"),
    ],
)
def test_a_layout_is_told_from_its_columns_and_analysed(tmp_path: Path, lines: tuple[str, ...], layout: str) -> None:
    path = write(tmp_path, "table.csv", *lines)
    assert recognise(path).layout == layout
    assert analyse(path).sections


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("height,weight", "1,2"), r"the columns height, weight, which no layout has; docs"),
        (("rater,left,right", "r,a,b"), r"closest is judgements of pairs, which also has choice"),
        (("rater,left,right,choice", "r,a,b,lft"), r"choice holds 1 value.*line 2: 'lft' \(did you mean 'left'\?\)"),
        (("rater,left,right,choice", "r,a,b,"), "no judgement is answered"),
        (("rater,left,right,choice", "r,a"), "line 2 has 2"),
        (("left,right,n_left,n_right,n_tie", "a,b,x,1,1"), "n_left holds 1 value that are no numbers: line 2: 'x'"),
        (("left,right,n_left,n_right,n_tie", "a,b,-1,1,1"), "no counts: line 2: '-1'"),
        (("left,right,n_left,n_right,n_tie", "a,b,0,0,0"), "all counts are 0"),
        (("rater,item,answer", "r,i,real"), "needs the truth of each item"),
        (("rater,item,score", "r,i,good"), "score holds 1 value"),
        (("a,a", "1,2"), "two columns have the same name"),
        (("a,b",), "holds no rows"),
        ((EXPORT,), "holds no answers"),
        ((EXPORT, "s,i,r,pairwise,a,b,left,,,0,,"), "line 2: has more fields than the line of column names"),
        ((EXPORT, "s,i,r,pairwise,a,b"), "line 2: has fewer fields than the line of column names"),
        ((f"{EXPORT},left", "s,i,r,pairwise,a,b,left,,,0,a"), "two columns have the same name"),
        ((EXPORT.removesuffix(",repeat"), "s,i,r,attention,noise,left,left,,"), "has no column repeat; a column may"),
        (('{"format": "diorama-answers/1", "answers": [',), "is no JSON"),
        (
            (EXPORT, "s,i,r,2afc,a,b,left,,,0"),
            r"no picture of 'real' in 1 answer of kind 2afc, only of a, b; --truth NAME",
        ),
        (
            (EXPORT, "s,i,r,real_or_fake,a,,fake,,,0"),
            r"no answer to a picture of 'real', only to those of a; --truth NAME",
        ),
        (
            (EXPORT, "s,i,r,real_or_fake,real,,,,,0", "s,i,r,real_or_fake,a,,fake,,,0"),
            "no answer to a picture of 'real'",
        ),
        ((EXPORT, "s,i,r,pairwise,a,b,,,,0"), "1 answer, and every choice is empty"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path, lines: tuple[str, ...], message: str) -> None:
    path = write(tmp_path, "table.csv", *lines)
    with pytest.raises(BadInput, match=message) as caught:
        analyse(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_file_and_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        analyse(tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(BadInput, match="line 1 is no text in UTF-8; save"):
        analyse(tmp_path / "binary.csv")


def test_answers_are_told_by_what_a_file_holds_and_not_by_its_name(tmp_path: Path) -> None:
    rows = (EXPORT, "s,i,r,pairwise,a,b,left,900,,0", "s,i,q,pairwise,a,b,right,900,,0")
    named_json = write(tmp_path, "table.json", *rows)
    answers = read_answers(named_json)
    named_csv = tmp_path / "answers.csv"
    named_csv.write_text(json.dumps(answers_to_json(answers)))
    assert read_answers(named_csv) == answers
    assert analyse(named_csv).layout == analyse(named_json).layout == "answers of a Diorama study"


def test_the_true_source_may_have_another_name(tmp_path: Path) -> None:
    path = write(tmp_path, "answers.csv", EXPORT, "s,i,r,2afc,photo,a,left,,,0", "s,i,q,2afc,a,photo,left,,,0")
    section = analyse(path, AnalyseOptions(truth="photo")).section("choices")
    assert "50.0 %" in section.lead


def test_a_truth_that_contradicts_the_export_counts_and_is_said(tmp_path: Path) -> None:
    rows = write(tmp_path, "rows.csv", EXPORT, "s,i,r,2afc,photo,a,left,,,0", "s,i,q,2afc,a,photo,right,,,0")
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(answers_to_json(replace(read_answers(rows), truth="a"))))
    assert "0.0 %" in analyse(path).section("choices").lead
    found = analyse(path, AnalyseOptions(truth="photo"))
    assert "100.0 %" in found.section("choices").lead
    assert "The file names a as the true source; --truth says photo, which counts." in found.notes
    for options in (AnalyseOptions(), AnalyseOptions(truth="a")):
        assert not any("--truth" in note for note in analyse(path, options).notes)


def test_a_table_that_brings_its_own_truth_keeps_it_and_says_so(tmp_path: Path) -> None:
    sides = write(
        tmp_path,
        "sides.csv",
        "rater,left,right,choice,fake_side",
        "r,x,y,left,left",
        "q,x,y,left,left",
        "q,y,x,left,right",
    )
    write(tmp_path, "art_items.csv", "item,truth", "i,real", "k,ai")
    items = write(tmp_path, "art.csv", "rater,item,answer", "r,i,real", "r,k,real", "s,i,real", "s,k,ai")
    for path, place in ((sides, "The column fake_side"), (items, "art_items.csv")):
        plain, named = analyse(path), analyse(path, AnalyseOptions(truth="x"))
        assert named.to_json()["sections"] == plain.to_json()["sections"]
        assert set(named.notes) - set(plain.notes) == {f"{place} says which pictures are true: --truth x is not read."}


def test_truth_systems_and_references_are_read_from_beside(tmp_path: Path) -> None:
    write(tmp_path, "art_items.csv", "item,truth", "i,real", "k,ai")
    verdicts = write(
        tmp_path, "art_judgements.csv", "rater,item,answer", "r,i,real", "r,k,real", "s,i,unsure", "s,k,ai"
    )
    assert recognise(verdicts).notes[0] == "The truth of the items is read from art_items.csv."
    write(tmp_path, "clips_items.csv", "item,generator,content,is_reference", "i,x,c,1", "k,y,c,0")
    opinions = write(tmp_path, "clips.csv", "rater,valid,item,score", "r,1,i,5", "r,1,k,3", "s,1,i,4", "s,0,k,1")
    found = analyse(opinions)
    assert "Marked as not valid, and left out: 1 row of 1 rater." in found.notes
    shown = {each.name for each in found.section("opinions_score").shown}
    assert {"systems", "differential"} <= shown


def test_an_item_without_truth_is_named(tmp_path: Path) -> None:
    write(tmp_path, "art_items.csv", "item,truth", "i,real")
    path = write(tmp_path, "art.csv", "rater,item,answer", "r,i,real", "r,k,real")
    with pytest.raises(BadInput, match="says nothing of 1 item: k"):
        recognise(path)
