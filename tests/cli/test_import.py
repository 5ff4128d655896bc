"""``diorama import`` and ``diorama export``: a checkpoint in, a picture, and the checkpoint out again."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from diorama.cli import main as program
from diorama.cli.import_ import parse_size
from diorama.core.errors import BadConfig
from diorama.core.fetch import Published
from diorama.core.files import sha256_of
from diorama.interop import inception_fid
from diorama.interop.guided_diffusion import CLASSIFIER, SUPERRES, UNET
from diorama.interop.layout import Layout
from diorama.networks.features.inception import FIDInception
from diorama.synthesis import store
from diorama.synthesis.provenance import Provenance
from tests.interop.oracles import VideoGenerator, dcgan_discriminator, dcgan_generator, randomised
from tests.interop.published_folders import pipeline_folder, unet_folder
from tests.interop.test_guided_diffusion import SMALL as SMALL_ADM
from tests.synthesis.models import tiny_gan

Captured = pytest.CaptureFixture[str]


def said(words: list[object], code: int, capsys: Captured) -> str:
    """What ``diorama WORDS`` prints; it must end with a code."""
    assert program.run([str(word) for word in words]) == code, capsys.readouterr().err
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return printed.out + printed.err


def test_from_a_pickled_file_to_pictures_and_back(tmp_path: Path, capsys: Captured) -> None:
    state = randomised(dcgan_generator(3, 2, 5)).state_dict()
    torch.save(state, tmp_path / "netG.pth")
    model, back = tmp_path / "model", tmp_path / "back.safetensors"
    told = said(["import", tmp_path / "netG.pth", "--out", model], 0, capsys)
    assert f"netG.pth: Generator of dcgan-pytorch-examples, {len(state)} tensors" in told
    said(["sample", model, "--count", 3, "--out", tmp_path / "drawn"], 0, capsys)
    assert (tmp_path / "drawn" / "000002.png").is_file()
    told = said(["describe", model], 0, capsys)
    assert f"netG.pth {sha256_of(tmp_path / 'netG.pth')}" in told
    said(["export", model, "--to", "dcgan-pytorch-examples", "--out", back], 0, capsys)
    found = load_file(back)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


def test_a_bare_state_dict_of_guided_diffusion_needs_its_arguments(tmp_path: Path, capsys: Captured) -> None:
    ours = UNET.read_config(SMALL_ADM)
    state = UNET.export_state(ours, randomised(ours.build()).state_dict())
    torch.save(state, tmp_path / "adm.pt")
    (tmp_path / "adm.json").write_text(json.dumps({k: v for k, v in SMALL_ADM.items() if k != "image_size"}))
    model, back = tmp_path / "model", tmp_path / "back.safetensors"
    words = ["import", tmp_path / "adm.pt", "--out", model]
    assert "neither a config nor the tensors say in_channels, model_channels" in said(words, 1, capsys)
    assert f"give --config FILE.json ({tmp_path / 'adm.json'} lies beside it)" in said(words, 1, capsys)
    words += ["--config", tmp_path / "adm.json"]
    assert "image_size: how large its pictures are" in said(words, 1, capsys)
    assert "UNetModel of guided-diffusion" in said([*words, "--size", 8], 0, capsys)
    said(["sample", model, "--count", 1, "--steps", 2, "--out", tmp_path / "drawn"], 0, capsys)
    assert (tmp_path / "drawn" / "000000.png").is_file()
    said(["export", model, "--to", "guided-diffusion", "--out", back], 0, capsys)
    assert all(torch.equal(tensor, state[name]) for name, tensor in load_file(back).items())
    said(["import", back, "--config", back.with_suffix(".json"), "--out", tmp_path / "again"], 0, capsys)


def test_an_enlarging_network_of_guided_diffusion_is_told_how_large_small_pictures_are(
    tmp_path: Path, capsys: Captured
) -> None:
    told = said(["import", *adm_file(SUPERRES, tmp_path), "--out", tmp_path / "model"], 1, capsys)
    assert "low_res: how large the small pictures are must be said" in told


def test_a_classifier_of_guided_diffusion_guides_its_model(tmp_path: Path, capsys: Captured) -> None:
    model, guide, back = tmp_path / "model", tmp_path / "guide", tmp_path / "back.safetensors"
    said(["import", *adm_file(UNET, tmp_path), "--out", model], 0, capsys)
    words = adm_file(CLASSIFIER, tmp_path)
    assert "EncoderUNetModel of guided-diffusion" in said(["import", *words, "--out", guide], 0, capsys)
    assert "Tells 3 labels of noisy 8×8 pictures apart" in (guide / "README.md").read_text()
    drawn = ["--guide", guide, "--guidance", 2, "--label", 1, "--count", 1, "--steps", 2, "--out", tmp_path / "drawn"]
    said(["sample", model, *drawn], 0, capsys)
    assert "which draws nothing; it guides" in said(["sample", guide, "--out", tmp_path / "none"], 1, capsys)
    told = said(["export", guide, "--to", "guided-diffusion", "--out", back], 0, capsys)
    assert "the names of its 3 labels and its noise process are not written" in told
    state = torch.load(words[0])
    assert all(torch.equal(tensor, state[name]) for name, tensor in load_file(back).items())
    said(["import", back, "--config", back.with_suffix(".json"), "--out", tmp_path / "again"], 0, capsys)


def adm_file(layout: Layout[Any, Any], folder: Path) -> list[object]:
    """A small published network and its arguments, as words of ``diorama import``."""
    ours, name = layout.read_config(SMALL_ADM), layout.network
    torch.save(layout.export_state(ours, randomised(ours.build()).state_dict()), folder / f"{name}.pt")
    (folder / f"{name}.json").write_text(json.dumps(SMALL_ADM))
    return [folder / f"{name}.pt", "--config", folder / f"{name}.json"]


def test_a_generator_of_clips_is_told_its_length(tmp_path: Path, capsys: Captured) -> None:
    torch.save(VideoGenerator(1, 2, 4, 2, 3).state_dict(), tmp_path / "v.pt")
    (tmp_path / "v.json").write_text('{"dim_z_category": 2}')
    words = ["import", tmp_path / "v.pt", "--config", tmp_path / "v.json", "--out", tmp_path / "model"]
    assert "video_length" in said(words, 1, capsys)
    said([*words, "--frames", 4], 0, capsys)
    said(["sample", tmp_path / "model", "--count", 1, "--out", tmp_path / "drawn"], 0, capsys)
    assert (tmp_path / "drawn" / "000000.mp4").is_file()


def test_a_pipeline_is_drawn_from_as_it_lies_and_imported(tmp_path: Path, capsys: Captured) -> None:
    pipe = pipeline_folder(tmp_path / "pipe")
    said(["import", pipe, "--out", tmp_path / "model"], 0, capsys)
    said(["export", tmp_path / "model", "--to", "diffusers-unet2d", "--out", tmp_path / "back"], 0, capsys)
    for place in (pipe, tmp_path / "model", tmp_path / "back"):
        said(["sample", place, "--count", 1, "--out", tmp_path / "drawn" / place.name], 0, capsys)
    drawn = [(tmp_path / "drawn" / name / "000000.png").read_bytes() for name in ("pipe", "model", "back")]
    assert drawn[0] == drawn[1] == drawn[2]


def test_a_size_that_nobody_says_is_asked_for(tmp_path: Path, capsys: Captured) -> None:
    folder = unet_folder(tmp_path / "x", sample_size=None)
    assert "sample_size" in said(["import", folder, "--out", tmp_path / "model"], 1, capsys)
    said(["import", folder, "--out", tmp_path / "model", "--size", "16x8"], 0, capsys)
    assert "8 x 16, 3 channels" in said(["describe", tmp_path / "model"], 0, capsys)


def test_what_was_guessed_is_printed(tmp_path: Path, capsys: Captured) -> None:
    folder = unet_folder(tmp_path / "x")
    told = said(["import", folder, "--out", tmp_path / "model"], 0, capsys)
    assert "note: no scheduler_config.json lies beside it" in told


def test_the_fid_network_is_put_where_evaluate_looks(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "downloaded.pth"
    torch.save(FIDInception().state_dict(), path)
    assert "is not the published FID" in said(["import", path], 1, capsys)
    assert not list((tmp_path / "cache").rglob("*.pth"))
    known = Published(url="file:///x", name="w.pth", sha256=sha256_of(path), size=1, about="the weights")
    monkeypatch.setattr(inception_fid, "WEIGHTS", known)
    kept = tmp_path / "cache" / "weights" / "w.pth"
    assert f"kept for `diorama evaluate`: {kept}" in said(["import", path], 0, capsys)
    assert kept.read_bytes() == path.read_bytes()
    inception_fid.load_inception()


def test_a_discriminator_is_recognised_and_no_model(tmp_path: Path, capsys: Captured) -> None:
    torch.save(dcgan_discriminator(1, 2).state_dict(), tmp_path / "netD.pth")
    told = said(["import", tmp_path / "netD.pth", "--out", tmp_path / "model"], 1, capsys)
    assert "Discriminator of dcgan-pytorch-examples" in told
    assert not (tmp_path / "model").exists()


def test_no_other_folder_is_replaced(tmp_path: Path, capsys: Captured) -> None:
    torch.save(dcgan_generator(1, 2, 3).state_dict(), tmp_path / "netG.pth")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.png").touch()
    (tmp_path / "photos" / "config.json").write_text(json.dumps({}))
    assert "choose another" in said(["import", tmp_path / "netG.pth", "--out", tmp_path / "photos"], 1, capsys)
    said(["import", tmp_path / "netG.pth", "--out", tmp_path / "model"], 0, capsys)
    said(["import", tmp_path / "netG.pth", "--out", tmp_path / "model"], 0, capsys)
    assert "choose another" in said(["import", tmp_path / "netG.pth", "--out", tmp_path / "netG.pth"], 1, capsys)
    trained = tiny_gan()
    store.save(tmp_path / "trained", trained.config, trained.state_dict(), Provenance(recipe="tiny"), "card")
    told = said(["import", tmp_path / "netG.pth", "--out", tmp_path / "trained"], 1, capsys)
    assert "trained: holds a model that was trained; choose another place" in told
    unet = unet_folder(tmp_path / "x")
    said(["import", unet, "--out", tmp_path / "unet"], 0, capsys)
    words = ["export", tmp_path / "unet", "--to", "diffusers-unet2d", "--out"]
    assert "choose another" in said([*words, tmp_path / "photos"], 1, capsys)
    said([*words, unet], 0, capsys)
    assert (tmp_path / "photos" / "mine.png").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["import"], "FILE_OR_FOLDER"),
        (["import", "x", "--size", "big"], "expected a side in pixels"),
        (["import", "x", "--frames", "0"], "--frames must be at least 1"),
        (["export", "x", "--out", "y"], "--to"),
        (["export", "x", "--to", "dcgan", "--out", "y"], "did you mean 'dcgan-pytorch-examples'?"),
    ],
)
def test_wrong_arguments_end_with_two_and_say_which(words: list[str], told: str, capsys: Captured) -> None:
    assert told in " ".join(said(list(words), 2, capsys).replace("│", " ").split())


def test_where_to_write_is_asked_for(tmp_path: Path, capsys: Captured) -> None:
    torch.save(dcgan_generator(1, 2, 3).state_dict(), tmp_path / "netG.pth")
    assert "--out is missing" in said(["import", tmp_path / "netG.pth"], 2, capsys)
    said(["import", tmp_path / "netG.pth", "--out", tmp_path / "model"], 0, capsys)
    words = ["export", tmp_path / "model", "--to", "dcgan-pytorch-examples", "--out", tmp_path / "netG2.pth"]
    assert "must end in .safetensors" in said(list(words), 2, capsys)
    assert not (tmp_path / "netG2.pth").exists()


@pytest.mark.parametrize("text", ["", "x", "0", "3x", "1x2x3", "-4", "4.5"])
def test_sizes_are_one_side_or_two(text: str) -> None:
    assert (parse_size("64"), parse_size("48x64"), parse_size("8X4")) == ((64, 64), (48, 64), (8, 4))
    with pytest.raises(BadConfig, match="expected a side"):
        parse_size(text)


def test_a_sampler_for_diffusers_is_chosen_when_writing(tmp_path: Path, capsys: Captured) -> None:
    unet_folder(tmp_path / "unet", {"_class_name": "DDPMScheduler", "timestep_spacing": "trailing"})
    said(["import", tmp_path / "unet", "--out", tmp_path / "model"], 0, capsys)
    words = ["export", tmp_path / "model", "--to", "diffusers", "--out", tmp_path / "out"]
    said([*words, "--sampler", "dpmpp_2m", "--steps", "20"], 0, capsys)
    written = json.loads((tmp_path / "out" / "scheduler_config.json").read_text())
    assert written["_class_name"] == "DPMSolverMultistepScheduler"
    assert written["timestep_spacing"] == "trailing"
    told = said([*words, "--sampler", "heun"], 1, capsys)
    assert "model: sampler.along: time cannot be written" in told
    assert "did you mean 'heun'" in said([*words, "--sampler", "huen"], 2, capsys)


def test_what_needs_no_import_or_cannot_be_one_is_told_what_to_do(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text("{}")
    told = said(["import", tmp_path / "run", "--out", tmp_path / "model"], 1, capsys)
    assert "is a run of Diorama, which sample, evaluate and compare take as it is" in told
    (tmp_path / "own").mkdir()
    for name in ("config.json", "provenance.json", "model.safetensors"):
        (tmp_path / "own" / name).write_text("{}")
    told = said(["import", tmp_path / "own" / "model.safetensors", "--out", tmp_path / "model"], 1, capsys)
    assert "is of a model folder of Diorama" in told
    (tmp_path / "notes.md").write_text("# Notes")
    told = said(["import", tmp_path / "notes.md", "--out", tmp_path / "model"], 1, capsys)
    assert "notes.md: is no checkpoint: neither safetensors" in told
    for name, content in (("list.pkl", [1, 2]), ("table.pkl", {"rows": [1, 2]})):
        (tmp_path / name).write_bytes(pickle.dumps(content))
        told = said(["import", tmp_path / name, "--out", tmp_path / "model"], 1, capsys)
        assert "holds no network; of pickles (.pkl) those of EDM, EDM2, R3GAN, StyleGAN2 and StyleGAN3 are read" in told
