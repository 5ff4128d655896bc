"""Published files and folders as they lie: wrapped, nested, pickled, incomplete."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.files import sha256_of
from diorama.interop.checkpoint import is_diffusers_folder, open_checkpoint
from diorama.interop.diffusers_unet2d import UNET2D
from diorama.interop.pytorch_examples_dcgan import DISCRIMINATOR, GENERATOR
from tests.interop.oracles import dcgan_discriminator, dcgan_generator
from tests.interop.published_folders import DDIM, pipeline_folder, unet_folder


def generator() -> dict[str, Tensor]:
    return dict(dcgan_generator(1, 2, 3).state_dict())


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_is_read_and_recognised(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"netG{suffix}"
    if suffix == ".pth":
        torch.save(generator(), path)
    else:
        save_file(generator(), path)
    found = open_checkpoint(path)
    assert found.layout is GENERATOR
    assert (found.path, found.sha256) == (path, sha256_of(path))
    assert found.tensors.keys() == generator().keys()
    assert found.notes == ()


def test_words_before_every_name_are_taken_off_and_told(tmp_path: Path) -> None:
    torch.save({"state_dict": prefixed("module", generator()), "epoch": 3}, tmp_path / "a.pth")
    found = open_checkpoint(tmp_path / "a.pth")
    assert found.layout is GENERATOR
    assert found.tensors.keys() == generator().keys()
    assert [note.split()[1] for note in found.notes] == ["'state_dict'", "'module'"]


def test_of_several_networks_one_is_asked_for(tmp_path: Path) -> None:
    both = {"netG": generator(), "netD": dcgan_discriminator(1, 2).state_dict(), "loss": torch.zeros(3)}
    torch.save(both, tmp_path / "a.pth")
    with pytest.raises(BadInput, match=r"a\.pth: .* --part .*: netG \(dcgan.* Generator\), netD \(dcgan.* Discrim"):
        open_checkpoint(tmp_path / "a.pth")
    found = open_checkpoint(tmp_path / "a.pth", part="netD")
    assert found.layout is DISCRIMINATOR
    assert found.notes == (f"took the {len(found.tensors)} tensors under 'netD', left out 26 others",)
    with pytest.raises(BadInput, match="has no tensors under 'ema'"):
        open_checkpoint(tmp_path / "a.pth", part="ema")


@pytest.mark.parametrize("pickled", [False, True])
def test_a_networks_folder_brings_its_config(tmp_path: Path, pickled: bool) -> None:
    folder = unet_folder(tmp_path / "x", pickled=pickled)
    assert is_diffusers_folder(folder)
    found = open_checkpoint(folder)
    assert found.layout is UNET2D
    assert found.config_path == folder / "config.json"
    assert found.config["layers_per_block"] == 1
    assert found.schedule is None


@pytest.mark.parametrize("inner", ["", "unet"])
def test_a_pipeline_brings_its_scheduler(tmp_path: Path, inner: str) -> None:
    found = open_checkpoint(pipeline_folder(tmp_path / "pipe") / inner)
    assert found.schedule == DDIM
    assert found.schedule_path == tmp_path / "pipe" / "scheduler" / "scheduler_config.json"


def test_a_file_brings_the_scheduler_that_lies_beside_it(tmp_path: Path) -> None:
    for folder in (unet_folder(tmp_path / "x", DDIM), pipeline_folder(tmp_path / "pipe") / "unet"):
        weights = folder / "diffusion_pytorch_model.safetensors"
        assert open_checkpoint(weights, config=folder / "config.json").schedule == DDIM
    (tmp_path / "scheduler_config.json").write_text("of no generator that draws in one pass")
    torch.save(generator(), tmp_path / "dcgan.pth")
    assert open_checkpoint(tmp_path / "dcgan.pth").schedule is None


def test_pipelines_of_2022_keep_all_in_one_folder(tmp_path: Path) -> None:
    folder = unet_folder(tmp_path / "x", {"_class_name": "DDPMScheduler"})
    (folder / "model_index.json").write_text('{"_class_name": "DDPMPipeline"}')
    assert open_checkpoint(folder).schedule == {"_class_name": "DDPMScheduler"}


def test_a_config_that_is_given_stands_above_the_folders(tmp_path: Path) -> None:
    folder = unet_folder(tmp_path / "x")
    (tmp_path / "other.json").write_text('{"sample_size": 8}')
    assert open_checkpoint(folder, config=tmp_path / "other.json").config == {"sample_size": 8}


def test_folders_that_are_not_the_librarys(tmp_path: Path) -> None:
    for content, said in (
        ('{"format": 1}', "is no folder of the diffusers library"),
        ("[]", "must hold a JSON object"),
        ("no json", "is not JSON"),
    ):
        (tmp_path / "config.json").write_text(content)
        assert not is_diffusers_folder(tmp_path)
        with pytest.raises(BadInput, match=said):
            open_checkpoint(tmp_path)
    assert not is_diffusers_folder(tmp_path / "none")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none: there is no such file or folder"):
        open_checkpoint(tmp_path / "none")
    folder = unet_folder(tmp_path / "x")
    weights = folder / "diffusion_pytorch_model.safetensors"
    weights.rename(folder / "diffusion_pytorch_model.safetensors.index.json")
    with pytest.raises(BadInput, match=r"index\.json: weights that are split"):
        open_checkpoint(folder)
    (folder / "diffusion_pytorch_model.safetensors.index.json").unlink()
    with pytest.raises(BadInput, match=r"there is no diffusion_pytorch_model\.safetensors and no"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    ("content", "said"), [("[]", "must hold a JSON object"), ("{", "is not JSON"), ("[" * 100_000, "is not JSON")]
)
def test_a_broken_config_is_named(tmp_path: Path, content: str, said: str) -> None:
    save_file(generator(), tmp_path / "a.safetensors")
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(BadInput, match=rf"c\.json: {said}"):
        open_checkpoint(tmp_path / "a.safetensors", config=tmp_path / "c.json")
    with pytest.raises(BadInput, match=r"d\.json: cannot be read"):
        open_checkpoint(tmp_path / "a.safetensors", config=tmp_path / "d.json")


def test_a_stranger_is_told_what_was_seen_and_what_is_known(tmp_path: Path) -> None:
    save_file({f"layer{i}.weight": torch.zeros(2) for i in range(6)}, tmp_path / "a.safetensors")
    with pytest.raises(
        BadInput, match=r"known here \(dcgan.*inception-fid\): its 6 tensors are layer0\.weight, .*, …$"
    ):
        open_checkpoint(tmp_path / "a.safetensors")
    folder = unet_folder(tmp_path / "x")
    (folder / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    with pytest.raises(BadInput, match="its config is of 'AutoencoderKL'"):
        open_checkpoint(folder)
