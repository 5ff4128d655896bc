"""Recipes of generators of clips."""

from __future__ import annotations

from diorama.core.references import Reference
from diorama.recipes.entry import RecipeEntry

MOCOGAN = Reference(
    key="tulyakov2018mocogan",
    title="MoCoGAN: Decomposing Motion and Content for Video Generation",
    authors=("Sergey Tulyakov", "Ming-Yu Liu", "Xiaodong Yang", "Jan Kautz"),
    year=2018,
    venue="CVPR",
    arxiv="1707.04993",
)

_MOCOGAN = RecipeEntry(
    name="mocogan",
    make="diorama.recipes.mocogan:mocogan",
    title="MoCoGAN",
    summary="video GAN with separate motion and content, at the paper's size",
    about="A clip is drawn from one code for what it shows and a sequence of codes for how it moves, frame by frame; "
    "one discriminator judges frames, another whole clips.",
    kind="video",
    papers=(MOCOGAN,),
    small="mocogan_cpu",
)

ENTRIES: tuple[RecipeEntry, ...] = (
    _MOCOGAN,
    _MOCOGAN.variant(
        name="mocogan_cpu",
        make="diorama.recipes.mocogan:mocogan_cpu",
        title="MoCoGAN (small)",
        summary="video GAN for a CPU: useful within minutes",
    ),
    _MOCOGAN.variant(
        name="mocogan_toy",
        make="diorama.recipes.toy:mocogan_toy",
        title="MoCoGAN (toy)",
        summary="video GAN that trains in about a minute on two cores",
    ),
)
