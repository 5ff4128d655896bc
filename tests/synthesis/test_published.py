"""Published checkpoints as models: what they draw, what is guessed and said, and what is refused by name."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import diorama
from diorama.core.errors import BadInput
from diorama.core.files import sha256_of
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.diffusers_schedule import Schedule
from diorama.interop.diffusers_unet2d import UNET2D
from diorama.interop.diffusers_write import write_schedule
from diorama.interop.mocogan import IMAGE_DISCRIMINATOR
from diorama.interop.pytorch_examples_dcgan import DISCRIMINATOR
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.heun import HeunConfig
from diorama.synthesis import store
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.synthesis.gan import GANSynthesizerConfig
from diorama.synthesis.published import Asked, PublishedModel, published_model
from diorama.synthesis.published_card import card
from diorama.synthesis.schedules import schedule_of
from diorama.synthesis.video_gan import VideoGANSynthesizerConfig
from tests.interop.oracles import VideoGenerator, dcgan_generator, randomised
from tests.interop.published_folders import DDIM, pipeline_folder, unet_folder
from tests.interop.test_layout import published


def file_of(folder: Path, tensors: Mapping[str, Tensor], name: str = "a.safetensors") -> Path:
    save_file({key: tensor.clone() for key, tensor in tensors.items()}, folder / name)
    return folder / name


def built(model: PublishedModel) -> Synthesizer:
    synthesizer = model.config.build()
    synthesizer.load_state_dict(model.state)
    return synthesizer.eval()


def test_a_dcgan_draws_as_the_published_layers_do(tmp_path: Path) -> None:
    theirs = randomised(dcgan_generator(3, 2, 5))
    model = published_model(open_checkpoint(file_of(tmp_path, theirs.state_dict())))
    assert isinstance(model.config, GANSynthesizerConfig)
    assert model.config.media.shape == (3, 64, 64)
    assert model.notes == ()
    noise = torch.randn(2, 5)
    with torch.no_grad():
        expected = theirs.main(noise[:, :, None, None])  # type: ignore[operator]
    torch.testing.assert_close(built(model).sample(2, noise=noise), expected, rtol=1e-4, atol=1e-5)


def test_a_mocogan_draws_clips_as_the_published_layers_do(tmp_path: Path) -> None:
    theirs = randomised(VideoGenerator(1, 2, 4, 3, 2))
    (tmp_path / "c.json").write_text('{"dim_z_category": 3, "video_length": 6}')
    checkpoint = open_checkpoint(file_of(tmp_path, theirs.state_dict()), config=tmp_path / "c.json")
    model = published_model(checkpoint)
    assert isinstance(model.config, VideoGANSynthesizerConfig)
    assert model.config.media.shape == (1, 6, 64, 64)
    assert published_model(checkpoint, Asked(frames=3)).config.media.frames == 3
    # Categories have numbers and no names, and are drawn by chance where none is asked for.
    assert model.config.classes == ("0", "1", "2")
    assert any("3 classes have no names" in note for note in model.notes)
    synthesizer = built(model)
    noise = torch.randn(2, *synthesizer.noise_shape)
    content, first, steps, votes = noise.split([4, 2, 12, 3], dim=1)
    with torch.no_grad():
        expected = theirs(content, torch.eye(3)[votes.argmax(1)], first, steps.reshape(2, 6, 2))
    torch.testing.assert_close(synthesizer.sample(2, noise=noise), expected, rtol=1e-4, atol=1e-5)


SCHEDULE = DDIM | {"beta_schedule": "squaredcos_cap_v2"}


def test_a_unet_takes_its_process_and_sampler_from_the_scheduler(tmp_path: Path) -> None:
    asked = {"prediction_type": "v_prediction", "clip_sample": False, "timestep_spacing": "trailing"}
    config = published_model(open_checkpoint(unet_folder(tmp_path / "a", SCHEDULE | asked))).config
    assert isinstance(config, DiffusionSynthesizerConfig)
    assert (config.media.height, config.media.width) == (16, 8)
    assert config.process == DiscreteProcess(steps=100, betas="cosine")
    assert config.preconditioning == TargetPreconditioning(predicts="velocity")
    assert (config.sampler, config.spacing, config.steps) == (
        DDIMConfig(clipped_noise=False, even=True),
        StepSpacing(leap="trailing"),
        50,
    )
    assert not config.clip
    ddpm = {"_class_name": "DDPMScheduler", "variance_type": "fixed_large", "beta_end": 0.03}
    config = published_model(open_checkpoint(unet_folder(tmp_path / "b", ddpm))).config
    assert isinstance(config, DiffusionSynthesizerConfig)
    assert (config.sampler, config.steps) == (AncestralConfig(variance="large"), None)
    assert config.process == DiscreteProcess(last=0.03)


def test_a_learned_variance_is_drawn_with(tmp_path: Path) -> None:
    ddpm = {"_class_name": "DDPMScheduler", "variance_type": "learned_range", "num_train_timesteps": 5}
    model = published_model(open_checkpoint(unet_folder(tmp_path / "a", ddpm, out_channels=6)))
    assert isinstance(model.config, DiffusionSynthesizerConfig)
    assert model.config.preconditioning == TargetPreconditioning(variance="share")
    assert built(model).sample(2, seed=0).shape == (2, 3, 16, 8)


@torch.no_grad()
def test_the_ddim_path_is_the_librarys(tmp_path: Path) -> None:
    """From one noise to one picture: network, levels, order of steps and prediction type in one."""
    diffusers = pytest.importorskip("diffusers")
    folder = unet_folder(tmp_path / "a", SCHEDULE | {"clip_sample": False, "prediction_type": "v_prediction"})
    model = published_model(open_checkpoint(folder))
    assert isinstance(model.config, DiffusionSynthesizerConfig)
    synthesizer = built(replace(model, config=replace(model.config, steps=5)))
    x = noise = torch.randn(2, 3, 16, 8, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = diffusers.UNet2DModel.from_pretrained(folder)
        scheduler = diffusers.DDIMScheduler.from_pretrained(folder)
    scheduler.set_timesteps(5)
    for t in scheduler.timesteps:
        x = scheduler.step(network(x, t).sample, t, x).prev_sample
    torch.testing.assert_close(synthesizer.sample(2, noise=noise), x.clamp(-1, 1), rtol=1e-3, atol=1e-3)


def test_what_is_guessed_filled_in_or_turned_is_said(tmp_path: Path) -> None:
    folder = unet_folder(tmp_path / "a", num_class_embeds=3)
    weights = folder / "diffusion_pytorch_model.safetensors"
    save_file({name: tensor.half() for name, tensor in load_file(weights).items()}, weights)
    notes = "\n".join(published_model(open_checkpoint(folder)).notes)
    assert "no scheduler_config.json lies beside it: took" in notes
    assert "tensors of torch.float16 are kept as float32" in notes
    assert "3 classes have no names: they are called 0 to 2" in notes
    old = {n: t for n, t in dcgan_generator(1, 2, 3).state_dict().items() if not n.endswith("num_batches_tracked")}
    (note,) = published_model(open_checkpoint(file_of(tmp_path, old))).notes
    assert note.startswith("4 counters of batch norm are missing")


def test_origin_and_card_name_the_file_by_its_hash(tmp_path: Path) -> None:
    path = file_of(tmp_path, dcgan_generator(1, 2, 3).state_dict())
    model = published_model(open_checkpoint(path))
    found = model.provenance.published
    assert found is not None
    assert (found.publisher, found.network) == ("dcgan-pytorch-examples", "Generator")
    assert (found.file, found.sha256) == ("a.safetensors", sha256_of(path))
    assert found.config["nz"] == 3
    assert sha256_of(path) in card(model)
    assert "64×64 pictures of 1 channels" in card(model)


def _discriminator(folder: Path) -> Path:
    return file_of(folder, published(DISCRIMINATOR))


def _frame_discriminator(folder: Path) -> Path:
    return file_of(folder, published(IMAGE_DISCRIMINATOR))


def _no_size(folder: Path) -> Path:
    return unet_folder(folder / "x", sample_size=None)


def _odd_size(folder: Path) -> Path:
    return unet_folder(folder / "x", sample_size=15)


def _variances(folder: Path) -> Path:
    return unet_folder(folder / "x", out_channels=6)


def _fourier(folder: Path) -> Path:
    return unet_folder(folder / "x", time_embedding_type="fourier")


def _vectors(folder: Path) -> Path:
    return unet_folder(folder / "x", class_embed_type="identity")


def _other_scheduler(folder: Path) -> Path:
    return unet_folder(folder / "x", {"_class_name": "KarrasVeScheduler"})


def _impossible_scheduler(folder: Path) -> Path:
    return unet_folder(folder / "x", SCHEDULE | {"beta_start": 2.0})


def _unknown_argument(folder: Path) -> Path:
    path = unet_folder(folder / "x") / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": 1}))
    return path.parent


def _missing_tensor(folder: Path) -> Path:
    path = unet_folder(folder / "x") / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    del tensors["mid_block.resnets.0.conv1.weight"]
    save_file(tensors, path)
    return path.parent


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_discriminator, r"a\.safetensors: is the Discriminator of dcgan.* no model folder holds one alone"),
        (_frame_discriminator, r"a\.safetensors: is the ImageDiscriminator of mocogan"),
        (_no_size, r"config\.json: sample_size: .*--size"),
        (_odd_size, r"config\.json: media: height and width must be multiples of 2"),
        (_variances, r"config\.json: denoiser\.out_channels: the network predicts 6 channels of the 3"),
        (_fourier, r"config\.json: time_embedding_type: 'fourier'"),
        (_vectors, r"config\.json: class_embed_type"),
        (_other_scheduler, r"scheduler_config\.json: _class_name: 'KarrasVeScheduler'"),
        (_impossible_scheduler, r"scheduler_config\.json: beta_start, beta_end: .*2\.0"),
        (_unknown_argument, r"config\.json: UNet2DModel config\.colour"),
        (_missing_tensor, r"model\.safetensors: .*'mid_block\.resnets\.0\.conv1\.weight' is missing"),
    ],
)
def test_what_is_no_model_is_refused_by_file_and_name(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        published_model(open_checkpoint(make(tmp_path)))


def test_sizes_and_lengths_can_be_said_only_where_there_is_a_choice(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(_no_size(tmp_path))
    assert published_model(checkpoint, Asked(size=(8, 24))).config.media.shape == (3, 8, 24)
    with pytest.raises(BadInput, match="--frames: the published UNet2DModel leaves no choice"):
        published_model(checkpoint, Asked(frames=4))
    path = file_of(tmp_path, dcgan_generator(1, 2, 3).state_dict())
    with pytest.raises(BadInput, match="--size: the published Generator leaves no choice"):
        published_model(open_checkpoint(path), Asked(size=(32, 32)))


def test_the_length_of_clips_must_be_said(tmp_path: Path) -> None:
    path = file_of(tmp_path, VideoGenerator(1, 2, 4, 0, 2).state_dict())
    (tmp_path / "c.json").write_text('{"dim_z_category": 0}')
    with pytest.raises(BadInput, match=r"c\.json: video_length: .* --frames"):
        published_model(open_checkpoint(path, config=tmp_path / "c.json"))


def test_a_folder_of_diffusers_serves_as_it_lies(tmp_path: Path) -> None:
    folder = unet_folder(tmp_path / "x", SCHEDULE)
    model = diorama.load(folder)
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    imported = published_model(open_checkpoint(folder))
    store.save(tmp_path / "model", imported.config, imported.state, imported.provenance, card(imported))
    again = diorama.load(tmp_path / "model")
    assert torch.equal(again.sample(2, seed=3), model.sample(2, seed=3))
    assert store.model_hash(folder) == store.model_hash(tmp_path / "model") == store.model_hash(model)
    assert store.read_provenance(folder) == store.read_provenance(tmp_path / "model")


def test_a_guess_is_warned_of_when_a_folder_is_loaded(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"x: no scheduler_config\.json lies beside it"):
        diorama.load(unet_folder(tmp_path / "x"))


@pytest.mark.parametrize("sampler", [AncestralConfig(variance="small"), DDIMConfig()])
def test_a_model_and_its_schedule_agree(tmp_path: Path, sampler: AncestralConfig | DDIMConfig) -> None:
    config = published_model(open_checkpoint(unet_folder(tmp_path / "x", SCHEDULE))).config
    assert isinstance(config, DiffusionSynthesizerConfig)
    clean = TargetPreconditioning(predicts="clean")
    config = replace(config, sampler=sampler, preconditioning=clean, spacing=StepSpacing(leap="linspace"), clip=False)
    schedule = schedule_of(config)
    assert schedule == Schedule(
        process=DiscreteProcess(steps=100, betas="cosine"),
        preconditioning=clean,
        spacing=StepSpacing(leap="linspace"),
        sampler=sampler,
        threshold=None,
        steps=config.steps,
    )


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"preconditioning": TargetPreconditioning(time_input="sigma")}, r"preconditioning\.time_input"),
        ({"preconditioning": EDMPreconditioning()}, "preconditioning"),
        ({"process": ExplodingProcess(), "spacing": KarrasSpacing(), "sampler": HeunConfig()}, "process"),
        ({"spacing": UniformSpacing()}, "spacing"),
        ({"sampler": HeunConfig()}, "sampler"),
    ],
)
def test_what_no_scheduler_can_say_is_refused_by_its_field(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    config = published_model(open_checkpoint(unet_folder(tmp_path / "x", SCHEDULE))).config
    assert isinstance(config, DiffusionSynthesizerConfig)
    with pytest.raises(BadInput, match=f"^{named}"):
        write_schedule(schedule_of(replace(config, **changes)))


@torch.no_grad()
@pytest.mark.parametrize("predicts", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("spacing", ["leading", "linspace"])
def test_a_ddim_pipeline_draws_what_the_library_draws(tmp_path: Path, clip: bool, spacing: str, predicts: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    schedule = {**DDIM, "clip_sample": clip, "prediction_type": predicts, "timestep_spacing": spacing}
    model = diorama.load(unet_folder(tmp_path / "x", schedule)).resampled(Sampling(sampler="ddim", steps=20))
    x = start = 3 * torch.randn(2, 3, 16, 8)
    scheduler = diffusers.DDIMScheduler(**{key: value for key, value in schedule.items() if not key.startswith("_")})
    scheduler.set_timesteps(20)
    for t in scheduler.timesteps:
        x = scheduler.step(model.get_submodule("denoiser")(x, t.float(), {}), t, x).prev_sample
    found = [stage.x for stage in model.stages(start, {})][-1]
    torch.testing.assert_close(found, x, rtol=1e-3, atol=1e-3)


def test_a_pipeline_with_further_parts_is_refused(tmp_path: Path) -> None:
    folder = pipeline_folder(tmp_path / "x")
    parts = {"_class_name": "LDMPipeline", "unet": ["diffusers", "UNet2DModel"], "vqvae": ["diffusers", "VQModel"]}
    (folder / "model_index.json").write_text(json.dumps(parts))
    with pytest.raises(BadInput, match=r"model_index\.json: vqvae: parts of LDMPipeline"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_size", 0),
        ("sample_size", [16, -16]),
        ("sample_size", 1_000_000),
        ("norm_num_groups", 0),
        ("norm_num_groups", -4),
        ("norm_num_groups", 3),
        ("attn_norm_num_groups", 5),
        ("downsample_padding", 2),
        ("downsample_padding", -1),
        ("freq_shift", 4.0),
        ("mid_block_scale_factor", 0.0),
        ("norm_eps", -1.0),
        ("dropout", 2.0),
        ("num_class_embeds", 0),
        ("time_embedding_dim", -1),
        ("block_out_channels", [0, 8]),
        ("block_out_channels", [-8, 8]),
    ],
)
def test_impossible_values_are_refused_by_their_published_name(tmp_path: Path, field: str, value: Any) -> None:
    folder = unet_folder(tmp_path / "x", DDIM)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, field: value}))
    with pytest.raises(BadInput, match=rf"config\.json: .*{field}: "):
        published_model(open_checkpoint(folder))


def test_what_skip_blocks_do_not_read_is_not_held_against_them() -> None:
    skip = {"down_block_types": ["SkipDownBlock2D"] * 3, "up_block_types": ["SkipUpBlock2D"] * 3}
    given = {**skip, "block_out_channels": [8, 12, 16], "norm_num_groups": 8, "downsample_padding": 2}
    assert UNET2D.read_config(given).widths == (8, 12, 16)


def test_a_learned_table_of_times_holds_every_step(tmp_path: Path) -> None:
    folder = unet_folder(
        tmp_path / "x", {**DDIM, "num_train_timesteps": 1000}, time_embedding_type="learned", num_train_timesteps=100
    )
    with pytest.raises(BadInput, match="num_train_timesteps: the network's table has 100 times"):
        published_model(open_checkpoint(folder))
    config = json.loads((folder / "config.json").read_text())
    del config["num_train_timesteps"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match="num_train_timesteps: a learned time embedding needs"):
        published_model(open_checkpoint(folder))


@pytest.mark.parametrize("argument", ["nc", "ngf", "nz"])
def test_networks_of_no_channels_are_refused_by_name(tmp_path: Path, argument: str) -> None:
    path = file_of(tmp_path, dcgan_generator(3, 2, 5).state_dict())
    (tmp_path / "c.json").write_text(json.dumps({argument: 0}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BadInput, match=rf"{argument}: must be at least 1, got 0"):
            published_model(open_checkpoint(path, config=tmp_path / "c.json"))


def test_tensors_of_no_known_network_are_named_as_they_are_in_the_file(tmp_path: Path) -> None:
    tensors = dict(dcgan_generator(3, 2, 5).state_dict())
    del tensors["main.0.weight"]
    with pytest.raises(BadInput, match=r"its 24 tensors are main\."):
        open_checkpoint(file_of(tmp_path, tensors))


def test_a_broken_config_in_a_pipeline_is_named(tmp_path: Path) -> None:
    folder = pipeline_folder(tmp_path / "x")
    (folder / "unet" / "config.json").write_text("{")
    with pytest.raises(BadInput, match=r"unet/config\.json: is not JSON"):
        open_checkpoint(folder)
