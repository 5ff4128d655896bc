"""Folders: what counts, what is left out and said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from diorama.core.errors import BadInput
from diorama.data.sources.base import SourceOptions
from diorama.data.sources.open import nothing_in, open_source
from diorama.media.image import read_image
from tests.data.sources.examples import fill, read_all, reasons, tarred, zipped
from tests.media.examples import jpeg, png


def test_label_and_split_are_where_a_picture_lies(tmp_path: Path) -> None:
    fill(tmp_path, {p: png() for p in ("train/cat/0.png", "val/dog/deep/1.png", "test/2.png", "3.png", "bird/4.png")})
    _, items = read_all(tmp_path)
    assert {i.path: dict(i.facts) for i in items} == {
        "3.png": {},
        "bird/4.png": {},
        "test/2.png": {"split": "test"},
        "train/cat/0.png": {"split": "train", "label": "cat"},
        "val/dog/deep/1.png": {"split": "val", "label": "dog"},
    }


def test_a_folder_around_the_splits_is_seen_through(tmp_path: Path) -> None:
    fill(tmp_path, {"set/train/cat/0.png": png(), "set/test/cat/0.png": png()})
    _, items = read_all(tmp_path)
    assert [dict(i.facts) for i in items] == [{"split": "test", "label": "cat"}, {"split": "train", "label": "cat"}]


def test_a_class_called_train_is_no_split(tmp_path: Path) -> None:
    fill(tmp_path, {"vehicles/car/0.png": png(), "vehicles/train/0.png": png()})
    _, items = read_all(tmp_path)
    assert [dict(i.facts) for i in items] == [{"label": "car"}, {"label": "train"}]


def test_the_order_is_fixed_and_reading_starts_anew(tmp_path: Path) -> None:
    fill(tmp_path, {f"{c}/{i}.png": png(seed=i) for c in "ba" for i in range(3)})
    source = open_source(tmp_path)
    first, second = [i.path for i in source.items()], [i.path for i in source.items()]
    assert first == second == sorted(first)
    assert source.files == 6


def test_other_files_are_left_out_and_said(tmp_path: Path) -> None:
    fill(
        tmp_path,
        {"0.png": png(), "README.md": b"x", "empty.png": b"", ".hidden.png": png(), "__MACOSX/0.png": png()},
    )
    source, items = read_all(tmp_path)
    assert [i.path for i in items] == ["0.png"]
    assert set(reasons(source)) == {"README.md", "empty.png", ".hidden.png", "__MACOSX/0.png"}
    assert "empty" in reasons(source)["empty.png"]
    assert source.files == 5


def test_links_are_followed_inside_only(tmp_path: Path) -> None:
    fill(tmp_path, {"outside/secret.png": png(), "in/0.png": png()})
    root = tmp_path / "in"
    for name, target in {
        "inner.png": root / "0.png",
        "outer.png": tmp_path / "outside" / "secret.png",
        "climb.png": Path("..", "outside", "secret.png"),
        "folder": tmp_path / "outside",
        "loop": root,
        "broken.png": root / "gone.png",
    }.items():
        (root / name).symlink_to(target)
    source, items = read_all(root)
    assert [i.path for i in items] == ["0.png", "inner.png"]
    assert set(reasons(source)) == {"outer.png", "climb.png", "folder", "loop", "broken.png"}
    assert "out of the source" in reasons(source)["outer.png"]


def test_links_are_followed_out_if_asked(tmp_path: Path) -> None:
    fill(tmp_path, {"pool/cat/0.png": png(), "pool/dog/1.png": png(seed=1), "in/own.png": png(seed=2)})
    (tmp_path / "in" / "cat").symlink_to(tmp_path / "pool" / "cat")
    (tmp_path / "in" / "dog").mkdir()
    (tmp_path / "in" / "dog" / "1.png").symlink_to(tmp_path / "pool" / "dog" / "1.png")
    (tmp_path / "in" / "dog" / "loop").symlink_to(tmp_path / "in")
    source, items = read_all(tmp_path / "in", SourceOptions(follow_links=True))
    assert sorted(item.path for item in items) == ["cat/0.png", "dog/1.png", "own.png"]
    assert set(reasons(source)) == {"dog/loop"}
    source, items = read_all(tmp_path / "in")
    assert [item.path for item in items] == ["own.png"]
    assert "--follow-links" in reasons(source)["dog/1.png"]


def test_a_source_may_itself_be_reached_by_a_link(tmp_path: Path) -> None:
    fill(tmp_path, {"real/0.png": png()})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(read_all(tmp_path / "link")[1]) == 1


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    fill(tmp_path, {"0.png": png()})
    os.mkfifo(tmp_path / "pipe.png")
    source, items = read_all(tmp_path)
    assert len(items) == 1
    assert reasons(source) == {"pipe.png": "not a regular file"}


def test_odd_names_are_kept_as_valid_text(tmp_path: Path) -> None:
    names = ["-rf.png", "with space.png", "ünï 猫.png", "line\nbreak.png", "quote'\".png", "%s {x}.png"]
    fill(tmp_path, {name: png() for name in names})
    (Path(os.fsdecode(bytes(tmp_path) + b"/\xff\xfe.png"))).write_bytes(png())
    _, items = read_all(tmp_path)
    assert len(items) == len(names) + 1
    for item in items:
        item.path.encode()
        assert "\n" not in item.path
        content = item.load()
        assert isinstance(content, bytes)
        read_image(content, item.path)


def test_a_vanished_file_is_bad_input(tmp_path: Path) -> None:
    fill(tmp_path, {"0.png": png()})
    item = next(open_source(tmp_path).items())
    (tmp_path / "0.png").unlink()
    with pytest.raises(BadInput, match=r"0\.png: cannot be read"):
        item.load()


def test_archives_in_a_folder_are_read_and_what_lies_beside_is_said(tmp_path: Path) -> None:
    fill(tmp_path, {"README.md": b"x", "contact.png": png(), "index.csv": b"path\n"})
    tarred(tmp_path / "train.tar.gz", {f"train/cat/{i}.jpg": jpeg(seed=i) for i in range(2)}, "w:gz")
    zipped(tmp_path / "test.zip", {"test/dog/0.jpg": jpeg()})
    source, items = read_all(tmp_path)
    assert [(i.path, dict(i.facts)) for i in items] == [
        ("test/dog/0.jpg", {"split": "test", "label": "dog"}),
        ("train/cat/0.jpg", {"split": "train", "label": "cat"}),
        ("train/cat/1.jpg", {"split": "train", "label": "cat"}),
    ]
    assert set(reasons(source)) == {"README.md", "contact.png", "index.csv"}
    assert "contact sheet" in reasons(source)["contact.png"]
    assert source.files == 6


def test_more_pictures_than_the_archive_holds_are_no_contact_sheets(tmp_path: Path) -> None:
    fill(tmp_path, {f"{i}.png": png(seed=i) for i in range(3)})
    zipped(tmp_path / "more.zip", {"a.png": png()})
    assert len(read_all(tmp_path)[1]) == 4


def test_archives_named_as_splits_and_classes(tmp_path: Path) -> None:
    for name in ("train", "test"):
        zipped(tmp_path / f"{name}.zip", {"cat/0.png": png()})
    _, items = read_all(tmp_path)
    assert [(i.path, i.facts["split"], i.facts["label"]) for i in items] == [
        ("test/cat/0.png", "test", "cat"),
        ("train/cat/0.png", "train", "cat"),
    ]


def test_archives_of_one_class_each(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        zipped(tmp_path / f"{name}.zip", {"0.png": png()})
    _, items = read_all(tmp_path)
    assert [(i.path, i.facts["label"]) for i in items] == [("cats/0.png", "cats"), ("dogs/0.png", "dogs")]


def test_equal_names_in_two_archives_stay_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        zipped(tmp_path / f"{name}.zip", {"cat/0.png": png()})
    assert [i.path for i in read_all(tmp_path)[1]] == ["cat/0.png", "b.zip/cat/0.png"]


def test_a_truncated_archive_does_not_stop_the_others(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tarred(tmp_path / f"{name}.tar", {f"{name}/{i}.png": png(80, 80, seed=i) for i in range(4)})
    content = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(content[: len(content) // 2])
    source, items = read_all(tmp_path)
    assert [i.path for i in items if i.path.startswith("b/")] == [f"b/{i}.png" for i in range(4)]
    assert 0 < len(items) < 8
    assert source.skipped


def test_a_broken_archive_among_good_files_is_said(tmp_path: Path) -> None:
    fill(tmp_path, {"bad.zip": b"PK\3\4 nothing", "bad.tar": b"nothing", "0.png": png()})
    source, items = read_all(tmp_path)
    assert [i.path for i in items] == ["0.png"]
    assert set(reasons(source)) == {"bad.zip", "bad.tar"}


@pytest.mark.parametrize("files", [{}, {"a.txt": b"x", "b.md": b"y"}])
def test_nothing_to_work_on_can_be_explained(tmp_path: Path, files: dict[str, bytes]) -> None:
    source, items = read_all(fill(tmp_path, files))
    assert not items
    message = str(nothing_in(source))
    assert message.startswith(tmp_path.name)
    assert ("2 like a.txt: not a picture" if files else "empty") in message


def test_missing_and_foreign_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        open_source(tmp_path / "gone")
    fill(tmp_path, {"notes.txt": b"x"})
    with pytest.raises(BadInput, match=r"notes\.txt"):
        open_source(tmp_path / "notes.txt")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="neither"):
        open_source(tmp_path / "pipe")


def test_a_single_picture_is_a_source(tmp_path: Path) -> None:
    fill(tmp_path, {"one.png": png()})
    _, items = read_all(tmp_path / "one.png")
    assert [(i.path, i.kind) for i in items] == [("one.png", "image")]
