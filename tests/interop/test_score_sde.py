"""Published score SDEs: networks against a walk over their tensors, over random configs, and refusals by name."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.core.errors import BadConfig, BadInput
from diorama.interop.catalog import recognise
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.layout import shapes_of
from diorama.interop.score_sde import DDPM, NCSNPP, ScoreSDELayout
from diorama.interop.score_sde_schedule import EquationArguments, SamplingArguments
from diorama.networks.denoisers.score_unet import ScoreUNetConfig
from diorama.processes.sde import score_of
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.export import export
from diorama.synthesis.published import published_model
from tests.interop.score_sde_walk import Walk

SMALL: dict[str, Any] = {
    "data": {"image_size": 8, "num_channels": 3, "centered": True, "dataset": "CIFAR10"},
    "model": {
        "name": "ncsnpp",
        "nf": 8,
        "ch_mult": [1, 2],
        "num_res_blocks": 1,
        "attn_resolutions": [4],
        "resamp_with_conv": True,
        "conditional": True,
        "fir": True,
        "fir_kernel": [1, 3, 3, 1],
        "skip_rescale": True,
        "resblock_type": "biggan",
        "progressive": "none",
        "progressive_input": "residual",
        "progressive_combine": "sum",
        "embedding_type": "fourier",
        "scale_by_sigma": True,
        "nonlinearity": "swish",
        "sigma_min": 0.01,
        "sigma_max": 50,
        "num_scales": 20,
    },
    "training": {"sde": "vesde", "continuous": True, "batch_size": 128},
    "optim": {"lr": 2e-4},
}


def changed(**model: Any) -> dict[str, Any]:
    """:data:`SMALL` with other settings of its network."""
    config = copy.deepcopy(SMALL)
    config["model"] |= model
    return config


def random_state(layout: ScoreSDELayout, config: dict[str, Any]) -> dict[str, Tensor]:
    """Published tensors of a network of this config."""
    ours = layout.read_config(config)
    state = ours.build().state_dict()
    published = layout.export_state(ours, {name: 0.2 * torch.randn_like(tensor) for name, tensor in state.items()})
    series = torch.linspace(torch.tensor(50.0).log().item(), torch.tensor(0.01).log().item(), 20, dtype=torch.float64)
    return published | {"sigmas": series.exp()}


def random_config(draw: random.Random, layout: ScoreSDELayout) -> dict[str, Any]:
    """A config that the published code can run, and some of those that only its words describe."""
    big = draw.random() < 0.5
    fir = draw.random() < 0.5
    config = changed(
        name=layout.name,
        nf=draw.choice([32, 64]) if layout is DDPM else draw.choice([8, 12, 16]),
        ch_mult=draw.choice([[1], [1, 2], [2, 1], [1, 1, 2]]),
        num_res_blocks=draw.choice([1, 2]),
        attn_resolutions=[side for side in (8, 4, 2) if draw.random() < 0.5],
        # A filter and a convolution that enlarge together are the one thing that there is not.
        resamp_with_conv=draw.random() < 0.5 and (big or not fir or layout is DDPM),
        conditional=draw.random() < 0.8,
        fir=fir,
        fir_kernel=draw.choice([[1, 3, 3, 1], [1, 1], [1, 2, 2, 1]]),
        skip_rescale=draw.random() < 0.5,
        resblock_type="biggan" if big else "ddpm",
        progressive=draw.choice(["none", "output_skip"]),
        progressive_input=draw.choice(["none", "input_skip", "residual"]),
        progressive_combine=draw.choice(["sum", "cat"]),
        embedding_type=draw.choice(["fourier", "positional"]),
        scale_by_sigma=draw.random() < 0.5,
        nonlinearity=draw.choice(["swish", "elu", "relu", "lrelu"]),
    )
    config["data"] |= {"num_channels": draw.choice([1, 3]), "centered": draw.random() < 0.5}
    return config


@pytest.mark.parametrize("layout", [NCSNPP, DDPM], ids=lambda layout: layout.network)
@pytest.mark.parametrize("seed", range(24))
def test_networks_are_those_of_their_configs(layout: ScoreSDELayout, seed: int) -> None:
    torch.manual_seed(seed)
    config = random_config(random.Random(seed), layout)
    state, channels = random_state(layout, config), config["data"]["num_channels"]
    x = torch.randn(2, channels, 8, 8)
    told = torch.tensor([3.0, 17.0])
    walk = Walk(state, config, ddpm=layout is DDPM)
    with torch.no_grad():
        wanted, found = walk.predict(x, told), layout.load(config, state)(x, told)
    assert not walk.left
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))


def training_state(config: dict[str, Any], layout: ScoreSDELayout) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What the published training saves, with averages unlike its weights, and the tensors that it draws with."""
    averages = random_state(layout, config)
    fixed = {"sigmas", "all_modules.0.W"}
    model = {f"module.{name}": t if name in fixed else torch.zeros_like(t) for name, t in averages.items()}
    shadow = [tensor for name, tensor in averages.items() if name not in fixed]
    ema = {"decay": 0.999, "num_updates": 7, "shadow_params": shadow}
    optimizer = {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 2e-4}]}
    return {"optimizer": optimizer, "model": model, "ema": ema, "step": 7}, averages


