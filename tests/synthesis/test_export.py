"""Models in published layouts: bit by bit there and back, and what a layout has no place for."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.interop.checkpoint import open_checkpoint
from diorama.networks.adversarial.dcgan import DCGANGeneratorConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.edm import SongUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.networks.motion.mocogan import MoCoGANGeneratorConfig
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.synthesis.export import export, layouts_for, write_export
from diorama.synthesis.gan import GANSynthesizerConfig
from diorama.synthesis.published import published_model
from diorama.synthesis.video_gan import NO_CATEGORY, VideoGANSynthesizerConfig
from tests.interop.oracles import VideoGenerator, dcgan_generator
from tests.synthesis.models import tiny_gan, tiny_vae

PICTURES = MediaSpec(kind="image", channels=1, height=64, width=64)
VELOCITY = TargetPreconditioning(predicts="velocity")
CLIPS = MediaSpec(kind="video", channels=1, height=64, width=64, frames=5)


def gan() -> Synthesizer:
    network = DCGANGeneratorConfig(channels=1, features=2, latent=3)
    return GANSynthesizerConfig(media=PICTURES, generator=network).build().eval()


def video_gan() -> Synthesizer:
    network = MoCoGANGeneratorConfig(channels=1, features=2, content=4, motion=3, categories=2)
    label = ConditionSpec(key="label", names=("run", "jump"), null=NO_CATEGORY)
    return VideoGANSynthesizerConfig(media=CLIPS, conditions=(label,), generator=network).build().eval()


def diffusion(*, classes: tuple[str, ...] = (), **changes: Any) -> Synthesizer:
    embedding = EmbeddingConfig()
    if classes:
        embedding = EmbeddingConfig(label="table", classes=len(classes), unconditional=True)
    network = DDPMUNetConfig(widths=(8, 16), depth=1, attention=(False, True), groups=4, embedding=embedding)
    media = MediaSpec(kind="image", channels=3, height=16, width=8)
    label = ConditionSpec(key="label", names=classes, null=len(classes))
    given: dict[str, Any] = {"media": media, "conditions": (label,) if classes else (), "denoiser": network} | changes
    return DiffusionSynthesizerConfig(**given).build().eval()


@pytest.mark.parametrize(
    ("make", "publisher"),
    [(gan, "dcgan-pytorch-examples"), (video_gan, "mocogan"), (diffusion, "diffusers-unet2d")],
)
def test_an_export_comes_back_bit_by_bit(tmp_path: Path, make: Any, publisher: str) -> None:
    model = make()
    files = export(model, publisher)
    out = tmp_path / ("out" if files.is_folder else "out.safetensors")
    written = write_export(files, out)
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted(written)
    config = None if files.is_folder else out.with_suffix(".json")
    back = published_model(open_checkpoint(out, config=config))
    # The layouts have no place for the names of categories, and one has a place for what is of no use here.
    told = {
        video_gan: ("its 2 classes have no names: they are called 0 to 1",),
        gan: ("left out of its arguments ngpu = 1: for training or speed alone",),
    }
    assert back.notes == told.get(make, ())
    assert back.state.keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in back.state.items())
    assert back.config.media == model.config.media
    rebuilt = back.config.build()
    rebuilt.load_state_dict(back.state)
    again = export(rebuilt, publisher)
    assert (again.arguments, again.schedule) == (files.arguments, files.schedule)
    assert all(torch.equal(again.tensors[name], tensor) for name, tensor in files.tensors.items())


def test_the_published_classes_take_what_was_written(tmp_path: Path) -> None:
    write_export(export(gan(), "dcgan-pytorch-examples"), tmp_path / "g.safetensors")
    dcgan_generator(1, 2, 3).load_state_dict(load_file(tmp_path / "g.safetensors"))
    write_export(export(video_gan(), "mocogan"), tmp_path / "v.safetensors")
    VideoGenerator(1, 2, 4, 2, 3).load_state_dict(load_file(tmp_path / "v.safetensors"))
    assert json.loads((tmp_path / "v.json").read_text()) == {
        "n_channels": 1,
        "dim_z_content": 4,
        "dim_z_category": 2,
        "dim_z_motion": 3,
        "video_length": 5,
        "ngf": 2,
    }


@torch.no_grad()
@pytest.mark.parametrize("sampler", [DDIMConfig(), AncestralConfig()])
def test_diffusers_loads_the_folder_and_predicts_the_same(
    tmp_path: Path, sampler: DDIMConfig | AncestralConfig
) -> None:
    diffusers = pytest.importorskip("diffusers")
    model = diffusion(sampler=sampler, preconditioning=VELOCITY, classes=("a", "b"))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.15)
    write_export(export(model, "diffusers-unet2d"), tmp_path / "out")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = diffusers.UNet2DModel.from_pretrained(tmp_path / "out")
        kind = diffusers.DDIMScheduler if isinstance(sampler, DDIMConfig) else diffusers.DDPMScheduler
        scheduler = kind.from_pretrained(tmp_path / "out")
    x, t, label = torch.randn(2, 3, 16, 8), torch.tensor([3, 700]), torch.tensor([0, 2])
    ours = model.get_submodule("denoiser")(x, t, {"label": label})
    torch.testing.assert_close(network(x, t, label).sample, ours, rtol=1e-4, atol=1e-4)
    assert tuple(network.config.sample_size) == (16, 8)
    assert scheduler.config.prediction_type == "v_prediction"
    # No weight or setting was missing, so nothing fell back to a default.
    assert network.config.block_out_channels == [8, 16]


def test_what_the_layout_has_no_place_for_is_said() -> None:
    notes = "\n".join(export(diffusion(classes=("a", "b"), guidance=3.0), "diffusers-unet2d").notes)
    assert "names of its 2 classes" in notes
    assert "last label, 2," in notes
    assert "guidance of 3" in notes
    assert "50 steps of sampling" in notes
    deep = GANSynthesizerConfig(
        media=replace(PICTURES, dtype="uint16", high=4095.0), generator=DCGANGeneratorConfig(channels=1, features=2)
    )
    assert export(deep.build(), "dcgan-pytorch-examples").notes == (
        "it draws uint16 from 0 to 4095, which is not written",
    )
    eta = diffusion(sampler=DDIMConfig(eta=0.5), steps=None)
    assert export(eta, "diffusers-unet2d").notes == (
        "its eta of 0.5 is not written; give it when you draw",
        "its noise follows the limited sample; draw with use_clipped_model_output=True",
    )
    odd = diffusion(sampler=DDIMConfig(clipped_noise=False), steps=7)
    assert any("goes down by a whole number of steps" in note for note in export(odd, "diffusers-unet2d").notes)
    even = diffusion(sampler=DDIMConfig(clipped_noise=False, even=True), steps=7)
    assert not any("goes down by" in note for note in export(even, "diffusers-unet2d").notes)


def test_a_network_of_edm_is_written_without_what_lies_around_it(tmp_path: Path) -> None:
    network = SongUNetConfig(size=16, width=8, growth=(1, 2), depth=1, attention=(False, True))
    files = export(diffusion(denoiser=network, preconditioning=EDMPreconditioning()), "edm")
    assert any("preconditioning" in note for note in files.notes)
    write_export(files, tmp_path / "net.safetensors")
    found = open_checkpoint(tmp_path / "net.safetensors", config=tmp_path / "net.json")
    assert found.layout.read_config(found.config) == network
    with pytest.raises(BadInput, match="no file says in which preconditioning"):
        published_model(found)


@pytest.mark.parametrize(
    ("model", "publisher", "said"),
    [
        (tiny_gan, "dcgan-pytorch-examples", r"size: the published Generator is of 64 x 64 pixels"),
        (gan, "mocogan", r"mocogan has no network for DCGANGenerator; .* as dcgan-pytorch-examples$"),
        (tiny_vae, "diffusers-unet2d", r"no network for models of the kind vae; no layout has one"),
        (gan, "basicsr", r"basicsr has no network for DCGANGenerator;"),
        (
            lambda: diffusion(denoiser=DDPMUNetConfig(widths=(8,), depth=1, attention=(False,), groups=4, patch=2)),
            "edm",
            r"no network for DDPMUNet; diffusers-unet2d has one, but patch: .* squares of 2",
        ),
        (
            lambda: diffusion(preconditioning=TargetPreconditioning(predicts="score")),
            "diffusers-unet2d",
            r"^preconditioning\.predicts: ",
        ),
    ],
)
def test_what_a_layout_cannot_say_is_refused_by_name(model: Any, publisher: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        export(model(), publisher)


def test_only_layouts_that_can_say_the_model_are_offered() -> None:
    assert layouts_for(gan().config) == ["dcgan-pytorch-examples"]
    # The published class is of 64 x 64 pixels, and this one is of 8 x 8.
    assert layouts_for(tiny_gan().config) == []
    with pytest.raises(BadInput, match=r"no network for DCGANGenerator; dcgan-pytorch-examples has one, but size"):
        export(tiny_gan(), "mocogan")


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(BadConfig, match="there is no layout 'onnx'"):
        export(gan(), "onnx")


def test_an_older_folder_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    write_export(export(diffusion(), "diffusers-unet2d"), tmp_path / "out")
    assert not (tmp_path / "out" / "old").exists()


def test_arguments_do_not_replace_a_file_of_the_users(tmp_path: Path) -> None:
    config = GANSynthesizerConfig(
        media=replace(PICTURES, height=64, width=64), generator=DCGANGeneratorConfig(features=2, latent=5)
    )
    files = export(config.build(), "dcgan-pytorch-examples")
    (tmp_path / "net.json").write_text('{"mine": 1}')
    with pytest.raises(BadInput, match=r"net\.json: exists"):
        write_export(files, tmp_path / "net.safetensors")
    assert (tmp_path / "net.json").read_text() == '{"mine": 1}'
    assert not (tmp_path / "net.safetensors").exists()
    for _ in range(2):  # what an earlier export wrote is replaced
        write_export(files, tmp_path / "other.safetensors")
