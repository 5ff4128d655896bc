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
)
