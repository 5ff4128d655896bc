"""U-Nets of EDM and EDM2, their blocks and their preconditionings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from diorama.interop.edm import DHARIWAL_UNET, SONG_UNET, UNET_BLOCK
from diorama.interop.edm_precond import load_denoiser
from diorama.interop.edm_precond_arguments import PRECONDITIONINGS
from diorama.interop.layout import Layout
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.preserving import PreservingProcess
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def unet(case: Case, layout: Layout[Any, Any]) -> Mapping[str, Tensor]:
    """``out`` of ``x``, ``noise_labels``, and ``class_labels`` and ``augment_labels`` where there are any."""
    network, given = layout.load(case.config, case.weights), case.inputs
    names = {"label": "class_labels", "augment": "augment_labels"}
    condition = {ours: given[theirs] for ours, theirs in names.items() if theirs in given}
    return {"out": network(given["x"], given["noise_labels"], condition)}


@torch.no_grad()
def block(case: Case) -> Mapping[str, Tensor]:
    """``out`` of ``x`` and ``emb``."""
    return {"out": UNET_BLOCK.load(case.config, case.weights)(case.inputs["x"], case.inputs["emb"])}


@torch.no_grad()
def denoiser(case: Case, network: str) -> Mapping[str, Tensor]:
    """``D_x`` of ``x`` and ``sigma``, and what the preconditioning says of noise levels."""
    given = case.inputs
    found, sigma = load_denoiser(network, case.config, case.weights), given["sigma"]
    condition = {"label": given["class_labels"]} if found.classes and "class_labels" in given else {}
    outputs = {"D_x": found.denoise(given["x"], sigma, condition), "round_sigma": found.rounded(sigma)}
    if isinstance(found.process, DiscreteProcess):
        outputs["round_index"] = found.process.steps - found.process.nearest(sigma)
    if isinstance(found.process, PreservingProcess):
        level = found.process.at(torch.tensor([1e-5, 0.1, 0.5, 1.0], dtype=torch.float64))
        outputs["sigma_of_t"] = (level.sigma / level.alpha).float()
        outputs["sigma_inv"] = found.process.time_of(sigma.double()).float()
    return outputs


@torch.no_grad()
def uncertain_denoiser(case: Case) -> Mapping[str, Tensor]:
    """``D_x`` of ``x`` and ``sigma``, what the network puts out, and how uncertain it is."""
    given = case.inputs
    found, x, sigma = load_denoiser("Precond", case.config, case.weights), given["x"], given["sigma"]
    labels = given["class_labels"] if found.classes else None
    level = found.process.at(sigma.double().reshape(-1, 1, 1, 1))
    told = found.preconditioning.time(level).flatten().float()
    condition = {} if labels is None else {"label": labels}
    assert found.uncertainty is not None
    outputs = {
        "D_x": found.denoise(x, sigma, condition),
        "F_x": found.network(found.preconditioning.input(level).float() * x, told, condition),
        "logvar": found.uncertainty(told)[:, None, None, None],
    }
    return outputs if labels is None else {**outputs, "D_x_uncond": found.denoise(x, sigma)}


ADAPTERS: dict[str, Compute] = {
    "training.networks.SongUNet": partial(unet, layout=SONG_UNET),
    "training.networks.DhariwalUNet": partial(unet, layout=DHARIWAL_UNET),
    "training.networks.UNetBlock": block,
    "training.networks_edm2.Precond (UNet inside)": uncertain_denoiser,
} | {f"training.networks.{network}": partial(denoiser, network=network) for network in PRECONDITIONINGS}
