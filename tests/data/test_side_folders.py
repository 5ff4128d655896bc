"""Sides kept outside the prepared folder: bound to data and encoder, written once, resumed, mirrored."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core.contracts import SideSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.core.locks import only_process
from diorama.data import sides
from diorama.data.dataset import Split, open_dataset
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.sides import open_side, side_name, write_side
from tests.data.pictures import packed
from tests.together import PROCESSES

_ENCODER = "e" * 64
_LATENT = SideSpec(key="latent", kind="values", shape=(3, 2, 2))
_MIRRORED = SideSpec(key="latent", kind="values", shape=(3, 2, 2), mirrored=True)


@pytest.fixture
def split(tmp_path: Path) -> Split:
    return packed(tmp_path / "d", 20).split("train")


def _latents(x: torch.Tensor) -> np.ndarray:
    """A codec without weights: averages of blocks, (n, 3, 2, 2)."""
    return torch.nn.functional.avg_pool2d(x, 4).numpy()


def _both(split: Split, first: int, size: int = 3) -> Iterator[np.ndarray]:
    """Latents as they are and of the mirrored pictures, (n, 2, 3, 2, 2) a time."""
    for start in range(first, len(split), size):
        x = split.read(np.arange(start, min(start + size, len(split))))["image"]
        yield np.stack([_latents(x), _latents(x.flip(-1))], axis=1)


def _write(folder: Path, split: Split, encoder: str = _ENCODER) -> Split:
    return split.with_side(write_side(folder, split, _MIRRORED, lambda first: _both(split, first), encoder))


def test_latents_are_those_of_the_picture_as_it_is_read(tmp_path: Path, split: Split) -> None:
    with_latents = _write(tmp_path / "side", split)
    assert with_latents.info.condition("latent") is not None
    assert split.info.sides == ()
    for resident in (False, True):
        config = LoaderConfig(batch_size=32, flip=True, resident=resident, workers=0)
        (batch,) = Loader([(with_latents, 1.0)], config, "cpu")(5)
        torch.testing.assert_close(batch["latent"], torch.from_numpy(_latents(batch["image"])))
        upright = split.read(batch["index"].numpy())["image"]
        assert (batch["image"] != upright).any()


def test_pixels_need_not_be_read_with_their_latents(tmp_path: Path, split: Split) -> None:
    with_latents = _write(tmp_path / "side", split)
    (tmp_path / "d" / "shards" / "00000.bin").unlink()
    (batch,) = Loader([(with_latents, 1.0)], LoaderConfig(batch_size=4, keys=("latent",)), "cpu")(0)
    assert set(batch) == {"latent", "index"}


def test_mirroring_needs_latents_of_mirrored_pictures(tmp_path: Path, split: Split) -> None:
    plain = [_latents(split.read(np.arange(20))["image"])]
    side = write_side(tmp_path / "side", split, _LATENT, lambda first: plain, _ENCODER)
    sets = [(split.with_side(side), 1.0)]
    with pytest.raises(BadConfig, match="flip"):
        Loader(sets, LoaderConfig(batch_size=2, flip=True), "cpu")
    Loader(sets, LoaderConfig(batch_size=2, flip=True, keys=("image",)), "cpu")
    (batch,) = Loader(sets, LoaderConfig(batch_size=20), "cpu")(0)
    torch.testing.assert_close(batch["latent"], torch.from_numpy(_latents(batch["image"])))


def test_ragged_embeddings_of_several_captions_are_kept_too(tmp_path: Path, split: Split) -> None:
    spec = SideSpec(key="text", kind="values", shape=(0, 4), ragged=True)
    given = [[np.full((n % 3 + k + 1, 4), n, np.float32) for k in range(2)] for n in range(20)]
    side = write_side(tmp_path / "side", split, spec, lambda first: [given[first:]], _ENCODER)
    assert (side.spec.shape, side.spec.several) == ((4, 4), 2)
    assert open_side(tmp_path / "side", split, _ENCODER).spec == side.spec
    text = split.with_side(side).read(np.array([2, 3]))["text"]
    assert text.sum((1, 2)).tolist() == [3 * 4 * 2, 1 * 4 * 3]


def test_a_folder_that_fits_is_not_computed_again(tmp_path: Path, split: Split) -> None:
    _write(tmp_path / "side", split)
    side = write_side(tmp_path / "side", split, _MIRRORED, lambda first: pytest.fail("computed again"), _ENCODER)
    assert side.read(np.arange(3)).shape == (3, 3, 2, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "side"]


def test_sides_of_other_data_splits_encoders_and_forms_are_refused(tmp_path: Path, split: Split) -> None:
    _write(tmp_path / "side", split)
    other = packed(tmp_path / "other", 20, seed=1).split("train")
    with pytest.raises(BadInput, match="data_sha256"):
        open_side(tmp_path / "side", other, _ENCODER)
    with pytest.raises(BadInput, match=r"encoder_sha256 is e+, not f+; remove"):
        open_side(tmp_path / "side", split, "f" * 64)
    with pytest.raises(BadInput, match="encoder_sha256"):
        _write(tmp_path / "side", split, encoder="f" * 64)
    with pytest.raises(BadInput, match=r"holds .*mirrored=True.*wanted is .*mirrored=False"):
        write_side(tmp_path / "side", split, _LATENT, lambda first: [], _ENCODER)
    with pytest.raises(BadInput, match=r"side\.json"):
        open_side(tmp_path / "nothing", split, _ENCODER)
    names = {
        side_name(s, spec, e) for s in (split, other) for spec in (_LATENT, _MIRRORED) for e in (_ENCODER, "f" * 64)
    }
    assert len(names) == 8


def test_a_side_belongs_to_one_split(tmp_path: Path, split: Split) -> None:
    side = open_side(_write(tmp_path / "side", split).sides["latent"].folder, split, _ENCODER)
    with pytest.raises(ValueError, match="20 records of train"):
        packed(tmp_path / "other", 5).split("train").with_side(side)
    with pytest.raises(ValueError, match="latent is taken"):
        split.with_side(side).with_side(side)


@pytest.mark.parametrize("name", ["latent.bin", "train.latent.npy", "side.json"])
def test_damage_is_found_and_named(tmp_path: Path, split: Split, name: str) -> None:
    _write(tmp_path / "side", split)
    content = bytearray((tmp_path / "side" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "side" / name).write_bytes(bytes(content))
    with pytest.raises(BadInput, match=f"{name}.*damaged.*remove"):
        open_side(tmp_path / "side", split, _ENCODER)


def test_a_manifest_that_names_files_elsewhere_is_refused(tmp_path: Path, split: Split) -> None:
    _write(tmp_path / "side", split)
    manifest = json.loads((tmp_path / "side" / "side.json").read_text())
    del manifest["checksum"]
    manifest["files"][0]["name"] = "../d/dataset.json"
    sides.write_manifest(tmp_path / "side" / "side.json", manifest)
    with pytest.raises(BadInput, match="outside the folder"):
        open_side(tmp_path / "side", split, _ENCODER)


def test_too_few_and_too_many_records_are_refused_and_nothing_appears(tmp_path: Path, split: Split) -> None:
    for count in (19, 21):
        latents = np.zeros((count, 3, 2, 2), np.float32)
        with pytest.raises(ValueError, match=f"latent: {count} records were encoded, the split has 20"):
            write_side(tmp_path / f"side-{count}", split, _LATENT, lambda first, x=latents: [x[first:]], _ENCODER)
        assert not (tmp_path / f"side-{count}").exists()
        right = np.ones((20, 3, 2, 2), np.float32)
        side = write_side(tmp_path / f"side-{count}", split, _LATENT, lambda first, x=right: [x[first:]], _ENCODER)
        assert side.read(np.array([19])).min() == 1


def test_one_process_writes_at_a_time(tmp_path: Path, split: Split) -> None:
    (tmp_path / ".side.partial").mkdir()
    with only_process(tmp_path / ".side.partial"), pytest.raises(BadInput, match="at work in this folder"):
        _write(tmp_path / "side", split)


@pytest.mark.parametrize("lost", [("latent.bin", 1), ("latent.lengths", 3), ("latent.counts", 2), ("latent.bin", 200)])
def test_writing_goes_on_after_the_last_whole_record(tmp_path: Path, split: Split, lost: tuple[str, int]) -> None:
    whole = _write(tmp_path / "whole", split)

    def broken(first: int) -> Iterator[np.ndarray]:
        for number, part in enumerate(_both(split, first)):
            if number == 4:
                raise KeyboardInterrupt
            yield part

    with pytest.raises(KeyboardInterrupt):
        write_side(tmp_path / "side", split, _MIRRORED, broken, _ENCODER)
    torn = tmp_path / ".side.partial" / "files" / lost[0]
    os.truncate(torn, torn.stat().st_size - lost[1])
    begins = []

    def rest(first: int) -> Iterator[np.ndarray]:
        begins.append(first)
        return _both(split, first, size=7)

    side = write_side(tmp_path / "side", split, _MIRRORED, rest, _ENCODER)
    assert 8 <= begins[0] < 12
    assert not list(tmp_path.glob(".side*"))
    assert (tmp_path / "side" / "latent.bin").read_bytes() == (tmp_path / "whole" / "latent.bin").read_bytes()
    assert torch.equal(side.read(np.arange(20)), whole.sides["latent"].read(np.arange(20)))


def test_what_another_encoder_began_is_not_gone_on_with(tmp_path: Path, split: Split) -> None:
    for encoder in ("a" * 64, _ENCODER):
        with pytest.raises(ValueError, match="9 records"):
            write_side(tmp_path / "side", split, _MIRRORED, lambda first: [next(_both(split, 0, 9))], encoder)
    begins: list[int] = []
    write_side(
        tmp_path / "side", split, _MIRRORED, lambda first: (begins.append(first), *_both(split, first))[1:], _ENCODER
    )
    assert begins == [9]


def _write_until_killed(folder: Path, data: Path) -> None:
    sides._COMMITTED_BYTES = 0
    split = open_dataset(data).split("train")

    def encoded(first: int) -> Iterator[np.ndarray]:
        for number, part in enumerate(_both(split, first)):
            if number == 3:
                os._exit(9)
            yield part

    write_side(folder, split, _MIRRORED, encoded, _ENCODER)


def test_a_killed_writing_loses_only_what_was_not_yet_on_the_disk(tmp_path: Path, split: Split) -> None:
    process = PROCESSES.Process(target=_write_until_killed, args=(tmp_path / "side", tmp_path / "d"))
    process.start()
    process.join()
    assert process.exitcode == 9
    begins: list[int] = []
    write_side(
        tmp_path / "side", split, _MIRRORED, lambda first: (begins.append(first), *_both(split, first))[1:], _ENCODER
    )
    assert begins == [9]
    torch.testing.assert_close(
        open_side(tmp_path / "side", split, _ENCODER).read(np.arange(20)),
        torch.from_numpy(_latents(split.read(np.arange(20))["image"])),
    )
