"""Pickles of EDM and EDM2: recognised by the class that they name, drawn from, and never executed."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import diorama
from diorama.cli.main import run
from diorama.core.errors import BadInput
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.edm_precond import load_denoiser
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.published import published_model
from tests.interop.research_pickles import Persistent, module_of, research_modules, write_pickle
from tests.interop.test_edm2 import SMALL
from tests.interop.test_edm2 import published as published_edm2
from tests.interop.test_edm_precond import CONFIG, published

BUFFERS = ("freqs", "phases", "resample_filter", "u")


def edm2() -> tuple[dict[str, Any], dict[str, Tensor]]:
    config = {**SMALL, "label_dim": 3, "logvar_channels": 4}
    tensors = {f"unet.{name}": tensor for name, tensor in published_edm2(config_of_network(config)).items()}
    head = {
        "logvar_fourier.freqs": torch.randn(4),
        "logvar_fourier.phases": torch.randn(4),
        "logvar_linear.weight": torch.randn(1, 4),
    }
    return config, tensors | head


def config_of_network(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "logvar_channels"}


def networks() -> dict[str, tuple[dict[str, Any], dict[str, Tensor]]]:
    kinds = {"VPPrecond": "SongUNet", "VEPrecond": "SongUNet", "iDDPMPrecond": "DhariwalUNet"}
    found = {
        name: ({**CONFIG, "use_fp16": False, "model_type": kinds.get(name, "DhariwalUNet")}, published(name))
        for name in (*kinds, "EDMPrecond")
    }
    # Sub-modules are made with numbers of NumPy.
    found["EDMPrecond"][0]["dropout"] = np.sqrt(0.01)
    return {**found, "Precond": edm2()}


NETWORKS = networks()


def pickled(path: Path, name: str, **others: Any) -> Path:
    config, tensors = NETWORKS[name]
    with research_modules() as easy:
        network = module_of(name, tensors, config, BUFFERS)
        return write_pickle(path, easy({"ema": network, **others}))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_read_bit_by_bit_with_its_arguments(tmp_path: Path, name: str) -> None:
    config, tensors = NETWORKS[name]
    found = open_checkpoint(pickled(tmp_path / "a.pkl", name))
    assert found.layout.network == name
    assert found.config["_class_name"] == name
    assert {key: found.config[key] for key in config} == config
    assert found.tensors.keys() == tensors.keys()
    assert all(torch.equal(found.tensors[key], tensor) for key, tensor in tensors.items())


@torch.no_grad()
@pytest.mark.parametrize("name", NETWORKS)
def test_it_denoises_as_the_published_class_does(tmp_path: Path, name: str) -> None:
    config, tensors = NETWORKS[name]
    model = published_model(open_checkpoint(pickled(tmp_path / "a.pkl", name)))
    synthesizer = model.config.build().eval()
    synthesizer.load_state_dict(dict(model.state))
    assert isinstance(synthesizer, DiffusionSynthesizer)
    label = {"label": torch.tensor([0, 2])} if name == "Precond" else {}
    process = synthesizer.config.process
    times = synthesizer.config.spacing.times(process, synthesizer.config.steps)
    level = process.at(times[3])
    ratio = level.sigma / level.alpha
    x = torch.randn(2, 3, 8, 8) * ratio.float()
    expected = load_denoiser(name, config, tensors).denoise(x, ratio.float().expand(2), label)
    found = synthesizer.denoise(label)(x * level.alpha.float(), level).clean
    # Told levels of VP grow a thousandfold, and so do rounding errors of float32.
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-3 * expected.abs().max().item())


def test_a_model_is_made_by_import_and_drawn_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = pickled(tmp_path / "edm.pkl", "EDMPrecond", loss_fn=Persistent("EDMLoss", {})), tmp_path / "m"
    assert run(["import", str(path), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "EDMPrecond of edm" in printed.out
    assert "note: took the network 'ema', left out loss_fn" in printed.err
    model = diorama.load(out)
    assert model.sampling.sampler == "heun"
    assert model.sampling.steps == 18
    pictures = model.resampled(type(model.sampling)(steps=3)).sample(2, seed=1)
    assert pictures.shape == (2, 3, 8, 8)
    assert pictures.isfinite().all()


def test_which_of_several_networks_is_meant_can_be_said(tmp_path: Path) -> None:
    config, tensors = NETWORKS["EDMPrecond"]
    with research_modules():
        first, second = (module_of("EDMPrecond", tensors, config, BUFFERS) for _ in range(2))
        path = write_pickle(tmp_path / "a.pkl", {"G": first, "D": second})
        write_pickle(tmp_path / "b.pkl", {"ema": first, "net": second})
    with pytest.raises(BadInput, match=r"say with --part which is meant: G \(EDMPrecond\), D \(EDMPrecond\)"):
        open_checkpoint(path)
    assert open_checkpoint(path, part="D").notes == ("took the network 'D', left out G",)
    assert open_checkpoint(tmp_path / "b.pkl").notes == ("took the network 'ema', left out net",)
    with pytest.raises(BadInput, match="has no network 'E'"):
        open_checkpoint(path, part="E")


def test_the_head_that_training_alone_needs_is_said_to_be_left_out(tmp_path: Path) -> None:
    notes = published_model(open_checkpoint(pickled(tmp_path / "a.pkl", "Precond"))).notes
    assert "left out 3 tensors that nothing reads, such as 'logvar_fourier.freqs'" in notes


def test_what_is_no_known_network_is_refused_by_its_name(tmp_path: Path) -> None:
    tensors = {"w": torch.zeros(3)}
    with research_modules():
        path = write_pickle(tmp_path / "a.pkl", {"G_ema": module_of("Generator", tensors, {"z_dim": 512}, BUFFERS)})
        empty = write_pickle(tmp_path / "b.pkl", {"loss_fn": Persistent("EDMLoss", {})})
        unnamed = module_of("EDMPrecond", tensors, {}, BUFFERS)
        unnamed.state["_init_args"] = (32,)
        write_pickle(tmp_path / "c.pkl", {"ema": unnamed})
    with pytest.raises(BadInput, match="its config is of 'Generator'"):
        open_checkpoint(path)
    with pytest.raises(BadInput, match="holds no network"):
        open_checkpoint(empty)
    with pytest.raises(BadInput, match="does not say with which arguments its EDMPrecond was made"):
        open_checkpoint(tmp_path / "c.pkl")


def test_latents_of_a_codec_that_is_not_read_are_refused(tmp_path: Path) -> None:
    path = pickled(tmp_path / "a.pkl", "Precond", encoder=Persistent("StabilityVAEEncoder", {}))
    with pytest.raises(BadInput, match="draws latents of a StabilityVAEEncoder"):
        open_checkpoint(path)
    open_checkpoint(pickled(tmp_path / "b.pkl", "Precond", encoder=Persistent("StandardRGBEncoder", {})))


def test_the_levels_are_those_that_the_published_sampler_visits(tmp_path: Path) -> None:
    expected = {"VEPrecond": (0.02, 80.0), "EDMPrecond": (0.002, 80.0), "Precond": (0.002, 80.0)}
    # sigma(epsilon_t) of VP is below what the sampler visits, sigma(1) above.
    expected["VPPrecond"] = (max(0.002, math.sqrt(math.expm1(19.9 / 2 * 1e-10 + 0.1 * 1e-5))), 80.0)
    for name, ends in expected.items():
        config = published_model(open_checkpoint(pickled(tmp_path / "a.pkl", name))).config
        assert (config.spacing.low, config.spacing.high) == pytest.approx(ends)  # type: ignore[attr-defined]


def test_a_config_may_name_the_class_of_plain_tensors(tmp_path: Path) -> None:
    config, tensors = NETWORKS["EDMPrecond"]
    save_file(tensors, tmp_path / "a.safetensors")
    said = {**CONFIG, "_class_name": "EDMPrecond"}
    (tmp_path / "a.json").write_text(json.dumps(said))
    found = open_checkpoint(tmp_path / "a.safetensors", config=tmp_path / "a.json")
    assert found.layout.network == "EDMPrecond"
    assert config["model_type"] == "DhariwalUNet"


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch hacked",))


@pytest.mark.parametrize("where", ["content", "state", "meta"])
def test_names_that_are_not_known_are_refused_wherever_they_stand(tmp_path: Path, where: str, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with research_modules():
        bad = {"content": {"ema": Hostile()}, "state": {"ema": Persistent("A", {"x": Hostile()})}, "meta": Hostile()}
        path = write_pickle(tmp_path / "a.pkl", bad[where])
    with pytest.raises(BadInput, match=r"asks for (posix|nt)\.system"):
        open_checkpoint(path)
    assert not (tmp_path / "hacked").exists()
