"""Denoisers of EDM with their preconditioning: against table 1 of arXiv:2206.00364, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diorama.core.errors import BadInput
from diorama.interop.edm import DHARIWAL_UNET, SONG_UNET
from diorama.interop.edm_precond import load_denoiser

PICTURES = {"img_resolution": 8, "img_channels": 3}
NETWORK = {"model_channels": 8, "channel_mult": [1, 2], "num_blocks": 1, "attn_resolutions": []}
CONFIG = {**PICTURES, **NETWORK}
SIGMA = torch.tensor([0.05, 3.0])
SONG = ("VPPrecond", "VEPrecond")
PRECONDITIONINGS = (*SONG, "iDDPMPrecond", "EDMPrecond")


def published(network: str, *, labels: int = 0, **own: Any) -> dict[str, Tensor]:
    """Random tensors of a class of that name."""
    torch.manual_seed(0)
    layout: Any = SONG_UNET if network in SONG else DHARIWAL_UNET
    channels = 6 if network == "iDDPMPrecond" else 3
    arguments = {"img_resolution": 8, "in_channels": 3, "out_channels": channels, "label_dim": labels}
    ours = layout.read_config(NETWORK | arguments)
    built = ours.build()
    for parameter in built.parameters():
        nn.init.normal_(parameter, 0, 0.2)
    tensors = {f"model.{name}": tensor for name, tensor in layout.export_state(ours, built.state_dict()).items()}
    return tensors | ({"u": table(**own)} if network == "iDDPMPrecond" else {})


def table(M: int = 1000, C_1: float = 0.001, C_2: float = 0.008) -> Tensor:
    """u_0 … u_M, table 1 in its own words."""
    signal = [math.sin(math.pi / 2 * j / M / (C_2 + 1)) ** 2 for j in range(M + 1)]
    levels = [0.0]
    for j in range(M, 0, -1):
        levels.append(math.sqrt((levels[-1] ** 2 + 1) / max(signal[j - 1] / signal[j], C_1) - 1))
    return torch.tensor(levels[::-1], dtype=torch.float64).float()


def coefficients(network: str, sigma: float) -> tuple[float, float, float, float]:
    """c_skip, c_out, c_in and c_noise of table 1."""
    match network:
        case "VPPrecond":
            time = (math.sqrt(0.1**2 + 2 * 19.9 * math.log(1 + sigma**2)) - 0.1) / 19.9
            return 1, -sigma, 1 / math.sqrt(sigma**2 + 1), 999 * time
        case "VEPrecond":
            return 1, sigma, 1, math.log(sigma / 2)
        case "iDDPMPrecond":
            nearest = int((table() - sigma).abs().argmin())
            return 1, -sigma, 1 / math.sqrt(sigma**2 + 1), 999 - nearest
    total = sigma**2 + 0.25
    return 0.25 / total, sigma * 0.5 / math.sqrt(total), 1 / math.sqrt(total), math.log(sigma) / 4


@torch.no_grad()
@pytest.mark.parametrize("network", PRECONDITIONINGS)
def test_the_denoiser_is_that_of_the_papers_table(network: str) -> None:
    found, x = load_denoiser(network, CONFIG, published(network)), torch.randn(2, 3, 8, 8)
    c_skip, c_out, c_in, c_noise = torch.tensor([coefficients(network, s) for s in SIGMA.tolist()]).T[
        ..., None, None, None
    ]
    expected = c_skip * x + c_out * found.network(c_in * x, c_noise.flatten())[:, :3]
    torch.testing.assert_close(found.denoise(x, SIGMA), expected, rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_a_missing_label_is_that_of_no_class() -> None:
    tensors, x = published("EDMPrecond", labels=4), torch.randn(2, 3, 8, 8)
    found = load_denoiser("EDMPrecond", CONFIG | {"label_dim": 4}, tensors)
    assert torch.equal(found.denoise(x, SIGMA), found.denoise(x, SIGMA, {"label": torch.zeros(2, 4)}))
    assert not torch.allclose(found.denoise(x, SIGMA), found.denoise(x, SIGMA, {"label": torch.tensor([1, 2])}))


def test_levels_between_steps_are_told_as_the_nearest() -> None:
    found = load_denoiser("iDDPMPrecond", CONFIG | {"M": 7}, published("iDDPMPrecond", M=7))
    levels = table(M=7)
    between = (levels[2] + levels[3]) / 2
    told = found.rounded(torch.stack([between * 1.001, between * 0.999, levels[0] * 2, levels[6] / 3]))
    torch.testing.assert_close(told, levels[[2, 3, 0, 7]], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_noise_beyond_the_last_step_keeps_its_own_level() -> None:
    found = load_denoiser("iDDPMPrecond", CONFIG | {"M": 7}, published("iDDPMPrecond", M=7))
    x, sigma = torch.randn(1, 3, 8, 8), 2 * float(table(M=7)[0])
    output = found.network(x / math.sqrt(sigma**2 + 1), torch.tensor([6.0]))[:, :3]
    expected = x - sigma * output
    found_there = found.denoise(x, torch.tensor([sigma]))
    torch.testing.assert_close(found_there, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())


def test_arguments_of_the_preconditioning_are_followed() -> None:
    x, tensors = torch.randn(2, 3, 8, 8), {name: published(name) for name in PRECONDITIONINGS}
    for network, changed in {
        "VPPrecond": ({"beta_d": 9.0}, {"beta_min": 1.0}, {"M": 100}),
        "EDMPrecond": ({"sigma_data": 1.0},),
    }.items():
        usual = load_denoiser(network, CONFIG, tensors[network]).denoise(x, SIGMA)
        for own in changed:
            other = load_denoiser(network, CONFIG | own, tensors[network]).denoise(x, SIGMA)
            assert not torch.allclose(usual, other, atol=1e-3)


@pytest.mark.parametrize(
    ("network", "wrong", "message"),
    [
        ("VPPrecond", {"beta_d": 0.0}, "beta_d: must be positive"),
        ("VPPrecond", {"beta_min": -1.0}, "beta_min: must be positive"),
        ("VPPrecond", {"M": 0}, "M: must be at least 1"),
        ("VPPrecond", {"epsilon_t": 1.5}, "epsilon_t: must be in"),
        ("VEPrecond", {"sigma_min": 100.0}, "sigma_min, sigma_max: "),
        ("iDDPMPrecond", {"C_1": 1.0}, "C_1: must be in"),
        ("iDDPMPrecond", {"C_2": -1.0}, "C_2: must be at least 0"),
        ("EDMPrecond", {"sigma_data": 0.0}, "sigma_data: must be positive"),
        ("EDMPrecond", {"sigma_min": -1.0}, "sigma_min, sigma_max: "),
        ("EDMPrecond", {"model_type": "UNet"}, "model_type"),
        ("EDMPrecond", {"in_channels": 3}, "in_channels: follows from img_channels"),
        ("EDMPrecond", {"encoder_type": "skip"}, "encoder_type"),
        ("VEPrecond", {"model_channels": 18}, "model_channels, channel_mult: 18 channels"),
        ("iDDPMPrecond", {"M": 500}, "'u' has other levels than the config's"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(network: str, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message) as problem:
        load_denoiser(network, CONFIG | wrong, published(network))
    assert "\n" not in str(problem.value)


def test_a_class_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(BadInput, match="'EDM' is none of EDM's preconditionings, VPPrecond, VEPrecond, "):
        load_denoiser("EDM", CONFIG, published("EDMPrecond"))


def test_tensors_that_are_missing_or_unknown_are_refused() -> None:
    tensors = published("iDDPMPrecond")
    with pytest.raises(BadInput, match="tensor 'v' is none of the model's"):
        load_denoiser("iDDPMPrecond", CONFIG, tensors | {"v": torch.zeros(1)})
    del tensors["u"]
    with pytest.raises(BadInput, match="tensor 'u' is missing"):
        load_denoiser("iDDPMPrecond", CONFIG, tensors)
