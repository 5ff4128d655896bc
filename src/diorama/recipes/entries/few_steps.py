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

DISTILLATIONS: Mapping[str, str] = {"ect": "ect", "scm": "scm_distilled"}
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
)
