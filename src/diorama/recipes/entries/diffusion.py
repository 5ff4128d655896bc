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
EDM = Reference(
    key="karras2022edm",
    title="Elucidating the Design Space of Diffusion-Based Generative Models",
    authors=("Tero Karras", "Miika Aittala", "Timo Aila", "Samuli Laine"),
    year=2022,
    venue="NeurIPS",
    arxiv="2206.00364",
)
EDM2 = Reference(
    key="karras2024dynamics",
    title="Analyzing and Improving the Training Dynamics of Diffusion Models",
    authors=("Tero Karras", "Miika Aittala", "Jaakko Lehtinen", "Janne Hellsten", "Timo Aila", "Samuli Laine"),
    year=2024,
    venue="CVPR",
    arxiv="2312.02696",
)
PROGRESSIVE_DISTILLATION = Reference(
    key="salimans2022progressive",
    title="Progressive Distillation for Fast Sampling of Diffusion Models",
    authors=("Tim Salimans", "Jonathan Ho"),
    year=2022,
    venue="ICLR",
    arxiv="2202.00512",
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
_EDM = RecipeEntry(
    name="edm",
    make="diorama.recipes.edm:edm",
    title="EDM",
    summary="diffusion with a preconditioned network, at the paper's schedule, drawn by Heun's method",
    about="Noise of every strength is added to pictures that keep their scale; input and target of the network are "
    "scaled to unit variance at every strength, and a sampler of second order needs few steps.",
    papers=(EDM,),
    small="edm_cpu",
)
_EDM2 = RecipeEntry(
    name="edm2",
    make="diorama.recipes.edm2:edm2",
    title="EDM2",
    summary="EDM with a network that keeps the magnitude of its features, at the paper's size",
    about="Layers neither grow nor shrink what passes through them, weights are kept at unit length, and how uncertain "
    "the network is at each strength of noise is learned along. The width of the average of weights is chosen after "
    "training.",
    papers=(EDM2, EDM),
    small="edm2_cpu",
)
_STUDENT = RecipeEntry(
    name="student",
    make="diorama.recipes.student:student",
    title="Student",
    summary="a model of half as many steps, distilled from a trained diffusion model (--frozen.teacher)",
    about="A network learns to do in one step what its teacher, a trained diffusion model, does in two. Repeated, it "
    "brings a sampler of many steps down to a few.",
    papers=(PROGRESSIVE_DISTILLATION,),
    small="student_cpu",
    from_data=False,
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
    _EDM,
    _EDM.variant(
        name="edm_cpu",
        make="diorama.recipes.edm:edm_cpu",
        title="EDM (small)",
        summary="EDM for a CPU: useful within minutes",
    ),
    _EDM.variant(
        name="edm_toy",
        make="diorama.recipes.toy:edm_toy",
        title="EDM (toy)",
        summary="EDM that trains in about a minute on two cores",
    ),
    _EDM2,
    _EDM2.variant(
        name="edm2_cpu",
        make="diorama.recipes.edm2:edm2_cpu",
        title="EDM2 (small)",
        summary="EDM2 for a CPU",
    ),
    _STUDENT,
    _STUDENT.variant(
        name="student_cpu",
        make="diorama.recipes.student:student_cpu",
        title="Student (small)",
        summary="a student of a small teacher, for a CPU (--frozen.teacher)",
    ),
    _STUDENT.variant(
        name="student_toy",
        make="diorama.recipes.toy:student_toy",
        title="Student (toy)",
        summary="a student that trains in under a minute on two cores (--frozen.teacher)",
    ),
)
