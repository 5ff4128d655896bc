"""Which adapter computes the cases of which official class."""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.adapters import (
    biggan,
    consistency,
    dcgan,
    diffusers_consistency,
    diffusers_ddpm,
    diffusers_flow,
    diffusers_multistep,
    diffusers_pndm,
    diffusers_repaint,
    diffusers_score_sde,
    diffusers_sigmas,
    diffusers_unet2d,
    edm,
    edm_averages,
    edm_losses,
    edm_sampler,
    esrgan,
    flow_matching,
    frechet,
    gan_losses,
    guidance,
    guided_diffusion,
    guided_diffusion_process,
    inception,
    mocogan,
    r3gan,
    score_sde,
    score_sde_losses,
    score_sde_sampling,
    sit_transport,
    stylegan1,
    stylegan2,
    stylegan3,
    stylegan_augment,
    stylegan_operators,
)
from tests.conformance.runner import Adapter, Compute

_SYSTEMS: Mapping[str, Mapping[str, Compute]] = {
    "ADM": guided_diffusion.ADAPTERS,
    "ADM's process, losses and sampling": guided_diffusion_process.ADAPTERS,
    "Adversarial losses (BigGAN, CycleGAN, GAN-zoo)": gan_losses.ADAPTERS,
    "BigGAN and BigGAN-deep": biggan.ADAPTERS,
    "Consistency models": consistency.ADAPTERS,
    "DCGAN": dcgan.ADAPTERS,
    "Flow matching": flow_matching.ADAPTERS,
    "FID Inception network": inception.ADAPTERS,
    "Fréchet distance": frechet.ADAPTERS,
    "DDPM, DDIM and unCLIP schedulers (diffusers)": diffusers_ddpm.ADAPTERS,
    "Consistency, LCM and TCD schedulers (diffusers)": diffusers_consistency.ADAPTERS,
    "DPM-Solver, DEIS and UniPC schedulers (diffusers)": diffusers_multistep.ADAPTERS,
    "Euler, Heun, KDPM2 and LMS schedulers (diffusers)": diffusers_sigmas.ADAPTERS,
    "Flow schedulers (diffusers, Flux)": diffusers_flow.ADAPTERS,
    "PNDM scheduler (diffusers)": diffusers_pndm.ADAPTERS,
    "RePaint scheduler (diffusers)": diffusers_repaint.ADAPTERS,
    "Score SDE scheduler (diffusers)": diffusers_score_sde.ADAPTERS,
    "DDPM U-Net (diffusers layout)": diffusers_unet2d.ADAPTERS,
    "EDM networks": edm.ADAPTERS,
    "EDM averages of weights": edm_averages.ADAPTERS,
    "EDM losses": edm_losses.ADAPTERS,
    "EDM sampler": edm_sampler.ADAPTERS,
    "ESRGAN, Real-ESRGAN and SRResNet": esrgan.ADAPTERS,
    "Guidance, thresholds and edits (diffusers, DeepFloyd IF)": guidance.ADAPTERS,
    "MoCoGAN": mocogan.ADAPTERS,
    "R3GAN": r3gan.ADAPTERS,
    "SiT transports": sit_transport.ADAPTERS,
    "StyleGAN (PyTorch port)": stylegan1.ADAPTERS,
    "StyleGAN2": stylegan2.ADAPTERS,
    "StyleGAN3": stylegan3.ADAPTERS,
    "StyleGAN's augmentations (ADA)": stylegan_augment.ADAPTERS,
    "StyleGAN operators": stylegan_operators.ADAPTERS,
    "Score SDE networks": score_sde.ADAPTERS,
    "Score SDE losses": score_sde_losses.ADAPTERS,
    "Score SDEs": score_sde_sampling.ADAPTERS,
}

ADAPTERS: Mapping[str, Adapter] = {
    kind: Adapter(system, compute) for system, adapters in _SYSTEMS.items() for kind, compute in adapters.items()
}
"""By the class that a golden file's metadata names."""
