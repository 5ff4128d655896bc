"""Recipes of models that draw the latents of a codec, from text."""

from __future__ import annotations

from diorama.core.references import Reference
from diorama.recipes.entries.diffusion import GUIDANCE
from diorama.recipes.entries.variational import LATENT_DIFFUSION
from diorama.recipes.entry import RecipeEntry

FLOW_MATCHING = Reference(
    key="lipman2023flow",
    title="Flow Matching for Generative Modeling",
    authors=("Yaron Lipman", "Ricky T. Q. Chen", "Heli Ben-Hamu", "Maximilian Nickel", "Matt Le"),
    year=2023,
    venue="ICLR",
    arxiv="2210.02747",
)

_TEXT = RecipeEntry(
    name="latent_text",
    make="diorama.recipes.latent:latent_text",
    title="Latent text to image",
    summary="pictures from captions: a flow in the latents of a trained codec (--frozen.codec)",
    about="A frozen autoencoder turns pictures into small ones; a network learns to draw those along straight paths "
    "from noise, reading a caption as it goes. The autoencoder's decoder makes pictures of them.",
    papers=(LATENT_DIFFUSION, FLOW_MATCHING, GUIDANCE),
    small="latent_text_cpu",
)

ENTRIES: tuple[RecipeEntry, ...] = (
    _TEXT,
    _TEXT.variant(
        name="latent_text_cpu",
        make="diorama.recipes.latent:latent_text_cpu",
        title="Latent text to image (small)",
        summary="follows captions after ten minutes on two cores (--frozen.codec)",
    ),
    _TEXT.variant(
        name="latent_text_toy",
        make="diorama.recipes.toy:latent_text_toy",
        title="Latent text to image (toy)",
        summary="trains in about a minute on two cores (--frozen.codec)",
    ),
)
