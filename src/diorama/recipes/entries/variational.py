"""Recipes of autoencoders whose latents follow a known distribution."""

from __future__ import annotations

from diorama.core.references import Reference
from diorama.recipes.entry import RecipeEntry

VAE = Reference(
    key="kingma2014vae",
    title="Auto-Encoding Variational Bayes",
    authors=("Diederik P. Kingma", "Max Welling"),
    year=2014,
    venue="ICLR",
    arxiv="1312.6114",
)
LATENT_DIFFUSION = Reference(
    key="rombach2022ldm",
    title="High-Resolution Image Synthesis with Latent Diffusion Models",
    authors=("Robin Rombach", "Andreas Blattmann", "Dominik Lorenz", "Patrick Esser", "Björn Ommer"),
    year=2022,
    venue="CVPR",
    arxiv="2112.10752",
)

_VAE = RecipeEntry(
    name="vae",
    make="diorama.recipes.vae:vae",
    title="VAE",
    summary="convolutional variational autoencoder",
    about="An encoder squeezes a picture into a few numbers that follow a known distribution, a decoder draws it "
    "again. Training is steady, one pass draws a sample and the likelihood has a bound; pictures come out soft.",
    papers=(VAE,),
    small="vae_cpu",
)
_SPATIAL = RecipeEntry(
    name="vae_spatial",
    make="diorama.recipes.vae:vae_spatial",
    title="VAE with spatial latents",
    summary="an autoencoder whose latents are small pictures: the codec of a latent model",
    about="An encoder squeezes a picture into a small one of few channels, a decoder draws it again. Other models "
    "learn to draw the small pictures, which is cheaper than pixels.",
    papers=(LATENT_DIFFUSION, VAE),
    small="vae_spatial_cpu",
)

ENTRIES: tuple[RecipeEntry, ...] = (
    _VAE,
    _VAE.variant(
        name="vae_cpu",
        make="diorama.recipes.vae:vae_cpu",
        title="VAE (small)",
        summary="VAE for a CPU: useful within minutes",
    ),
    _VAE.variant(
        name="vae_toy",
        make="diorama.recipes.toy:vae_toy",
        title="VAE (toy)",
        summary="VAE that trains in about a minute on two cores",
    ),
    _SPATIAL,
    _SPATIAL.variant(
        name="vae_spatial_cpu",
        make="diorama.recipes.vae:vae_spatial_cpu",
        title="VAE with spatial latents (small)",
        summary="a codec for a CPU: useful within minutes",
    ),
    _SPATIAL.variant(
        name="vae_spatial_toy",
        make="diorama.recipes.toy:vae_spatial_toy",
        title="VAE with spatial latents (toy)",
        summary="a codec that trains in about a minute on two cores",
    ),
)
