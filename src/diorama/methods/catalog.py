"""The closed union of method configs that a recipe may name."""

from __future__ import annotations

from diorama.methods.adversarial.cyclegan import CycleGANConfig
from diorama.methods.adversarial.enlarging import EnlargingConfig
from diorama.methods.adversarial.esrgan import ESRGANConfig
from diorama.methods.adversarial.fastgan import FastGANConfig
from diorama.methods.adversarial.freeform import FreeFormConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.mocogan import MoCoGANConfig
from diorama.methods.adversarial.pix2pix import Pix2PixConfig
from diorama.methods.adversarial.vae_gan import VAEGANConfig
from diorama.methods.diffusion.classifying import NoisyClassifierMethodConfig
from diorama.methods.diffusion.consistency import ConsistencyDistillationConfig, ConsistencyTrainingConfig
from diorama.methods.diffusion.continuous_consistency import (
    ContinuousDistillationConfig,
    ContinuousTrainingConfig,
)
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.methods.diffusion.distillation import ProgressiveDistillationConfig
from diorama.methods.diffusion.distribution_matching import DistributionMatchingConfig
from diorama.methods.diffusion.drifting import DriftingConfig
from diorama.methods.diffusion.easy_consistency import EasyConsistencyConfig
from diorama.methods.diffusion.guided_student import GuidedStudentConfig
from diorama.methods.diffusion.mean_flow import MeanFlowConfig
from diorama.methods.diffusion.moment_matching import MomentMatchingConfig
from diorama.methods.representation.contrastive import ContrastiveConfig
from diorama.methods.variational.vae import VAEConfig

AnyMethod = (
    ConsistencyDistillationConfig
    | ConsistencyTrainingConfig
    | ContinuousDistillationConfig
    | ContinuousTrainingConfig
    | ContrastiveConfig
    | CycleGANConfig
    | DiffusionMethodConfig
    | DistributionMatchingConfig
    | DriftingConfig
    | EasyConsistencyConfig
    | EnlargingConfig
    | ESRGANConfig
    | FastGANConfig
    | FreeFormConfig
    | GANConfig
    | GuidedStudentConfig
    | MeanFlowConfig
    | MoCoGANConfig
    | MomentMatchingConfig
    | NoisyClassifierMethodConfig
    | Pix2PixConfig
    | ProgressiveDistillationConfig
    | VAEConfig
    | VAEGANConfig
)
