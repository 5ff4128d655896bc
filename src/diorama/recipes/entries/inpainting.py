"""Recipes of networks that fill holes in pictures."""

from __future__ import annotations

from diorama.core.references import Reference
from diorama.recipes.entry import RecipeEntry

FREE_FORM = Reference(
    key="yu2019freeform",
    title="Free-Form Image Inpainting with Gated Convolution",
    authors=("Jiahui Yu", "Zhe Lin", "Jimei Yang", "Xiaohui Shen", "Xin Lu", "Thomas Huang"),
    year=2019,
    venue="ICCV",
    arxiv="1806.03589",
)

_INPAINT_GAN = RecipeEntry(
    name="inpaint_gan",
    make="diorama.recipes.inpainting:inpaint_gan",
    title="Gated convolutions",
    summary="fills holes of any shape in pictures, in one pass",
    about="A first network fills the holes coarsely, a second one draws them anew. Their convolutions have gates, "
    "which learn at every place how much of it is known, and a discriminator that sees the mask judges every place of "
    "the whole picture. Holes are brush strokes and boxes, which are drawn while training.",
    papers=(FREE_FORM,),
    small="inpaint_gan_cpu",
    from_data=False,
)

ENTRIES: tuple[RecipeEntry, ...] = (
    _INPAINT_GAN,
    _INPAINT_GAN.variant(
        name="inpaint_gan_cpu",
        make="diorama.recipes.inpainting:inpaint_gan_cpu",
        title="Gated convolutions (small)",
        summary="a narrow network that fills holes, for a CPU",
    ),
)
