"""Which adapter computes the cases of which official class."""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.adapters import (
    dcgan,
    diffusers_ddpm,
    diffusers_sigmas,
    diffusers_unet2d,
    edm,
    edm_averages,
    edm_losses,
    edm_sampler,
    frechet,
    guided_diffusion,
    inception,
    mocogan,
)
from tests.conformance.runner import Adapter, Compute

_SYSTEMS: Mapping[str, Mapping[str, Compute]] = {
    "ADM": guided_diffusion.ADAPTERS,
    "DCGAN": dcgan.ADAPTERS,
    "FID Inception network": inception.ADAPTERS,
    "Fréchet distance": frechet.ADAPTERS,
    "DDPM, DDIM and unCLIP schedulers (diffusers)": diffusers_ddpm.ADAPTERS,
    "Euler's and Heun's schedulers (diffusers)": diffusers_sigmas.ADAPTERS,
    "DDPM U-Net (diffusers layout)": diffusers_unet2d.ADAPTERS,
    "EDM networks": edm.ADAPTERS,
    "EDM averages of weights": edm_averages.ADAPTERS,
    "EDM losses": edm_losses.ADAPTERS,
    "EDM sampler": edm_sampler.ADAPTERS,
    "MoCoGAN": mocogan.ADAPTERS,
}

ADAPTERS: Mapping[str, Adapter] = {
    kind: Adapter(system, compute) for system, adapters in _SYSTEMS.items() for kind, compute in adapters.items()
}
"""By the class that a golden file's metadata names."""
