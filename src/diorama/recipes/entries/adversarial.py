"""Recipes of generators that play against a discriminator, on pictures."""

from __future__ import annotations

from diorama.core.references import Reference
from diorama.recipes.entry import RecipeEntry

DCGAN = Reference(
    key="radford2016dcgan",
    title="Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
    authors=("Alec Radford", "Luke Metz", "Soumith Chintala"),
    year=2016,
    venue="ICLR",
    arxiv="1511.06434",
)

_DCGAN = RecipeEntry(
    name="dcgan",
    make="diorama.recipes.dcgan:dcgan",
    title="DCGAN",
    summary="convolutional GAN at the paper's size",
    about="Two convolutional networks play against each other: one draws pictures from noise in a single pass, the "
    "other learns to tell them from real ones. Drawing is fast and edges are crisp; training can lose part of the "
    "data's variety.",
    papers=(DCGAN,),
    small="dcgan_cpu",
)

ENTRIES: tuple[RecipeEntry, ...] = (
    _DCGAN,
    _DCGAN.variant(
        name="dcgan_cpu",
        make="diorama.recipes.dcgan:dcgan_cpu",
        title="DCGAN (small)",
        summary="DCGAN for a CPU: useful within minutes",
    ),
    _DCGAN.variant(
        name="dcgan_toy",
        make="diorama.recipes.toy:dcgan_toy",
        title="DCGAN (toy)",
        summary="DCGAN that trains in about a minute on two cores",
    ),
)
