"""Recipes of networks whose features measure, rather than draw."""

from __future__ import annotations

from diorama.core.references import Reference
from diorama.recipes.entry import RecipeEntry

SIMCLR = Reference(
    key="chen2020simclr",
    title="A Simple Framework for Contrastive Learning of Visual Representations",
    authors=("Ting Chen", "Simon Kornblith", "Mohammad Norouzi", "Geoffrey Hinton"),
    year=2020,
    venue="ICML",
    arxiv="2002.05709",
)
VICREG = Reference(
    key="bardes2022vicreg",
    title="VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning",
    authors=("Adrien Bardes", "Jean Ponce", "Yann LeCun"),
    year=2022,
    venue="ICLR",
    arxiv="2105.04906",
)

ENTRIES: tuple[RecipeEntry, ...] = (
    RecipeEntry(
        name="lite",
        make="diorama.recipes.lite:lite",
        title="Lite features",
        summary="the feature network behind fd@lite, from colour pictures without labels",
        about="A network learns features of pictures without labels: to tell pictures apart, to know how damaged they "
        "are and to keep what they look like. The package's own weights measure fd@lite.",
        papers=(SIMCLR, VICREG),
        from_data=False,
    ),
    RecipeEntry(
        name="lite2",
        make="diorama.recipes.lite:lite2",
        title="Lite features, second weights",
        summary="the feature network behind fd@lite2, from colour pictures labelled by their collection",
        about="The network of lite learns less of how pictures look and more of what they show: views differ in "
        "colour, and it names the collection that each picture comes from. In the package's own weights, which "
        "measure fd@lite2, directions in which damage moves features are shortened as well.",
        papers=(SIMCLR, VICREG),
        from_data=False,
    ),
)
