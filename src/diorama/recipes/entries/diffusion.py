"""Recipes of models that remove noise step by step, on pictures."""

from __future__ import annotations

from dataclasses import replace

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
GUIDED_DISTILLATION = Reference(
    key="meng2023guided",
    title="On Distillation of Guided Diffusion Models",
    authors=(
        "Chenlin Meng",
        "Robin Rombach",
        "Ruiqi Gao",
        "Diederik P. Kingma",
        "Stefano Ermon",
        "Jonathan Ho",
        "Tim Salimans",
    ),
    year=2023,
    venue="CVPR",
    arxiv="2210.03142",
)
SCORE_SDE = Reference(
    key="song2021scoresde",
    title="Score-Based Generative Modeling through Stochastic Differential Equations",
    authors=(
        "Yang Song",
        "Jascha Sohl-Dickstein",
        "Diederik P. Kingma",
        "Abhishek Kumar",
        "Stefano Ermon",
        "Ben Poole",
    ),
    year=2021,
    venue="ICLR",
    arxiv="2011.13456",
)

IMPROVED_DDPM = Reference(
    key="nichol2021improved",
    title="Improved Denoising Diffusion Probabilistic Models",
    authors=("Alex Nichol", "Prafulla Dhariwal"),
    year=2021,
    venue="ICML",
    arxiv="2102.09672",
)
ADM = Reference(
    key="dhariwal2021adm",
    title="Diffusion Models Beat GANs on Image Synthesis",
    authors=("Prafulla Dhariwal", "Alex Nichol"),
    year=2021,
    venue="NeurIPS",
    arxiv="2105.05233",
)

CASCADE = Reference(
    key="ho2022cascaded",
    title="Cascaded Diffusion Models for High Fidelity Image Generation",
    authors=(
        "Jonathan Ho",
        "Chitwan Saharia",
        "William Chan",
        "David J. Fleet",
        "Mohammad Norouzi",
        "Tim Salimans",
    ),
    year=2022,
    venue="JMLR",
    arxiv="2106.15282",
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
_EDM_WITH_LABELS = RecipeEntry(
    name="edm_class",
    make="diorama.recipes.edm:edm_class",
    title="EDM with labels",
    summary="EDM of labelled pictures, with classifier-free guidance",
    about=_EDM.about,
    papers=(EDM, GUIDANCE),
    small="edm_class_cpu",
)
_EDM_UPSCALE = RecipeEntry(
    name="edm_upscale",
    make="diorama.recipes.upscale:edm_upscale",
    title="EDM (upscale)",
    summary="EDM that draws larger pictures of small ones, from pairs (prepare --small)",
    about="A small picture is enlarged and put beside the noisy one, from which the network finds the large picture "
    "that it was made of; so details are drawn that the small one has no room for.",
    papers=(EDM, CASCADE),
    small="edm_upscale_cpu",
    from_data=False,
)
_ADM = RecipeEntry(
    name="adm",
    make="diorama.recipes.adm:adm",
    title="ADM",
    summary="guided diffusion's network with learned variances, drawn by ancestral sampling",
    about="A network learns to remove noise of every strength, and how sure each of the many small steps is; so fewer "
    "of them suffice. A classifier of noisy pictures can guide it towards a label.",
    papers=(ADM, IMPROVED_DDPM),
    small="adm_cpu",
)
_ADM_CLASS = replace(
    _ADM,
    name="adm_class",
    make="diorama.recipes.adm:adm_class",
    title="ADM (labels)",
    summary="guided diffusion's network with labels, to be guided by adm_classifier",
    small="adm_class_cpu",
)
_CLASSIFIER = RecipeEntry(
    name="adm_classifier",
    make="diorama.recipes.adm:adm_classifier",
    title="Noisy classifier",
    summary="tells labels of noisy pictures apart; its gradient guides a diffusion model towards one",
    about="A network learns to name the label of a picture through noise of every strength. The direction in which a "
    "label becomes more likely guides a diffusion model that knows no labels, at a strength that is chosen later.",
    papers=(ADM,),
    small="adm_classifier_cpu",
    from_data=False,
)
_SCORE_SDE_VP = RecipeEntry(
    name="score_sde_vp",
    make="diorama.recipes.score_sde:score_sde_vp",
    title="Score SDE (VP)",
    summary="score matching in continuous time while noise replaces the data, at the paper's size",
    about="Noise takes the place of the data along a stochastic differential equation; a network learns the gradient "
    "of the density at every time, with which the equation is run backwards. The same network gives exact code lengths "
    "along a deterministic path.",
    papers=(SCORE_SDE,),
    small="score_sde_vp_cpu",
)
_SCORE_SDE_VE = RecipeEntry(
    name="score_sde_ve",
    make="diorama.recipes.score_sde:score_sde_ve",
    title="Score SDE (VE)",
    summary="score matching in continuous time while noise drowns the data, drawn by predictor and corrector",
    about="Noise is added to pictures that keep their scale until nothing is seen of them; a network learns the "
    "gradient of the density at every strength. Steps of the reverse equation alternate with Langevin dynamics.",
    papers=(SCORE_SDE,),
    small="score_sde_ve_cpu",
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
    _EDM_WITH_LABELS,
    _EDM_WITH_LABELS.variant(
        name="edm_class_cpu",
        make="diorama.recipes.edm:edm_class_cpu",
        title="EDM with labels (small)",
        summary="EDM of labelled pictures for a CPU",
    ),
    _EDM_UPSCALE,
    _EDM_UPSCALE.variant(
        name="edm_upscale_cpu",
        make="diorama.recipes.upscale:edm_upscale_cpu",
        title="EDM (upscale, small)",
        summary="EDM for a CPU that draws larger pictures of small ones, from pairs (prepare --small)",
    ),
    _ADM,
    _ADM.variant(
        name="adm_cpu",
        make="diorama.recipes.adm:adm_cpu",
        title="ADM (small)",
        summary="guided diffusion with learned variances for a CPU",
    ),
    _ADM_CLASS,
    _ADM_CLASS.variant(
        name="adm_class_cpu",
        make="diorama.recipes.adm:adm_class_cpu",
        title="ADM (labels, small)",
        summary="guided diffusion with labels for a CPU, to be guided by adm_classifier_cpu",
    ),
    _CLASSIFIER,
    _CLASSIFIER.variant(
        name="adm_classifier_cpu",
        make="diorama.recipes.adm:adm_classifier_cpu",
        title="Noisy classifier (small)",
        summary="a classifier of noisy pictures for a CPU, that guides adm_cpu, adm_class_cpu and ddpm_cpu",
    ),
    _SCORE_SDE_VP,
    _SCORE_SDE_VP.variant(
        name="score_sde_vp_cpu",
        make="diorama.recipes.score_sde:score_sde_vp_cpu",
        title="Score SDE (VP, small)",
        summary="the variance-preserving score SDE for a CPU",
    ),
    _SCORE_SDE_VE,
    _SCORE_SDE_VE.variant(
        name="score_sde_ve_cpu",
        make="diorama.recipes.score_sde:score_sde_ve_cpu",
        title="Score SDE (VE, small)",
        summary="the variance-exploding score SDE for a CPU",
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
    RecipeEntry(
        name="guided_student_cpu",
        make="diorama.recipes.student:guided_student_cpu",
        title="Guided student (small)",
        summary="a guided model in one pass of the network a step, at any scale (--frozen.teacher)",
        about="A guided model asks its network twice a step, with the label and without. A student learns to give the "
        "guided answer at once, and is told how strong the guidance is to be.",
        papers=(GUIDED_DISTILLATION, GUIDANCE),
        from_data=False,
    ),
)
