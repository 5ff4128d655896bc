"""Trained parts by name: where they are, and what is said when they are not there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig, BadInput
from diorama.synthesis import parts
from diorama.synthesis.parts import ModelRef, check_parts, load_parts
from diorama.synthesis.provenance import Provenance
from diorama.synthesis.store import model_hash, save
from tests.synthesis.models import tiny_vae

WANTED = {"codec": "a VAE"}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"publisher": "them", "file": "net.pth"},
        {"folder": "runs/vae", "sha256": "ab"},
        {"folder": "runs/vae", "publisher": "them", "file": "net.pth", "sha256": "ab"},
    ],
)
def test_a_reference_names_a_folder_or_a_published_file_whole(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="by its folder, or by publisher, file and sha256 together"):
        ModelRef(**fields)


@pytest.mark.parametrize(
    "ref",
    [ModelRef(folder="runs/vae"), ModelRef(publisher="them", file="net.pth", sha256="ab")],
    ids=["ours", "theirs"],
)
def test_a_reference_comes_back_from_json(ref: ModelRef) -> None:
    assert decode(ModelRef, encode(ref)) == ref


def test_a_part_is_loaded_as_it_was_saved_and_known_by_its_hash(tmp_path: Path) -> None:
    model = tiny_vae()
    save(tmp_path / "vae", model.config, model.state_dict(), Provenance(), "")
    part = load_parts({"codec": ModelRef(folder=str(tmp_path / "vae"))}, WANTED)["codec"]
    assert part.sha256 == model_hash(model)
    assert not part.module.training
    for name, value in part.module.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_all_parts_that_are_missing_are_named_with_what_they_must_be() -> None:
    with pytest.raises(BadConfig, match=r"--frozen\.codec FOLDER, a VAE; --frozen\.text FOLDER, an encoder"):
        check_parts({}, {**WANTED, "text": "an encoder"})


def test_a_published_file_is_taken_only_as_what_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    ref = ModelRef(publisher="them", file=str(path), sha256=digest)
    monkeypatch.setattr(parts, "read_published", lambda publisher, file: nn.Linear(1, 1))
    part = load_parts({"codec": ref}, WANTED)["codec"]
    assert part.sha256 == digest
    assert not part.module.training
    assert not any(parameter.requires_grad for parameter in part.module.parameters())

    path.write_bytes(b"other weights")
    with pytest.raises(BadInput, match=r"^frozen\.codec: .*net\.pth: is another file than the one that is meant"):
        load_parts({"codec": ref}, WANTED)
    path.unlink()
    with pytest.raises(BadInput, match=r"^frozen\.codec: .*net\.pth: cannot be read \(No such file"):
        load_parts({"codec": ref}, WANTED)
