"""LPIPS is filled from files that lie at hand; what is missing or another file is said in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diorama.core.errors import BadInput
from diorama.core.files import sha256_of
from diorama.core.weights import OwnFile
from diorama.interop import lpips
from diorama.networks.features.lpips import LPIPSConfig


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a trunk and heads of SqueezeNet under their published names."""
    torch.manual_seed(0)
    network = LPIPSConfig(trunk="squeeze").build()
    behind = {"classifier.1.weight": torch.zeros(10, 512, 1, 1)}
    heads = {f"lin{n}.model.1.weight": head.weight.data for n, head in enumerate(network.heads)}
    (tmp_path / "lpips").mkdir()
    for files, state in ((lpips.TRUNK_FILES, network.trunk.state_dict() | behind), (lpips.HEAD_FILES, heads)):
        file = files["squeeze"]
        path = tmp_path / file.name
        torch.save(state, path)
        known = OwnFile(url=file.url, name=file.name, sha256=sha256_of(path)[:8], about=file.about)
        monkeypatch.setitem(files, "squeeze", known)  # type: ignore[arg-type]
    for name in ("DIORAMA_DATA", "TORCH_HOME", "DIORAMA_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    return tmp_path


def test_files_at_hand_fill_trunk_and_heads_and_move_no_draws(published: Path) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    network = lpips.load_lpips(LPIPSConfig(trunk="squeeze"), published)
    assert torch.equal(before, torch.get_rng_state())
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    torch.manual_seed(0)
    drawn = LPIPSConfig(trunk="squeeze").build()
    assert all(torch.equal(tensor, drawn.state_dict()[name]) for name, tensor in network.state_dict().items())


def test_the_folder_of_data_is_looked_into(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIORAMA_DATA", str(published))
    lpips.load_lpips(LPIPSConfig(trunk="squeeze"))


def test_what_is_not_at_hand_is_asked_for_in_a_line(published: Path) -> None:
    with pytest.raises(BadInput, match=r"AlexNet is not at hand: download https://.*alexnet-owt-7be5be79\.pth and put"):
        lpips.load_lpips(LPIPSConfig(trunk="alex"), published)


def test_another_file_of_that_name_is_refused(published: Path) -> None:
    (published / lpips.HEAD_FILES["squeeze"].name).write_bytes(b"other")
    with pytest.raises(BadInput, match=r"squeeze\.pth: is not the LPIPS heads of squeeze.*should begin with"):
        lpips.load_lpips(LPIPSConfig(trunk="squeeze"), published)


def test_a_missing_and_a_misshapen_tensor_are_named() -> None:
    trunk = LPIPSConfig(trunk="alex").build().trunk
    state = trunk.state_dict()
    with pytest.raises(BadInput, match=r"AlexNet: tensor 'features\.0\.bias' is missing"):
        lpips.fill_trunk(trunk, {n: t for n, t in state.items() if n != "features.0.bias"}, "AlexNet")
    with pytest.raises(BadInput, match=r"tensor 'features\.0\.bias' has shape \(3,\), and the network has \(64,\)"):
        lpips.fill_trunk(trunk, state | {"features.0.bias": torch.zeros(3)}, "AlexNet")
