"""The published FID weights are known by their hash and fit our network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diorama.core.errors import BadInput
from diorama.core.fetch import Published
from diorama.core.files import sha256_of
from diorama.interop import inception_fid
from diorama.interop.inception_fid import INCEPTION, load_inception, pytorch_fid_input, torch_fidelity_input
from diorama.networks.features.inception import FIDInception


def test_a_file_with_the_right_hash_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = FIDInception()
    path = tmp_path / inception_fid.WEIGHTS.name
    torch.save(network.state_dict(), path)
    known = Published(url="file:///nowhere", name=path.name, sha256=sha256_of(path), size=1, about="the weights")
    monkeypatch.setattr(inception_fid, "WEIGHTS", known)
    loaded, digest = load_inception(tmp_path)
    assert digest == sha256_of(path)
    assert not loaded.training
    torch.testing.assert_close(loaded.fc.weight, network.fc.weight.data)


def test_the_file_is_known_by_its_whole_hash() -> None:
    """Its name carries the first 32 bits alone."""
    weights = inception_fid.WEIGHTS
    assert len(weights.sha256) == 64
    assert weights.name == f"pt_inception-2015-12-05-{weights.sha256[:8]}.pth"


def test_offline_names_the_address_and_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Published(url="file:///nowhere/x.pth", name="x.pth", sha256="6726825d" * 8, size=1, about="the FID weights")
    monkeypatch.setattr(inception_fid, "WEIGHTS", gone)
    with pytest.raises(BadInput, match=r"file:///nowhere/x\.pth.*x\.pth"):
        load_inception(tmp_path)


def test_torchvisions_network_is_another_one() -> None:
    shapes = {name: tuple(t.shape) for name, t in FIDInception().state_dict().items()}
    assert INCEPTION.recognises(shapes, {})
    assert not INCEPTION.recognises(shapes | {"AuxLogits.fc.weight": (1000, 768)}, {})
    with pytest.raises(BadInput, match=r"'fc\.weight' has shape"):
        INCEPTION.load({}, FIDInception().state_dict() | {"fc.weight": torch.zeros(1000, 2048)})


def test_inputs_have_the_publishers_ranges() -> None:
    images = torch.randint(0, 256, (2, 3, 20, 30), dtype=torch.uint8)
    unit, first = pytorch_fid_input(images)
    levels, second = torch_fidelity_input(images)
    assert unit.shape == levels.shape == (2, 3, 299, 299)
    assert unit.max() <= 1
    assert first.min() >= -1
    assert levels.max() > 1
    assert -1 <= second.min() <= second.max() < 1