def saved(tmp_path: Path, state: Any, config: dict[str, Any]) -> tuple[Path, Path]:
    """A checkpoint and its config as files."""
    torch.save(state, tmp_path / "checkpoint_8.pth")
    (tmp_path / "cifar10.json").write_text(json.dumps(config))
    return tmp_path / "checkpoint_8.pth", tmp_path / "cifar10.json"


def imported(tmp_path: Path, config: dict[str, Any], layout: ScoreSDELayout = NCSNPP) -> DiffusionSynthesizer:
    """The model that a training state is."""
    path, config_path = saved(tmp_path, training_state(config, layout)[0], config)
    model = published_model(open_checkpoint(path, config=config_path))
    synthesizer = model.config.build()
    synthesizer.load_state_dict(model.state)
    assert isinstance(synthesizer, DiffusionSynthesizer)
    return synthesizer.eval()


def test_the_averages_that_a_training_state_lists_without_names_are_what_is_imported(tmp_path: Path) -> None:
    state, averages = training_state(SMALL, NCSNPP)
    path, config = saved(tmp_path, state, SMALL)
    checkpoint = open_checkpoint(path, config=config)
    assert checkpoint.layout is NCSNPP
    assert any("moving average" in note for note in checkpoint.notes)
    assert checkpoint.tensors.keys() == averages.keys()
    for name, tensor in averages.items():
        assert torch.equal(checkpoint.tensors[name], tensor)


def test_averages_that_do_not_fit_the_parameters_are_refused(tmp_path: Path) -> None:
    state, _ = training_state(SMALL, NCSNPP)
    shadow = state["ema"]["shadow_params"]
    state["ema"]["shadow_params"] = shadow[:-1]
    with pytest.raises(BadInput, match=rf"{len(shadow) - 1} averages for {len(shadow)} parameters"):
        open_checkpoint(saved(tmp_path, state, SMALL)[0])
    state["ema"]["shadow_params"] = [shadow[1], shadow[0], *shadow[2:]]
    with pytest.raises(BadInput, match=r"average 0 has shape .* and the parameter at its place, module\.all_modules"):
        open_checkpoint(saved(tmp_path, state, SMALL)[0])


def test_what_the_config_leaves_open_is_said_and_what_nobody_knows_is_refused(tmp_path: Path) -> None:
    config = changed()
    config["data"]["centered"] = True
    state, _ = training_state(config, NCSNPP)

    def notes() -> str:
        path, config_path = saved(tmp_path, state, config)
        return "\n".join(published_model(open_checkpoint(path, config=config_path)).notes)

    assert "sampling.predictor reverse_diffusion, sampling.corrector langevin, sampling.snr 0.16" in notes()
    # What is no section says nothing.
    config["sampling"] = "pc"
    assert "sampling.predictor reverse_diffusion" in notes()
    config["sampling"] = {"predictor": "reverse_diffusion", "corrector": "none"}
    assert "taken is sampling.method pc, sampling.snr 0.16, sampling.n_steps_each 1" in notes()
    config["sampling"] |= {"method": "pc", "snr": 0.16, "n_steps_each": 1}
    config["sampling"] |= {"noise_removal": True, "probability_flow": False}
    assert "taken is" not in notes()
    config["sampling"]["correctr"] = "none"
    with pytest.raises(BadInput, match=r"correctr.*corrector"):
        notes()


@pytest.mark.parametrize("continuous", [True, False])
def test_the_model_knows_pictures_of_either_range(tmp_path: Path, continuous: bool) -> None:
    """A variance-exploding network of values in [0, 1] says of pictures in [-1, 1] what it says of the halved ones."""
    config = changed(embedding_type="fourier" if continuous else "positional")
    config["data"]["centered"], config["training"]["continuous"] = False, continuous
    model = imported(tmp_path, config)
    process, network = model.config.process, NCSNPP.load(config, training_state_tensors(tmp_path))
    t = torch.tensor(0.4 if continuous else 8.0, dtype=torch.float64)
    level = process.at(t)
    halved = level.sigma / 2
    x = torch.randn(2, 3, 8, 8) * float(level.sigma)
    told = halved.float() if continuous else torch.tensor(20.0 - 8.0)
    with torch.no_grad():
        found = score_of(x, model.denoise({})(x, level).clean, level)
        wanted = network((x + 1) / 2, told.expand(2)) / 2
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def training_state_tensors(folder: Path) -> dict[str, Tensor]:
    """The published tensors of the checkpoint that lies there."""
    return dict(open_checkpoint(folder / "checkpoint_8.pth", config=folder / "cifar10.json").tensors)


