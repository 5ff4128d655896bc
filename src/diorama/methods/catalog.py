"""The closed union of method configs that a recipe may name."""

from __future__ import annotations

from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.mocogan import MoCoGANConfig
from diorama.methods.diffusion.ddpm import DDPMMethodConfig
from diorama.methods.representation.contrastive import ContrastiveConfig
from diorama.methods.variational.vae import VAEConfig

AnyMethod = ContrastiveConfig | DDPMMethodConfig | GANConfig | MoCoGANConfig | VAEConfig
