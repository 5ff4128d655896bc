"""A writer that meets a full disk leaves no file open, whichever of its files met it."""

from __future__ import annotations

import errno
import gc
import warnings
from pathlib import Path

import numpy as np
import pytest

from diorama.core.contracts import MediaSpec, SideSpec
from diorama.data.pack import PackWriter
from diorama.data.records import Payload, encode_record
from diorama.data.shards import ShardWriter

MEDIA = MediaSpec(kind="image", channels=3, height=4, width=4)


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["_flush", "write"])
def test_no_shard_stays_open_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    captions = SideSpec(key="tokens", kind="text", ragged=True, shape=(1,))
    raw = encode_record(np.zeros((4, 4, 3), np.uint8), None)
    encoded = Payload(content=b"as it was", suffix=".png", row=raw.row, sums=raw.sums)

    def written() -> None:
        with PackWriter(tmp_path, sides=[captions]) as writer:
            writer.append(raw, "a", sides={"tokens": "a cat"})
            writer.append(encoded, "b", sides={"tokens": "a dog"})
            monkeypatch.setattr(f"diorama.data.shards._OpenShard.{where}", _full)
            if where == "write":
                writer.append(raw, "c")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(OSError, match="No space left"):
            written()
        gc.collect()
    monkeypatch.undo()
    assert ShardWriter(tmp_path / "new").close() == []
