"""Pictures with partners: found in every way, fitted and mirrored alike, and what goes wrong said in one line."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.data.dataset import open_dataset
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.partner_fit import cut_in_halves, fitted_alike
from diorama.data.prepare import PrepareOptions
from diorama.media.resize import fit, resize
from tests.data.pictures import picture, prepared, save

COUNT, SPLIT = 10, (0.6, 0.2, 0.2)


def _photo(number: int) -> np.ndarray:
    return picture(number, (16, 16))


def _map(number: int) -> np.ndarray:
    return picture(100 + number, (16, 16))


def _by_column(root: Path) -> tuple[Path, str]:
    rows = ["path,map"]
    for number in range(COUNT):
        save(_photo(number), root / "in" / f"{number}.png")
        save(_map(number), root / "in" / "others" / f"of-{number}.png")
        rows.append(f"{number}.png,others/of-{number}.png")
    (root / "in" / "rows.csv").write_text("\n".join(rows))
    return root / "in", "map"


def _by_folder(root: Path, folder: str = "photos/", maps: str = "maps/") -> tuple[Path, str]:
    for number in range(COUNT):
        save(_photo(number), root / "in" / f"{folder}{number}.png")
        save(_map(number), root / "in" / f"{maps}{number}.bmp")
    return root / "in", "maps"


def _beside(root: Path) -> tuple[Path, str]:
    return _by_folder(root, folder="")


def _by_place(root: Path) -> tuple[Path, str]:
    origin, _ = _by_folder(root)
    return origin, str(origin / "maps")


def _elsewhere(root: Path) -> tuple[Path, str]:
    origin, _ = _by_folder(root, folder="", maps="../maps/")
    return origin, str(root / "maps")


def _in_a_zip(root: Path) -> tuple[Path, str]:
    origin, pair = _by_folder(root)
    with zipfile.ZipFile(root / "in.zip", "w") as archive:
        for path in sorted(origin.rglob("*.*")):
            archive.write(path, path.relative_to(origin).as_posix())
    return root / "in.zip", pair


def _in_a_tar(root: Path) -> tuple[Path, str]:
    origin, pair = _by_folder(root)
    with tarfile.open(root / "in.tar.gz", "w:gz") as archive:
        for path in sorted(origin.rglob("*.*"), reverse=True):
            archive.add(path, path.relative_to(origin).as_posix())
    return root / "in.tar.gz", pair


def _right(root: Path) -> tuple[Path, str]:
    for number in range(COUNT):
        save(np.concatenate([_photo(number), _map(number)], axis=1), root / "in" / f"{number}.png")
    return root / "in", "right"


def _left(root: Path) -> tuple[Path, str]:
    for number in range(COUNT):
        save(np.concatenate([_map(number), _photo(number)], axis=1), root / "in" / f"{number}.png")
    return root / "in", "left"


def _arrays(root: Path) -> tuple[Path, str]:
    for number in range(COUNT):
        for kind, pixels in (("photos", _photo(number)), ("maps", _map(number))):
            (root / "in" / kind).mkdir(parents=True, exist_ok=True)
            np.save(root / "in" / kind / f"{number}.npy", pixels)
    return root / "in", "maps"


WAYS = (_by_column, _by_folder, _beside, _by_place, _elsewhere, _in_a_zip, _in_a_tar, _right, _left, _arrays)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [8, None])
def test_the_same_pairs_give_the_same_records_in_every_way(
    way: Callable[[Path], tuple[Path, str]], size: int | None, tmp_path: Path
) -> None:
    origin, pair = way(tmp_path)
    dataset, audit = prepared(origin, tmp_path / "out", size=size, pair=pair, split=SPLIT)
    assert audit.records == COUNT
    assert audit.duplicates == audit.leaks == ()
    assert not dataset.info.classes
    met = set()
    for name in dataset.splits:
        split = dataset.split(name)
        for record in split[:]:
            number = int(Path(record.facts["path"]).stem)
            met.add(number)
            side = (size or 16,) * 2
            stored = split.sides["target"].stored(split.sides["target"].firsts[[record.index]])[0]
            np.testing.assert_array_equal(record.pixels, resize(_photo(number), side))
            np.testing.assert_array_equal(stored, resize(_map(number), side))
    assert met == set(range(COUNT))
    open_dataset(tmp_path / "out").verify()
    assert not (tmp_path / "out" / "partners").exists()


def test_splits_and_classes_are_those_of_the_pictures(tmp_path: Path) -> None:
    for number in range(COUNT):
        place = f"{'test' if number < 3 else 'train'}/{{}}/{'cat' if number % 2 else 'dog'}/{number}.png"
        save(_photo(number), tmp_path / "in" / place.format("photos"))
        save(_map(number), tmp_path / "in" / place.format("maps"))
    dataset, _ = prepared(tmp_path / "in", tmp_path / "out", pair="maps")
    assert dataset.splits == {"train": 7, "test": 3}
    assert dataset.info.classes == ("cat", "dog")


def test_partners_keep_their_channels_and_depth(tmp_path: Path) -> None:
    for number in range(6):
        save(picture(number, (16, 16)), tmp_path / "in" / "photos" / f"{number}.png")
        (tmp_path / "in" / "maps").mkdir(exist_ok=True)
        depth = (picture(number, (32, 32), 1)[..., 0].astype(np.uint16) << 8) + 1
        np.save(tmp_path / "in" / "maps" / f"{number}.npy", depth)
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", size=16, pair="maps", split=(1, 0, 0))
    (spec,) = dataset.info.sides
    assert spec.media is not None
    assert (spec.media.channels, spec.media.dtype, spec.media.height) == (1, "uint16", 16)
    assert any("6 x partner of another size than its picture was fitted to it" in note for note in audit.notes)
    target = dataset.split("train").read(np.arange(6))["target"]
    assert target.shape == (6, 1, 16, 16)
    assert -1 <= float(target.min()) < float(target.max()) <= 1


def test_without_a_size_partners_of_one_other_size_keep_it(tmp_path: Path) -> None:
    for number in range(6):
        save(picture(number, (8, 8)), tmp_path / "in" / "small" / f"{number}.png")
        save(picture(number, (16, 16)), tmp_path / "in" / "large" / f"{number}.png")
    dataset, _ = prepared(tmp_path / "in", tmp_path / "out", size=None, pair="large", split=(1, 0, 0))
    batch = dataset.split("train").read(np.arange(6))
    assert batch["image"].shape == (6, 3, 8, 8)
    assert batch["target"].shape == (6, 3, 16, 16)


def test_without_a_size_mixed_partners_are_fitted_to_their_pictures(tmp_path: Path) -> None:
    for number in range(6):
        size = (12, 20) if number < 2 else (16, 16)
        save(picture(number, size), tmp_path / "in" / "photos" / f"{number}.png")
        save(picture(number, (size[0] * 2, size[1] * 2)), tmp_path / "in" / "maps" / f"{number}.png")
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", size=None, pair="maps", split=(1, 0, 0))
    split = dataset.split("train")
    for record in split[:]:
        number = int(Path(record.facts["path"]).stem)
        size = (12, 20) if number < 2 else (16, 16)
        alike = resize(picture(number, (size[0] * 2, size[1] * 2)), size)
        stored = split.sides["target"].stored(split.sides["target"].firsts[[record.index]])[0]
        np.testing.assert_array_equal(stored, fit(alike, (16, 16)))
    assert any("partners: 6 of another size than their pictures were fitted to them" in note for note in audit.notes)


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(4, 40),
    width=st.integers(4, 40),
    times=st.sampled_from([1, 2, 3]),
    size=st.integers(2, 24),
    policy=st.sampled_from(["crop", "pad"]),
    channels=st.sampled_from([1, 3]),
)
def test_a_partner_shows_the_place_that_its_picture_shows(
    height: int, width: int, times: int, size: int, policy: str, channels: int
) -> None:
    """A ramp along both axes and the same ramp in more pixels come to nearly the same values after fitting."""

    def ramp(more: int) -> np.ndarray:
        y = (np.arange(height * more) + 0.5) / (height * more)
        x = (np.arange(width * more) + 0.5) / (width * more)
        return (y[:, None] + x[None])[..., None].repeat(channels, 2).astype(np.float32)

    own = fit(ramp(1), (size, size), policy)  # type: ignore[arg-type]
    other, notes = fitted_alike(ramp(times), (height, width), size, policy)  # type: ignore[arg-type]
    assert other.shape == (size, size, channels)
    assert bool(notes) == (times > 1)
    assert np.abs(own - other).max() < 0.5 / min(height, width) + 1e-5


@settings(deadline=None, max_examples=20)
@given(width=st.integers(1, 30))
def test_halves_are_the_two_pictures(width: int) -> None:
    both = np.random.default_rng(width).integers(0, 256, (5, width, 3), dtype=np.uint8)
    if width % 2:
        with pytest.raises(BadInput, match="width in pixels is odd"):
            cut_in_halves(both, "left")
        return
    own, partner = cut_in_halves(both, "right")
    np.testing.assert_array_equal(np.concatenate([own, partner], axis=1), both)
    assert all(np.array_equal(a, b) for a, b in zip(cut_in_halves(both, "left"), (partner, own), strict=True))


def test_both_are_mirrored_together(tmp_path: Path) -> None:
    for number in range(COUNT):
        save(_photo(number), tmp_path / "in" / "photos" / f"{number}.png")
        save(255 - _photo(number), tmp_path / "in" / "maps" / f"{number}.png")
    split = prepared(tmp_path / "in", tmp_path / "out", pair="maps", split=(1, 0, 0))[0].split("train")
    loader = Loader([(split, 1.0)], LoaderConfig(batch_size=8, flip=True, workers=0), "cpu")
    plain = split.read(np.arange(COUNT))["image"]
    mirrored = 0
    for step in range(3):
        (batch,) = loader(step)
        torch.testing.assert_close(batch["target"], -batch["image"])
        mirrored += sum(not torch.equal(plain[i], one) for i, one in zip(batch["index"], batch["image"], strict=True))
    assert 4 < mirrored < 20


def _missing(root: Path) -> None:
    (root / "in" / "maps" / "3.bmp").unlink()
    (root / "in" / "photos" / "4.png").unlink()


def _broken(root: Path) -> None:
    (root / "in" / "maps" / "3.bmp").write_bytes(b"BM no picture")


def _empty(root: Path) -> None:
    (root / "in" / "maps" / "3.bmp").write_bytes(b"")


@pytest.mark.parametrize(
    ("harm", "kept", "skipped", "noted"),
    [
        (
            _missing,
            8,
            {"photos/3.png": "no file of its name in maps", "maps/4.bmp": "no picture"},
            "1 picture without",
        ),
        (_broken, 9, {"photos/3.png": "its partner maps/3.bmp cannot be read"}, "10 pictures with a partner"),
        (_empty, 9, {"photos/3.png": "its partner maps/3.bmp cannot be read (empty file"}, "10 pictures with"),
    ],
)
def test_a_picture_without_its_partner_is_left_out_and_listed(
    tmp_path: Path, harm: Callable[[Path], None], kept: int, skipped: dict[str, str], noted: str
) -> None:
    origin, pair = _by_folder(tmp_path)
    harm(tmp_path)
    _, audit = prepared(origin, tmp_path / "out", pair=pair)
    assert audit.records == kept
    assert {skip.path for skip in audit.skipped} == set(skipped)
    assert all(skip.reason.startswith(skipped[skip.path]) for skip in audit.skipped)
    assert any(note.startswith(noted) for note in audit.notes)


def test_a_named_partner_that_is_not_there_is_listed(tmp_path: Path) -> None:
    origin, pair = _by_column(tmp_path)
    (origin / "others" / "of-2.png").unlink()
    _, audit = prepared(origin, tmp_path / "out", pair=pair)
    (skip,) = audit.skipped
    assert (skip.path, audit.records) == ("2.png", COUNT - 1)
    assert "the partner that the column 'map' of rows.csv names is not there" in skip.reason


def test_an_odd_width_is_left_out_and_listed(tmp_path: Path) -> None:
    origin, pair = _right(tmp_path)
    save(picture(7, (16, 33)), origin / "odd.png")
    _, audit = prepared(origin, tmp_path / "out", pair=pair)
    assert [(skip.path, "odd" in skip.reason) for skip in audit.skipped] == [("odd.png", True)]


def test_a_partner_of_other_channels_than_all_others_is_left_out(tmp_path: Path) -> None:
    origin, pair = _arrays(tmp_path)
    np.save(origin / "maps" / "3.npy", np.zeros((16, 16, 5), np.uint8))
    dataset, audit = prepared(origin, tmp_path / "out", pair=pair)
    assert [skip.path for skip in audit.skipped] == ["photos/3.npy"]
    assert audit.skipped[0].reason == "its partner has another number of channels than most"
    assert len(dataset) == COUNT - 1


def _clips(root: Path) -> tuple[Path, str]:
    for kind in ("clips", "maps"):
        (root / "in" / kind).mkdir(parents=True)
        np.save(root / "in" / kind / "0.npy", np.zeros((2, 4, 8, 8, 3), np.uint8))
    return root / "in", "maps"


def _claimed_twice(root: Path) -> tuple[Path, str]:
    origin, pair = _by_folder(root)
    save(_photo(50), origin / "drawings" / "1.png")
    return origin, pair


def _no_names_alike(root: Path) -> tuple[Path, str]:
    save(_photo(1), root / "in" / "photos" / "a.png")
    save(_map(1), root / "in" / "maps" / "b.png")
    return root / "in", "maps"


def _all_odd(root: Path) -> tuple[Path, str]:
    save(picture(7, (16, 33)), root / "in" / "odd.png")
    return root / "in", "left"


@pytest.mark.parametrize(
    ("way", "pair", "told"),
    [
        (
            _by_folder,
            "mapps",
            r"--pair mapps: no table has this column, and in has no such folder \(did you mean 'maps'",
        ),
        (_by_column, "mop", r"no such folder.*no table was read \(--table names one\)"),
        (_clips, None, "--pair maps: is of pictures, and in holds clips"),
        (_claimed_twice, None, "drawings/1.png and photos/1.png have the same partner, maps/1.bmp"),
        (_no_names_alike, None, r"no picture has a partner \(photos/a.png: no file of its name in maps\)"),
        (_all_odd, None, "its width in pixels is odd"),
    ],
)
def test_what_cannot_be_paired_is_refused_in_one_line_and_nothing_is_written(
    way: Callable[[Path], tuple[Path, str]], pair: str | None, told: str, tmp_path: Path
) -> None:
    origin, own = way(tmp_path)
    with pytest.raises(BadInput, match=told) as refused:
        prepared(origin, tmp_path / "out", pair=pair or own)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_the_world_has_no_partners(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--pair left: the pictures of world have no partners"):
        prepared(Path("world"), tmp_path / "out", pair="left")


@pytest.mark.parametrize("also", [{"small": 4}, {"unpaired": "b"}, {"frames": 4}, {"strip": True}])
def test_options_that_exclude_partners_are_refused(also: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"exclude each other|not of clips"):
        PrepareOptions(size=16, pair="maps", **also)  # type: ignore[arg-type]


def test_a_folder_called_like_masks_does_not_claim_the_partners_of_another(tmp_path: Path) -> None:
    origin, pair = _by_folder(tmp_path)
    save(_photo(50), origin / "mask" / "1.png")
    _, audit = prepared(origin, tmp_path / "out", pair=pair)
    assert audit.records == COUNT
    assert [skip.path for skip in audit.skipped] == ["mask/1.png"]


def test_equal_options_give_equal_pairs_whatever_the_workers(tmp_path: Path) -> None:
    origin, pair = _by_folder(tmp_path)
    one, _ = prepared(origin, tmp_path / "one", pair=pair, name="p")
    two, _ = prepared(origin, tmp_path / "two", pair=pair, name="p", workers=2)
    without, _ = prepared(origin, tmp_path / "three", name="p")
    assert one.info.sha256 == two.info.sha256 != without.info.sha256


def test_the_audit_shows_picture_and_partner_side_by_side(tmp_path: Path) -> None:
    origin, pair = _by_folder(tmp_path)
    prepared(origin, tmp_path / "paired", pair=pair)
    prepared(origin / "photos", tmp_path / "plain")
    assert 'width="194"' in (tmp_path / "paired" / "audit.html").read_text()
    assert 'width="194"' not in (tmp_path / "plain" / "audit.html").read_text()


def test_retina_and_vessels_are_paired_as_their_table_says(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    dataset, audit = prepared(real_data("med_retina_vessels"), tmp_path / "out", size=32, fit="pad", pair="vessels")
    assert dataset.splits == {"train": 70, "test": 60}
    assert not dataset.info.classes
    (spec,) = dataset.info.sides
    assert spec.media is not None
    assert spec.media.channels == 1
    assert not any(path.startswith("vessels/") for pair in audit.leaks for path in pair)
    for record in dataset["test"][:5]:
        assert Path(record.facts["partner"]).stem == Path(record.facts["path"]).stem