@pytest.mark.parametrize(("sde", "continuous"), [("vpsde", True), ("vpsde", False), ("subvpsde", True)])
def test_variance_preserving_models_draw_whatever_the_batch(tmp_path: Path, sde: str, continuous: bool) -> None:
    config = changed(embedding_type="positional", scale_by_sigma=False, num_scales=25, beta_max=5.0)
    config["training"] |= {"sde": sde, "continuous": continuous}
    model = imported(tmp_path, config)
    whole = model.sample(3, seed=1)
    torch.testing.assert_close(model.sample(1, seed=1, first=2), whole[2:], rtol=1e-3, atol=1e-3)


def test_a_network_is_known_by_the_name_in_its_config() -> None:
    shapes = shapes_of(random_state(NCSNPP, SMALL))
    assert recognise(shapes, SMALL) is NCSNPP
    assert recognise(shapes, changed(name="ddpm")) is DDPM
    assert recognise(shapes, changed(name="ncsnv2_64")) is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"progressive": "residual"}, "model.progressive"),
        ({"progressive": "sideways"}, "model.progressive"),
        ({"progressive_input": "output_skip"}, "model.progressive_input"),
        ({"progressive_combine": "mean"}, "model.progressive_combine"),
        ({"resblock_type": "resnet"}, "model.resblock_type"),
        ({"embedding_type": "learned"}, "model.embedding_type"),
        ({"nonlinearity": "gelu"}, "model.nonlinearity"),
        ({"num_res_blocks": 1_000}, "model.num_res_blocks"),
        ({"fir_kernel": [1, 3, 1]}, "model.fir_kernel"),
        ({"fir_kernel": [1, 2, 3, 4]}, "model.fir_kernel"),
        ({"resblock_type": "ddpm"}, "model.fir, model.resamp_with_conv"),
        ({"nf": 6}, "model.nf, model.ch_mult"),
        ({"dropout": 1.0}, "model.dropout"),
        ({"widths": 3}, "widths"),
    ],
)
def test_what_no_network_can_have_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        NCSNPP.read_config(changed(**change))


@pytest.mark.parametrize(
    ("sections", "named"),
    [
        ({"sampling": {"predictor": "heun"}}, "sampling.predictor"),
        ({"sampling": {"corrector": "none", "predictor": "none"}}, "predictor, corrector"),
        ({"sampling": {"corrector": "gibbs"}}, "sampling.corrector"),
        ({"training": {"sde": "vpsde"}}, "data.centered"),
        ({"training": {"sde": "vesde", "continuous": False}}, "training.continuous"),
        ({"model": {"scale_by_sigma": False}}, "data.centered"),
        ({"model": {"sigma_min": 60}}, "sigma_min"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(tmp_path: Path, sections: dict[str, Any], named: str) -> None:
    config = changed()
    config["data"]["centered"] = False
    state = training_state(config, NCSNPP)[0]
    for section, values in sections.items():
        config[section] = config.get(section, {}) | values
    path, config_path = saved(tmp_path, state, config)
    with pytest.raises(BadInput, match=named):
        published_model(open_checkpoint(path, config=config_path))


def test_the_sub_vp_equation_has_no_ancestral_steps() -> None:
    with pytest.raises(BadInput, match="not defined for the sub-VP equation"):
        SamplingArguments(predictor="ancestral_sampling").sampler(EquationArguments(sde="subvpsde"))


def test_another_series_of_sigmas_than_the_config_says_is_refused() -> None:
    config = changed(embedding_type="positional")
    state = random_state(NCSNPP, config)
    with pytest.raises(BadInput, match="tensor 'sigmas' is another series"):
        NCSNPP.load(config, state | {"sigmas": state["sigmas"].flip(0)})


def test_configs_go_there_and_back() -> None:
    for layout in (NCSNPP, DDPM):
        for seed in range(12):
            config = random_config(random.Random(seed), layout)
            ours = layout.read_config(config)
            assert layout.holds(ours)
            assert layout.config_of(layout.to_published(ours)) == ours


def test_networks_that_the_publisher_cannot_say_are_refused_by_the_name_of_our_field() -> None:
    with pytest.raises(BadInput, match="act"):
        NCSNPP.to_published(ScoreUNetConfig(act="gelu"))
    with pytest.raises(BadInput, match="in_channels, out_channels"):
        NCSNPP.to_published(ScoreUNetConfig(in_channels=4))


def test_a_model_of_any_process_is_not_written_as_a_config_that_says_another(tmp_path: Path) -> None:
    model = imported(tmp_path, SMALL)
    with pytest.raises(BadConfig, match="score-sde is read and not written"):
        export(model, "score-sde")
    with pytest.raises(BadInput, match="no layout has one"):
        export(model, "edm")


def test_without_its_config_a_checkpoint_is_no_model(tmp_path: Path) -> None:
    path, _ = saved(tmp_path, training_state(SMALL, NCSNPP)[0], SMALL)
    with pytest.raises(BadInput, match=r"tensors say data, model; give --config FILE\.json, in which .*to_dict"):
        published_model(open_checkpoint(path))
