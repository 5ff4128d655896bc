"""Records and shards: without loss, whatever their type."""

from __future__ import annotations

import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.data.records import DTYPES, decode_record, digest_of, encode_record, encode_records, record_sums
from diorama.data.shards import ShardReader, ShardWriter


def _random(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype.startswith("uint"):
        return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    return rng.normal(size=shape).astype(dtype)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5)),
    frames=st.integers(0, 3),
    dtype=st.sampled_from(DTYPES),
)
def test_small_records_come_back_as_they_were(shape: tuple[int, int, int], frames: int, dtype: str) -> None:
    pixels = _random((frames, *shape) if frames else shape, dtype)
    payload = encode_record(pixels)
    assert payload.suffix == ""
    back = decode_record(payload.content, payload.row[0], payload.suffix)
    assert back.dtype == pixels.dtype
    assert np.array_equal(back, pixels)


@pytest.mark.parametrize(
    ("shape", "dtype", "suffix"),
    [
        ((200, 200, 3), "uint8", ".png"),
        ((300, 300, 1), "uint8", ".png"),
        ((200, 200, 1), "uint16", ".png"),
        ((8, 110, 110, 3), "uint8", ".png"),
        ((200, 200, 2), "uint8", ".npy.zst"),
        ((150, 150, 3), "uint16", ".npy.zst"),
        ((200, 200, 1), "float32", ".npy.zst"),
        ((200, 200, 1), "float16", ".npy.zst"),
    ],
)
def test_large_records_are_encoded_without_loss(shape: tuple[int, ...], dtype: str, suffix: str) -> None:
    pixels = _random(shape, dtype)
    payload = encode_record(pixels, fps=12.5)
    assert payload.suffix == suffix
    assert payload.row["fps"][0] == 12.5
    back = decode_record(payload.content, payload.row[0], payload.suffix)
    assert back.dtype == pixels.dtype
    assert np.array_equal(back, pixels)


def test_damaged_records_are_bad_input() -> None:
    for shape, dtype in (((200, 200, 3), "uint8"), ((200, 200, 1), "float32")):
        payload = encode_record(_random(shape, dtype))
        with pytest.raises(BadInput, match="damaged"):
            decode_record(payload.content[:-200], payload.row[0], payload.suffix)


def test_records_that_unfold_to_another_size_are_bad_input() -> None:
    for shape, dtype in (((200, 200, 3), "uint8"), ((200, 200, 1), "float32")):
        small, large = (encode_record(np.zeros(size, dtype)) for size in (shape, (900, 900, shape[2])))
        with pytest.raises(BadInput, match="damaged"):
            decode_record(large.content, small.row[0], large.suffix)


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="int64"):
        encode_record(np.zeros((2, 2, 1), np.int64))
    with pytest.raises(ValueError, match="record is"):
        encode_records(np.zeros((2, 2), np.uint8))


def test_digests_tell_shape_type_and_values_apart() -> None:
    zeros = np.zeros((2, 3, 1), np.uint8)
    others = [np.zeros((3, 2, 1), np.uint8), np.zeros((2, 3, 1), np.uint16), np.ones((2, 3, 1), np.uint8)]
    assert digest_of(zeros) == digest_of(zeros.copy())
    assert len({digest_of(x) for x in (zeros, *others)}) == 4


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_are_those_of_every_channel(dtype: str) -> None:
    stack = _random((3, 5, 4, 2), dtype)
    wide = stack.astype(np.float64)
    expected = np.stack([wide.sum((1, 2)), np.square(wide).sum((1, 2)), wide.min((1, 2)), wide.max((1, 2))], axis=-1)
    np.testing.assert_allclose(record_sums(stack), expected, rtol=1e-6)


def test_shards_stay_within_their_limit_and_are_readable_tars(tmp_path: Path) -> None:
    small = [_random((16, 16, 3), "uint8", seed) for seed in range(7)]
    large = [_random((160, 160, 3), "uint8", seed) for seed in range(5)]
    writer = ShardWriter(tmp_path, limit=200_000)
    order = [x for pair in zip(small, [*large, *small[:2]], strict=True) for x in pair]
    places = [(writer.append(payload), payload) for payload in map(encode_record, order)]
    files = writer.close()
    reader = ShardReader([tmp_path / file.name for file in files])
    for pixels, ((shard, offset, size), payload) in zip(order, places, strict=True):
        assert reader.suffix(shard, offset) == payload.suffix
        content = reader.content(shard, offset, size)
        assert np.array_equal(decode_record(content, payload.row[0], payload.suffix), pixels)
    for file in files:
        assert (tmp_path / file.name).stat().st_size == file.bytes <= 200_000
        if file.name.endswith(".tar"):
            with tarfile.open(tmp_path / file.name) as tar:
                assert all(member.name.endswith(".png") for member in tar)


def test_gathering_across_shards_keeps_the_order(tmp_path: Path) -> None:
    pixels = [_random((8, 8, 3), "uint8", seed) for seed in range(20)]
    writer = ShardWriter(tmp_path, limit=3_000)
    places = np.array([writer.append(encode_record(x)) for x in pixels])
    files = writer.close()
    assert len(files) > 1
    reader = pickle.loads(pickle.dumps(ShardReader([tmp_path / file.name for file in files])))
    order = np.array([19, 0, 7, 7, 12])
    found = reader.gather(places[order, 0], places[order, 1].astype(np.uint64), 192)
    assert np.array_equal(found.reshape(-1, 8, 8, 3), np.stack([pixels[i] for i in order]))


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"00000\.bin"):
        ShardReader([tmp_path / "00000.bin"]).content(0, 0, 1)
