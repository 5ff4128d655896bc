"""The closed union of synthesizer configs that a model folder may name."""

from __future__ import annotations

from diorama.synthesis.cascade import CascadeSynthesizerConfig
from diorama.synthesis.classifier import NoisyClassifierConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.synthesis.gan import GANSynthesizerConfig
from diorama.synthesis.inpainting import InpaintingSynthesizerConfig
from diorama.synthesis.mixture import GaussianMixtureConfig
from diorama.synthesis.picture import PictureSynthesizerConfig
from diorama.synthesis.representation import RepresentationConfig
from diorama.synthesis.vae import VAESynthesizerConfig
from diorama.synthesis.vae_gan import VAEGANSynthesizerConfig
from diorama.synthesis.video_gan import VideoGANSynthesizerConfig

AnySynthesizer = (
    CascadeSynthesizerConfig
    | DiffusionSynthesizerConfig
    | GANSynthesizerConfig
    | GaussianMixtureConfig
    | InpaintingSynthesizerConfig
    | NoisyClassifierConfig
    | PictureSynthesizerConfig
    | RepresentationConfig
    | VAEGANSynthesizerConfig
    | VAESynthesizerConfig
    | VideoGANSynthesizerConfig
)
