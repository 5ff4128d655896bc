"""Sides that are computed of prepared records and kept outside their folder: a codec's latents, a text's embeddings.

A folder of such a side names the data, the split and the encoder by their hashes, and serves no others.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from diorama.core.config import decode, encode
from diorama.core.contracts import SideSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.core.files import write_json
from diorama.core.locks import only_process
from diorama.data.dataset import Split
from diorama.data.manifest import StoredFile, check_files, read_manifest, write_manifest
from diorama.data.side_values import Side, form_of
from diorama.data.side_writer import SideValues, SideWriter

FORMAT = "diorama-side/1"
MANIFEST = "side.json"
_BEGUN, _FILES = "begun.json", "files"
_COMMITTED_BYTES = 64 << 20
"""Values that are written before the disk is waited for: what a crash of the machine may cost."""

Encoded = Callable[[int], Iterable[Sequence[SideValues]]]
"""``encoded(first)`` gives what records ``first``, ``first + 1`` … to the last have, some of them at a time."""


def side_name(split: Split, spec: SideSpec, encoder_sha256: str) -> str:
    """A name for the folder of a side among others of other data, splits and encoders."""
    what = f"{spec.key}-mirrored" if spec.mirrored else spec.key
    return f"{what}-{split.info.sha256[:16]}-{split.name}-{encoder_sha256[:16]}"


def write_side(folder: Path, split: Split, spec: SideSpec, encoded: Encoded, encoder_sha256: str) -> Side:
    """Compute a side of all records of a split, once; as :func:`writing_side`, which says how far it is."""
    for _ in writing_side(folder, split, spec, encoded, encoder_sha256):
        pass
    return open_side(folder, split, encoder_sha256)


def writing_side(folder: Path, split: Split, spec: SideSpec, encoded: Encoded, encoder_sha256: str) -> Iterator[int]:
    """Compute a side of all records of a split, once, for :func:`open_side`.

    A folder that is there and fits is opened as it is. Writing that was broken off goes on after the last whole record;
    the folder appears when all is done.

    Args:
        folder: of this side of this split alone.
        split: the records.
        spec: of the side; how long ragged values are and how many alternatives there are is found out.
        encoded: what the records have, from any of them on. Values are text or arrays, channels last where the side is
            one of pictures; several of a record are a list, or one more axis in front.
        encoder_sha256: names what computes them, weights and settings.

    Yields:
        How many records have been computed.

    Raises:
        BadInput: a folder is there that does not fit, or another process is writing it.
        ValueError: a value is not as the spec says, or there are not as many as records.
    """
    if not (folder / MANIFEST).is_file():
        # The name holds no process id, so that the next process finds the folder and continues.
        partial = folder.with_name(f".{folder.name}.partial")
        partial.mkdir(parents=True, exist_ok=True)
        with only_process(partial):
            if not (folder / MANIFEST).is_file():  # another process may have been faster
                yield from _written(partial, split, spec, encoded, encoder_sha256)
                os.replace(partial / _FILES, folder)
            (partial / _BEGUN).unlink(missing_ok=True)
        with suppress(OSError):  # another process may have put its lock in here already
            partial.rmdir()
    side = open_side(folder, split, encoder_sha256)
    if form_of(side.spec) != form_of(spec) or side.spec.key != spec.key:
        raise BadInput(f"{folder}: holds {side.spec}, wanted is {spec}; {_remedy(folder)}")


def open_side(folder: Path, split: Split, encoder_sha256: str) -> Side:
    """A side that :func:`write_side` wrote, for :meth:`diorama.data.dataset.Split.with_side`.

    Raises:
        BadInput: no such folder, damaged, or of other records or another encoder.
    """
    content = read_manifest(folder / MANIFEST, FORMAT, _remedy(folder))
    try:
        for field, wanted in _identity(split, encoder_sha256).items():
            if content[field] != wanted:
                raise BadInput(f"{folder / MANIFEST}: {field} is {content[field]}, not {wanted}; {_remedy(folder)}")
        spec: SideSpec = decode(SideSpec, content["spec"], "spec")
        files = [StoredFile(**file) for file in content["files"]]
        if any(Path(file.name).name != file.name for file in files):
            raise ValueError("it names files outside the folder")
    except (ValueError, KeyError, TypeError, AttributeError, BadConfig) as problem:
        raise BadInput(f"{folder / MANIFEST}: is damaged ({problem}); {_remedy(folder)}") from problem
    check_files(folder, files, _remedy(folder))
    return Side(spec, folder, split.name, len(split))


def _remedy(folder: Path) -> str:
    return f"remove {folder}, and it is computed again"


def _identity(split: Split, encoder_sha256: str) -> dict[str, Any]:
    """What a side belongs to."""
    return {
        "data_sha256": split.info.sha256,
        "split": split.name,
        "count": len(split),
        "encoder_sha256": encoder_sha256,
    }


def _written(partial: Path, split: Split, spec: SideSpec, encoded: Encoded, encoder_sha256: str) -> Iterator[int]:
    """Write the files into a folder inside ``partial``; how many records have been computed."""
    identity, files = _identity(split, encoder_sha256), partial / _FILES
    begun = {**identity, "spec": encode(spec)}
    if _begun(partial) != begun:  # what lies there is something else's
        shutil.rmtree(files, ignore_errors=True)
        write_json(partial / _BEGUN, begun)
    files.mkdir(exist_ok=True)
    with SideWriter(files, spec, resume=True) as writer:
        committed = writer.bytes
        for some in encoded(writer.records) if writer.records < len(split) else ():
            for values in some:
                writer.append(values)
            if writer.bytes - committed > _COMMITTED_BYTES:
                writer.commit()
                committed = writer.bytes
            yield writer.records
        writer.commit()
    if writer.records != len(split):
        if writer.records > len(split):  # nothing that could be gone on with
            shutil.rmtree(files)
        raise ValueError(f"{spec.key}: {writer.records} records were encoded, the split has {len(split)}")
    found, places = writer.finish()
    np.save(files / f"{split.name}.{spec.key}.npy", places)
    names = [path.name for path in (*writer.files, files / f"{split.name}.{spec.key}.npy")]
    stored = [asdict(StoredFile.of(files, name)) for name in names]
    write_manifest(files / MANIFEST, {"format": FORMAT, **identity, "spec": encode(found), "files": stored})
    writer.drop_counters()


def _begun(partial: Path) -> Any:
    """What the files of an earlier attempt are, if there was one."""
    try:
        return json.loads((partial / _BEGUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
