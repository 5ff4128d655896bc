"""What records have beside their pixels: written, read, drawn, padded, mirrored; and folders without."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diorama.core.contracts import Batch, MediaSpec, SideSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.data.dataset import Dataset, open_dataset
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.manifest import StoredFile, write_manifest
from diorama.data.pack import PackInfo, PackWriter, Place, pack_arrays
from diorama.data.records import encode_record
from diorama.data.side_values import common_sides, mask_side
from diorama.data.side_writer import described
from diorama.data.training_sets import open_training_data
from diorama.text.bytes import decode

_OLD = Path(__file__).parent / "without_sides"
_MEDIA = MediaSpec(kind="image", channels=3, height=8, width=8)
_LARGE = MediaSpec(kind="image", channels=3, height=16, width=16)
_CAPTIONS = [["a cat", "eine Katze, groß"], ["two dogs"], [""], ["a", "b", "c"]]


def _pixels(count: int, size: int = 8, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(size).integers(0, 256, (count, size, size, channels), dtype=np.uint8)


def _with_sides(out: Path, count: int = 24, **sides: Any) -> Dataset:
    """Training records whose sides are repeated until there are enough of them."""
    given = {key: [values[number % len(values)] for number in range(count)] for key, values in sides.items()}
    return pack_arrays(out, {"train": _pixels(count)}, _MEDIA, sides={"train": given})


def test_every_kind_of_side_comes_back(tmp_path: Path) -> None:
    target = _pixels(6, 16)
    sides = {
        "tokens": ["one", "zwei", "три"] * 2,
        "target": target,
        "mask": _pixels(6, channels=1) // 128 * 255,
        "pose": np.linspace(0, 1, 24).reshape(6, 2, 2),
        "lengths": np.arange(6),
        "text": [np.full((number + 1, 3), number, np.float32) for number in range(6)],
        "text_mask": [np.ones(number + 1, bool) for number in range(6)],
    }
    of = lambda part: {key: values[part] for key, values in sides.items()}  # noqa: E731
    dataset = pack_arrays(
        tmp_path / "d",
        {"train": _pixels(6)[:4], "val": _pixels(6)[4:]},
        _MEDIA,
        sides={"train": of(slice(0, 4)), "val": of(slice(4, 6))},
        specs=[mask_side(_MEDIA)],
    )
    assert dataset.info.condition("tokens").shape == (6,)  # type: ignore[union-attr]
    assert dataset.info.condition("target").shape == (3, 16, 16)  # type: ignore[union-attr]
    batch = dataset.split("val").read(np.array([1, 0]))
    assert decode(batch["tokens"]) == ["три", "zwei"]
    torch.testing.assert_close(batch["target"], torch.from_numpy(target[[5, 4]]).permute(0, 3, 1, 2) / 127.5 - 1)
    assert set(batch["mask"].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(batch["mask"][0, 0] == 1, torch.from_numpy(sides["mask"][5, ..., 0] == 255))
    torch.testing.assert_close(batch["pose"], torch.from_numpy(sides["pose"][[5, 4]]).float())
    assert batch["lengths"].tolist() == [5, 4]
    assert batch["lengths"].dtype == torch.int64
    assert batch["text"].shape == (2, 6, 3)
    assert batch["text"][1].tolist() == [[4.0] * 3] * 5 + [[0.0] * 3]
    assert batch["text_mask"].tolist() == [[True] * 6, [True] * 5 + [False]]


_TEXTS = st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=3), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(texts=_TEXTS.filter(lambda texts: any(any(own) for own in texts)))
def test_any_texts_come_back_in_order(tmp_path: Path, texts: list[list[str]]) -> None:
    side = _with_sides(tmp_path / "d", len(texts), tokens=texts).split("train").sides["tokens"]
    for record, own in enumerate(texts):
        numbers = side.firsts[record] + np.arange(side.counts[record])
        assert decode(torch.from_numpy(side.stored(numbers))) == own


def test_a_clip_may_be_the_partner_of_a_clip(tmp_path: Path) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (3, 4, 6, 6, 3), dtype=np.uint8)
    media = MediaSpec(kind="video", channels=3, height=6, width=6, frames=4)
    split = pack_arrays(tmp_path / "d", {"train": clips}, media, sides={"train": {"target": clips[::-1]}}).split(
        "train"
    )
    batch = split.read(np.arange(3))
    assert torch.equal(batch["target"], batch["video"].flip(0))


def _rows(batches: list[Batch]) -> list[tuple[bytes, ...]]:
    return [
        tuple(value[i].numpy().tobytes() for _, value in sorted(b.items()))
        for b in batches
        for i in range(len(b["index"]))
    ]


def test_alternatives_are_drawn_by_position_alone(tmp_path: Path) -> None:
    split = _with_sides(tmp_path / "d", tokens=_CAPTIONS, target=_pixels(24, 16)).split("train")
    for step in (0, 7, 1_000_003):
        unions = []
        for world in (1, 2, 4):
            configs = [LoaderConfig(batch_size=8, rank=r, world_size=world, flip=True, workers=0) for r in range(world)]
            unions.append(_rows([b for config in configs for b in Loader([(split, 1.0)], config, "cpu")(step)]))
        assert unions[0] == unions[1] == unions[2]


def test_every_alternative_is_drawn_about_as_often(tmp_path: Path) -> None:
    split = _with_sides(tmp_path / "d", tokens=_CAPTIONS).split("train")
    loader = Loader([(split, 1.0)], LoaderConfig(batch_size=24, keys=("tokens",)), "cpu")
    seen: dict[int, list[str]] = {}
    for step in range(150):
        (batch,) = loader(step)
        for index, text in zip(batch["index"].tolist(), decode(batch["tokens"]), strict=True):
            seen.setdefault(index % 4, []).append(text)
    for number, own in enumerate(_CAPTIONS):
        shares = [seen[number].count(text) / len(seen[number]) for text in own]
        assert sum(shares) == pytest.approx(1)
        assert max(abs(share - 1 / len(own)) for share in shares) < 0.05


def test_sides_of_a_record_are_read_by_one_pick(tmp_path: Path) -> None:
    features = [[np.full((2, 2), 10 * n + k, np.float32) for k in range(len(own))] for n, own in enumerate(_CAPTIONS)]
    split = _with_sides(tmp_path / "d", tokens=_CAPTIONS, pose=features).split("train")
    (batch,) = Loader([(split, 1.0)], LoaderConfig(batch_size=96, workers=0), "cpu")(3)
    for text, pose in zip(decode(batch["tokens"]), batch["pose"], strict=True):
        number, place = divmod(int(pose[0, 0]), 10)
        assert _CAPTIONS[number][place] == text


def test_pictures_are_mirrored_with_their_records_and_values_are_not(tmp_path: Path) -> None:
    pixels = _pixels(12)
    sides = {"train": {"target": pixels, "mask": pixels[..., :1], "pose": pixels[..., 0].astype(np.float32)}}
    split = pack_arrays(tmp_path / "d", {"train": pixels}, _MEDIA, sides=sides, specs=[mask_side(_MEDIA)]).split(
        "train"
    )
    (batch,) = Loader([(split, 1.0)], LoaderConfig(batch_size=48, flip=True, workers=0), "cpu")(0)
    assert torch.equal(batch["target"], batch["image"])
    torch.testing.assert_close(batch["mask"] * 2 - 1, batch["image"][:, :1])
    upright = split.read(batch["index"].numpy())
    assert torch.equal(batch["pose"], upright["pose"])
    assert not torch.equal(batch["image"], upright["image"])


@pytest.mark.parametrize("ways", [{"workers": 2}, {"resident": True}, {"micro_batch": 3, "workers": 0}])
def test_every_way_of_reading_gives_the_same_sides(tmp_path: Path, ways: dict[str, int]) -> None:
    one = _with_sides(tmp_path / "a", tokens=_CAPTIONS, target=_pixels(24, 16), lengths=np.arange(24))
    other = _with_sides(
        tmp_path / "b", 10, tokens=["much longer than all others"], target=_pixels(9, 16), lengths=[[1, 2]]
    )
    sets = [(dataset.split("train"), 1.0) for dataset in (one, other)]
    plain = Loader(sets, LoaderConfig(batch_size=8, flip=True, workers=0), "cpu")
    second = Loader(sets, LoaderConfig(batch_size=8, flip=True, **ways), "cpu")  # type: ignore[arg-type]
    for step in (0, 1, 9, 4):
        assert plain(step)[0]["tokens"].shape[1] == 27
        assert _rows(list(plain(step))) == _rows(list(second(step)))
    second.close()


def test_a_side_that_is_not_wanted_is_not_read(tmp_path: Path) -> None:
    split = _with_sides(tmp_path / "d", tokens=_CAPTIONS, lengths=[1]).split("train")
    (tmp_path / "d" / "sides" / "tokens.bin").unlink()
    for keys in (("lengths",), ("image", "lengths"), ("image",), ()):
        (batch,) = Loader([(split, 1.0)], LoaderConfig(batch_size=4, keys=keys), "cpu")(0)
        assert set(batch) == {*keys, "index"}
        assert set(split.read(np.arange(4), keys)) == {*keys, "index"}
    with pytest.raises(BadInput, match=r"train\.tokens.*cannot be read"):
        split.read(np.arange(4))


def test_what_no_record_has_is_refused_by_name(tmp_path: Path) -> None:
    one, other = _with_sides(tmp_path / "a", tokens=_CAPTIONS), _with_sides(tmp_path / "b", lengths=[1])
    sets = [(dataset.split("train"), 1.0) for dataset in (one, other)]
    with pytest.raises(BadInput, match="no 'tokens', which is wanted of them, only image, index"):
        Loader(sets, LoaderConfig(batch_size=2, keys=("image", "tokens")), "cpu")
    with pytest.raises(BadInput, match="no 'label'"):
        Loader(sets[:1], LoaderConfig(batch_size=2, keys=("image", "label")), "cpu")
    assert set(Loader(sets, LoaderConfig(batch_size=2), "cpu")(0)[0]) == {"image", "index"}


def test_sets_whose_sides_differ_are_refused_and_lengths_may(tmp_path: Path) -> None:
    one = _with_sides(tmp_path / "a", tokens=["abc"], target=_pixels(2, 16))
    other = _with_sides(tmp_path / "b", tokens=[["longer", "x"]], target=_pixels(2, 12))
    with pytest.raises(BadInput, match="target is not alike"):
        Loader([(one.split("train"), 1.0), (other.split("train"), 1.0)], LoaderConfig(batch_size=2), "cpu")
    with pytest.raises(BadConfig, match="target is not alike"):
        open_training_data([tmp_path / "a", tmp_path / "b"])
    joined = common_sides([one.info.sides[:1], other.info.sides[:1]])
    assert [(spec.key, spec.shape, spec.several) for spec in joined] == [("tokens", (6,), 2)]


def test_previews_have_first_captions(tmp_path: Path) -> None:
    split = _with_sides(tmp_path / "d", tokens=_CAPTIONS).split("train")
    loader = Loader([(split, 1.0)], LoaderConfig(batch_size=2, flip=True), "cpu")
    assert decode(loader.preview(4)["tokens"]) == ["a cat", "two dogs", "", "a"]


def test_a_split_with_open_sides_is_sent_to_another_process(tmp_path: Path) -> None:
    split = _with_sides(tmp_path / "d", 3, tokens=_CAPTIONS).split("train")
    before = split.read(np.arange(3))["tokens"]
    sent = pickle.dumps(split)
    assert len(sent) < 5_000
    assert torch.equal(pickle.loads(sent).read(np.arange(3))["tokens"], before)


def test_text_that_no_record_has_is_left_out(tmp_path: Path) -> None:
    tokens = SideSpec(key="tokens", kind="text", shape=(0,), ragged=True)
    with PackWriter(tmp_path, sides=[tokens]) as writer:
        for pixels in _pixels(3):
            writer.append(encode_record(pixels), "a.png")
    writer.finish(PackInfo(name="mute", media=_MEDIA), [Place(split="train")] * 3)
    dataset = open_dataset(tmp_path)
    assert dataset.info.sides == ()
    assert not [file.name for file in dataset.files if "tokens" in file.name]
    dataset.verify()


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ({"pose": [np.zeros(2), np.zeros(3)]}, "cannot be|shape"),
        (
            {"target": [np.zeros((4, 4, 3), np.uint8), np.zeros((5, 4, 3), np.uint8)]},
            "target of record 1: has the shape",
        ),
        ({"lengths": [np.int64(1), np.float64(1.5)]}, "lengths of record 1: is of type float64"),
        ({"tokens": ["a", np.zeros(3)]}, "tokens of record 1: text is wanted"),
        ({"tokens": ["a", []]}, "tokens: record 1 has 0 values"),
        ({"index": [1, 2]}, "index is taken"),
        ({"caption": ["a", "b"]}, "no key of a batch"),
    ],
)
def test_sides_that_are_not_as_described_are_refused(tmp_path: Path, sides: dict[str, list[Any]], words: str) -> None:
    specs = [SideSpec(key="pose", kind="values", shape=(2,))]
    with pytest.raises(ValueError, match=words):
        pack_arrays(tmp_path / "d", {"train": _pixels(2)}, _MEDIA, sides={"train": sides}, specs=specs)
    assert not (tmp_path / "d").exists()


def test_values_say_by_their_type_what_they_are() -> None:
    assert described("tokens", ["a"]).kind == "text"
    assert described("target", [_pixels(1)[0]]).media == _MEDIA
    assert described("pose", [np.zeros(3), np.zeros(2)]).ragged
    assert described("action", [np.zeros((2, 3), np.int32)]).dtype == "int64"
    assert described("text_mask", [np.zeros(2, bool)] * 2) == SideSpec(
        key="text_mask", kind="values", shape=(2,), dtype="bool"
    )


def test_folders_from_before_there_were_sides_are_read() -> None:
    dataset = open_dataset(_OLD)
    assert dataset.info.sides == ()
    batch = dataset.split("val").read(np.arange(2))
    assert set(batch) == {"image", "label", "index"}
    stored = np.arange(240, 360).astype(np.uint8).reshape(2, 4, 5, 3)
    torch.testing.assert_close(batch["image"], torch.from_numpy(stored).movedim(-1, 1) / 127.5 - 1)
    (drawn,) = Loader([(dataset.split("train"), 1.0)], LoaderConfig(batch_size=4), "cpu")(0)
    assert sorted(drawn["index"].tolist()) == [0, 1, 2, 3]


def test_the_hash_of_data_without_sides_is_what_it_was_and_sides_change_it(tmp_path: Path) -> None:
    old = open_dataset(_OLD)
    splits = {name: old.split(name).stored(np.arange(count)) for name, count in old.splits.items()}
    labels = {name: old.split(name).labels(np.arange(count)) for name, count in old.splits.items()}

    def packed(name: str, **sides: Any) -> str:
        own = {split: {key: values[split] for key, values in sides.items()} for split in splits}
        info = pack_arrays(
            tmp_path / name, splits, old.info.media, labels=labels, classes=old.info.classes, sides=own
        ).info
        return info.sha256

    assert packed("again") == old.info.sha256
    texts = {"train": ["a", "b", "c", "d"], "val": ["e", "f"]}
    moved = {"train": ["a", "b", "c", "e"], "val": ["d", "f"]}
    joined = {"train": ["ab", "", "c", "d"], "val": ["e", "f"]}
    hashes = [old.info.sha256, *(packed(str(n), tokens=own) for n, own in enumerate((texts, moved, joined)))]
    assert len(set(hashes)) == 4
    assert packed("same", tokens=texts) == hashes[1]


@pytest.mark.parametrize("name", ["sides/tokens.bin", "sides/tokens.npy", "sides/train.tokens.npy"])
def test_a_flipped_byte_in_a_side_is_found_and_named(tmp_path: Path, name: str) -> None:
    _with_sides(tmp_path / "d", tokens=_CAPTIONS)
    content = bytearray((tmp_path / "d" / name).read_bytes())
    content[-1] ^= 1
    (tmp_path / "d" / name).write_bytes(bytes(content))
    with pytest.raises(BadInput, match=name):
        open_dataset(tmp_path / "d")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("train.tokens.npy", np.array([[0, 1], [7, 3], [0, 1], [0, 1]])),
        ("train.tokens.npy", np.array([[0, 1], [-1, 1], [0, 1], [0, 1]])),
        ("train.tokens.npy", np.array([[0, 1], [2**63 - 1, 1], [0, 1], [0, 1]])),
        ("train.tokens.npy", np.array([[0, 1], [0, 0], [0, 1], [0, 1]])),
        ("train.tokens.npy", np.array([[0, 1]])),
        ("train.tokens.npy", np.zeros((4, 2))),
        ("tokens.npy", np.array([0, 10**9], np.uint64)),
        ("tokens.npy", np.array([0, 30, 5, 35], np.uint64)),
        ("tokens.npy", np.array([], np.uint64)),
    ],
)
def test_sides_whose_numbers_lead_elsewhere_are_refused(tmp_path: Path, name: str, values: np.ndarray) -> None:
    """A folder may come from anybody, with hashes that are right."""
    folder = tmp_path / "d"
    dataset = _with_sides(folder, 4, tokens=_CAPTIONS)
    np.save(folder / "sides" / name, values)
    manifest = dict(dataset.manifest)
    manifest["files"] = [vars(StoredFile.of(folder, file.name)) for file in dataset.files]
    write_manifest(folder / "dataset.json", manifest)
    with pytest.raises(BadInput, match="tokens cannot be read"):
        open_dataset(folder).split("train").read(np.arange(4))


def test_a_side_of_enormous_length_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    dataset = _with_sides(tmp_path / "d", 4, tokens=_CAPTIONS)
    manifest = json.loads(json.dumps(dataset.manifest))
    manifest["info"]["sides"][0]["shape"] = [10**13]
    write_manifest(tmp_path / "d" / "dataset.json", manifest)
    with pytest.raises(BadInput, match="longest of its values is not"):
        open_dataset(tmp_path / "d").split("train").read(np.arange(4))
