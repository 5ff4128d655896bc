"""Recipes of models that remove noise step by step, on pictures."""

from __future__ import annotations

from diorama.core.references import Reference
from diorama.recipes.entry import RecipeEntry

DDPM = Reference(
    key="ho2020ddpm",
    title="Denoising Diffusion Probabilistic Models",
    authors=("Jonathan Ho", "Ajay Jain", "Pieter Abbeel"),
    year=2020,
    venue="NeurIPS",
    arxiv="2006.11239",
)
DDIM = Reference(
    key="song2021ddim",
    title="Denoising Diffusion Implicit Models",
    authors=("Jiaming Song", "Chenlin Meng", "Stefano Ermon"),
    year=2021,
    venue="ICLR",
    arxiv="2010.02502",
)
GUIDANCE = Reference(
    key="ho2022guidance",
    title="Classifier-Free Diffusion Guidance",
    authors=("Jonathan Ho", "Tim Salimans"),
    year=2022,
    venue="arXiv",
    arxiv="2207.12598",
)

_ABOUT = (
    "A network learns to remove noise of every strength; a sample starts as pure noise and is cleaned in many small "
    "steps, here taken along the deterministic DDIM path. Quality and variety are high, drawing is slow."
)

_DDPM = RecipeEntry(
    name="ddpm",
    make="diorama.recipes.ddpm:ddpm",
    title="DDPM",
    summary="denoising diffusion at the paper's size, drawn by DDIM",
    about=_ABOUT,
    papers=(DDPM, DDIM),
    small="ddpm_cpu",
)
_WITH_LABELS = RecipeEntry(
    name="ddpm_class",
    make="diorama.recipes.ddpm:ddpm_class",
    title="DDPM with labels",
    summary="denoising diffusion of labelled pictures, with classifier-free guidance",
    about=_ABOUT,
    papers=(DDPM, DDIM, GUIDANCE),
    small="ddpm_class_cpu",
)

ENTRIES: tuple[RecipeEntry, ...] = (
    _DDPM,
    _DDPM.variant(
        name="ddpm_cpu",
        make="diorama.recipes.ddpm:ddpm_cpu",
        title="DDPM (small)",
        summary="denoising diffusion for a CPU: useful within minutes",
    ),
    _DDPM.variant(
        name="ddpm_toy",
        make="diorama.recipes.toy:ddpm_toy",
        title="DDPM (toy)",
        summary="denoising diffusion that trains in about a minute on two cores",
    ),
    _WITH_LABELS,
    _WITH_LABELS.variant(
        name="ddpm_class_cpu",
        make="diorama.recipes.ddpm:ddpm_class_cpu",
        title="DDPM with labels (small)",
        summary="denoising diffusion of labelled pictures for a CPU",
    ),
)
