"""Recipes of flows, and of models that draw in one step or a few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from diorama.core.references import Reference
from diorama.recipes.entries.diffusion import DDPM, GUIDANCE
from diorama.recipes.entry import RecipeEntry

FLOW = Reference(
    key="lipman2023flow",
    title="Flow Matching for Generative Modeling",
    authors=("Yaron Lipman", "Ricky T. Q. Chen", "Heli Ben-Hamu", "Maximilian Nickel", "Matt Le"),
    year=2023,
    venue="ICLR",
    arxiv="2210.02747",
)
COUPLING = Reference(
    key="tong2024coupling",
    title="Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal Transport",
    authors=(
        "Alexander Tong",
        "Kilian Fatras",
        "Nikolay Malkin",
        "Guillaume Huguet",
        "Yanlei Zhang",
        "Jarrid Rector-Brooks",
        "Guy Wolf",
        "Yoshua Bengio",
    ),
    year=2024,
    venue="TMLR",
    arxiv="2302.00482",
)
CONDITIONAL_COUPLING = Reference(
    key="cheng2025curse",
    title="The Curse of Conditions: Analyzing and Improving Optimal Transport for Conditional Flow-Based Generation",
    authors=("Ho Kei Cheng", "Alexander Schwing"),
    year=2025,
    venue="ICCV",
    arxiv="2503.10636",
)
CONSISTENCY = Reference(
    key="song2023consistency",
    title="Consistency Models",
    authors=("Yang Song", "Prafulla Dhariwal", "Mark Chen", "Ilya Sutskever"),
    year=2023,
    venue="ICML",
    arxiv="2303.01469",
)
IMPROVED_CONSISTENCY = Reference(
    key="song2024improved",
    title="Improved Techniques for Training Consistency Models",
    authors=("Yang Song", "Prafulla Dhariwal"),
    year=2024,
    venue="ICLR",
    arxiv="2310.14189",
)
EASY_CONSISTENCY = Reference(
    key="geng2025easy",
    title="Consistency Models Made Easy",
    authors=("Zhengyang Geng", "Ashwini Pokle", "William Luo", "Justin Lin", "J. Zico Kolter"),
    year=2025,
    venue="ICLR",
    arxiv="2406.14548",
)
CONTINUOUS_CONSISTENCY = Reference(
    key="lu2025simplifying",
    title="Simplifying, Stabilizing and Scaling Continuous-Time Consistency Models",
    authors=("Cheng Lu", "Yang Song"),
    year=2025,
    venue="ICLR",
    arxiv="2410.11081",
)
MEAN_FLOW = Reference(
    key="geng2025meanflow",
    title="Mean Flows for One-step Generative Modeling",
    authors=("Zhengyang Geng", "Mingyang Deng", "Xingjian Bai", "J. Zico Kolter", "Kaiming He"),
    year=2025,
    venue="NeurIPS",
    arxiv="2505.13447",
)
MOMENT_MATCHING = Reference(
    key="zhou2025inductive",
    title="Inductive Moment Matching",
    authors=("Linqi Zhou", "Stefano Ermon", "Jiaming Song"),
    year=2025,
    venue="ICML",
    arxiv="2503.07565",
)
DRIFTING = Reference(
    key="deng2026drifting",
    title="Generative Modeling via Drifting",
    authors=("Mingyang Deng", "He Li", "Tianhong Li", "Yilun Du", "Kaiming He"),
    year=2026,
    venue="arXiv",
    arxiv="2602.04770",
)
DISTRIBUTION_MATCHING = Reference(
    key="yin2024improved",
    title="Improved Distribution Matching Distillation for Fast Image Synthesis",
    authors=(
        "Tianwei Yin",
        "Michaël Gharbi",
        "Taesung Park",
        "Richard Zhang",
        "Eli Shechtman",
        "Frédo Durand",
        "William T. Freeman",
    ),
    year=2024,
    venue="NeurIPS",
    arxiv="2405.14867",
)
SCORE_IDENTITY = Reference(
    key="zhou2024score",
    title="Score identity Distillation: Exponentially Fast Distillation of Pretrained Diffusion Models for One-Step "
    "Generation",
    authors=("Mingyuan Zhou", "Huangjie Zheng", "Zhendong Wang", "Mingzhang Yin", "Hai Huang"),
    year=2024,
    venue="ICML",
    arxiv="2404.04057",
)
ADVERSARIAL_SCORE_IDENTITY = Reference(
    key="zhou2025adversarial",
    title="Adversarial Score identity Distillation: Rapidly Surpassing the Teacher in One Step",
    authors=("Mingyuan Zhou", "Huangjie Zheng", "Yi Gu", "Zhendong Wang", "Hai Huang"),
    year=2025,
    venue="ICLR",
    arxiv="2410.14919",
)

LOGIT_NORMAL = Reference(
    key="esser2024scaling",
    title="Scaling Rectified Flow Transformers for High-Resolution Image Synthesis",
    authors=(
        "Patrick Esser",
        "Sumith Kulal",
        "Andreas Blattmann",
        "Rahim Entezari",
        "Jonas Müller",
        "Harry Saini",
        "Yam Levi",
        "Dominik Lorenz",
        "Axel Sauer",
        "Frederic Boesel",
        "Dustin Podell",
        "Tim Dockhorn",
        "Zion English",
        "Kyle Lacey",
        "Alex Goodwin",
        "Yannik Marek",
        "Robin Rombach",
    ),
    year=2024,
    venue="ICML",
    arxiv="2403.03206",
)

_FLOW = RecipeEntry(
    name="flow_cpu",
    make="diorama.recipes.flow:flow_cpu",
    title="Flow matching (small)",
    summary="flow matching for a CPU",
    about="A network learns how a sample moves along the straight line from noise to a picture. A sample starts as "
    "noise and is moved along in steps.",
    papers=(FLOW,),
)
_FAST_CIFAR = RecipeEntry(
    name="fast_cifar",
    make="diorama.recipes.fast_cifar:fast_cifar",
    title="Flow matching in ten minutes",
    summary="flow matching at the size of DDPM, in ten minutes of one GPU on CIFAR-10",
    about=_FLOW.about,
    papers=(FLOW, LOGIT_NORMAL, DDPM),
    small="flow_cpu",
)
_CONSISTENCY = RecipeEntry(
    name="consistency_cpu",
    make="diorama.recipes.consistency:consistency_cpu",
    title="Consistency training (small)",
    summary="a model that draws in one step, from data alone, for a CPU",
    about="A network learns to give the same picture from everywhere on the path between it and noise, and so draws in "
    "one step.",
    papers=(IMPROVED_CONSISTENCY, CONSISTENCY),
)
_IMM = RecipeEntry(
    name="imm",
    make="diorama.recipes.moment_matching:imm",
    title="Inductive moment matching",
    summary="a model that draws in one step to eight, from data alone",
    about="A network learns to jump from any level of noise to any lower one, and where its jumps end its samples are "
    "distributed like data with that much noise. From noise alone it jumps to a picture at once, or in a few steps.",
    papers=(MOMENT_MATCHING,),
    small="imm_cpu",
)
_DRIFT = RecipeEntry(
    name="drift",
    make="diorama.recipes.drifting:drift",
    title="Drifting model",
    summary="a generator of one pass, from data alone",
    about="A network makes a picture of noise in one pass. While it is trained its pictures drift towards those of the "
    "data that are like them, and away from one another, until both are distributed alike.",
    papers=(DRIFTING,),
    small="drift_cpu",
)
_DMD = RecipeEntry(
    name="dmd",
    make="diorama.recipes.distribution_matching:dmd",
    title="Distribution matching distillation",
    summary="a one-step generator of any trained diffusion or flow model (--frozen.teacher)",
    about="A copy of a trained diffusion model draws in one step. It learns from where its teacher and a second copy, "
    "which knows its samples, disagree about them.",
    papers=(DISTRIBUTION_MATCHING,),
    small="dmd_cpu",
    from_data=False,
)
_SIDA = RecipeEntry(
    name="sida",
    make="diorama.recipes.distribution_matching:sida",
    title="Adversarial score identity distillation",
    summary="the same by another divergence, with a discriminator that has no weights of its own (--frozen.teacher)",
    about=_DMD.about,
    papers=(ADVERSARIAL_SCORE_IDENTITY, SCORE_IDENTITY),
    small="sida_cpu",
    from_data=False,
)
_ECT = RecipeEntry(
    name="ect",
    make="diorama.recipes.distill:ect",
    title="Easy consistency tuning",
    summary="a one-step model, tuned from a diffusion or flow model (diorama distill)",
    about=_CONSISTENCY.about,
    papers=(EASY_CONSISTENCY,),
    small="ect_cpu",
    from_data=False,
)
_SCM = RecipeEntry(
    name="scm_distilled",
    make="diorama.recipes.distill:scm_distilled",
    title="Continuous-time consistency distillation",
    summary="a one-step model, distilled from a diffusion or flow model (diorama distill --method scm)",
    about=_CONSISTENCY.about,
    papers=(CONTINUOUS_CONSISTENCY,),
    small="scm_distilled_cpu",
    from_data=False,
)

DISTILLATIONS: Mapping[str, str] = {"ect": "ect", "scm": "scm_distilled", "dmd": "dmd", "sida": "sida"}
"""What ``diorama distill --method`` takes, and the recipe that each trains. All are of methods with a frozen part
``teacher`` and a value ``steps``."""

ENTRIES: tuple[RecipeEntry, ...] = (
    _FAST_CIFAR,
    replace(
        _FAST_CIFAR,
        name="fast_cifar_class",
        make="diorama.recipes.fast_cifar:fast_cifar_class",
        title="Flow matching in ten minutes, with labels",
        summary="fast_cifar with labels and classifier-free guidance",
        papers=(*_FAST_CIFAR.papers, GUIDANCE),
        small=None,
    ),
    _FLOW,
    RecipeEntry(
        name="flow_ot_cpu",
        make="diorama.recipes.flow:flow_ot_cpu",
        title="Flow matching, coupled (small)",
        summary="flow matching with noises matched to pictures in every batch, for a CPU",
        about=_FLOW.about,
        papers=(COUPLING, CONDITIONAL_COUPLING, FLOW),
    ),
    _CONSISTENCY,
    RecipeEntry(
        name="consistency_distilled_cpu",
        make="diorama.recipes.consistency:consistency_distilled_cpu",
        title="Consistency distillation (small)",
        summary="a one-step model, distilled from a run of edm_cpu (--frozen.teacher)",
        about=_CONSISTENCY.about,
        papers=(CONSISTENCY,),
        from_data=False,
    ),
    _ECT,
    _ECT.variant(
        name="ect_cpu",
        make="diorama.recipes.consistency:ect_cpu",
        title="Easy consistency tuning (small)",
        summary="a one-step model, tuned from a small diffusion or flow model (--frozen.teacher)",
    ),
    RecipeEntry(
        name="scm_cpu",
        make="diorama.recipes.consistency:scm_cpu",
        title="Continuous-time consistency training (small)",
        summary="a model that draws in one step, by a derivative along the path, for a CPU",
        about=_CONSISTENCY.about,
        papers=(CONTINUOUS_CONSISTENCY, CONSISTENCY),
    ),
    _SCM,
    _SCM.variant(
        name="scm_distilled_cpu",
        make="diorama.recipes.distill:scm_distilled_cpu",
        title="Continuous-time consistency distillation (small)",
        summary="a one-step model, distilled from a small diffusion or flow model (--frozen.teacher)",
    ),
    RecipeEntry(
        name="mean_flow_cpu",
        make="diorama.recipes.mean_flow:mean_flow_cpu",
        title="Mean flow (small)",
        summary="a flow that jumps in one step or a few, from data alone, for a CPU",
        about="A network learns how a sample moves on average between any two times of its path from noise to a "
        "picture, and so can go from one end to the other at once.",
        papers=(MEAN_FLOW, FLOW),
    ),
    _IMM,
    replace(
        _IMM,
        name="imm_class",
        make="diorama.recipes.moment_matching:imm_class",
        title="Inductive moment matching, with labels",
        summary="imm with labels and classifier-free guidance",
        papers=(*_IMM.papers, GUIDANCE),
        small=None,
    ),
    _IMM.variant(
        name="imm_cpu",
        make="diorama.recipes.moment_matching:imm_cpu",
        title="Inductive moment matching (small)",
        summary="a model that draws in one step to eight, from data alone, for a CPU",
    ),
    _DRIFT,
    _DRIFT.variant(
        name="drift_cpu",
        make="diorama.recipes.drifting:drift_cpu",
        title="Drifting model (small)",
        summary="a generator of one pass, from data alone, for a CPU",
    ),
    _DMD,
    _DMD.variant(
        name="dmd_cpu",
        make="diorama.recipes.distribution_matching:dmd_cpu",
        title="Distribution matching distillation (small)",
        summary="a one-step generator of a run of edm_cpu or another small model (--frozen.teacher)",
    ),
    _SIDA,
    _SIDA.variant(
        name="sida_cpu",
        make="diorama.recipes.distribution_matching:sida_cpu",
        title="Adversarial score identity distillation (small)",
        summary="the same by another divergence, of a small model (--frozen.teacher)",
    ),
)
