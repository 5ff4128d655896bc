"""Records on a GPU: kept there or sent there, they are those that the CPU reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core.contracts import MediaSpec
from diorama.data import resident
from diorama.data.dataset import Split
from diorama.data.gather import wanted_of
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.pack import pack_arrays
from diorama.data.resident import Resident
from diorama.data.schedule import Schedule


def _split(out: Path, seed: int, count: int) -> Split:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    sides = {
        "tokens": [["x" * (number % 5 + 1), f"{seed} {number}"] for number in range(count)],
        "target": rng.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8),
        "pose": rng.normal(size=(count, 4)),
    }
    val = {key: values[:3] for key, values in sides.items()}
    return pack_arrays(
        out,
        {"train": pixels, "val": pixels[:3]},
        MediaSpec(kind="image", channels=3, height=8, width=8),
        labels={"train": np.arange(count) % 2, "val": np.zeros(3, np.int64)},
        classes=("a", "b"),
        sides={"train": sides, "val": val},
    ).split("train")


@pytest.mark.gpu
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("keys", [None, ("tokens", "target", "label"), ("image",)])
def test_a_gpu_is_given_what_the_cpu_reads(tmp_path: Path, kept: bool, keys: tuple[str, ...] | None) -> None:
    sets = [(_split(tmp_path / "a", 1, 40), 2.0), (_split(tmp_path / "b", 2, 25), 1.0)]
    config = LoaderConfig(batch_size=16, flip=True, keys=keys)
    plain = Loader(sets, config, "cpu")
    other = Loader(sets, LoaderConfig(batch_size=16, flip=True, keys=keys, resident=kept), "cuda")
    for step in (0, 1, 7):
        (host,), (device,) = plain(step), other(step)
        assert set(host) == set(device)
        for key, value in host.items():
            assert device[key].is_cuda
            torch.testing.assert_close(device[key].cpu(), value, rtol=0, atol=1e-6)
    other.close()


def test_only_values_of_the_split_are_kept(tmp_path: Path) -> None:
    split = _split(tmp_path / "a", 1, 40)
    kept = Resident([split], wanted_of([split], ("tokens", "pose")), torch.device("cpu"))
    assert kept._kept["tokens"].shape == (80, 5)
    assert kept._kept["tokens"].dtype == torch.uint8
    assert kept._kept["pose"].shape == (40, 4)
    assert "image" not in kept._kept


def test_moving_in_parts_gives_every_record_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "_MOVED_AT_ONCE", 7)
    splits = [_split(tmp_path / "a", 1, 40), _split(tmp_path / "b", 2, 25)]
    kept = Resident(splits, wanted_of(splits, None), torch.device("cpu"))
    chosen = Schedule([40, 25], [1.0, 1.0], seed=0, flip=False).at(0, 60)
    batch = kept.wanted.finished(kept(chosen))
    for place, (number, record) in enumerate(zip(chosen.sets, chosen.records, strict=True)):
        own = splits[number].read(np.array([record]), ("image", "label", "pose"))
        assert all(torch.equal(batch[key][place], own[key][0]) for key in own)
