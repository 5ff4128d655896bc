"""Recipes of networks that draw pictures of one kind of pictures of another."""

from __future__ import annotations

from diorama.core.references import Reference
from diorama.recipes.entry import RecipeEntry

PIX2PIX = Reference(
    key="isola2017conditional",
    title="Image-to-Image Translation with Conditional Adversarial Networks",
    authors=("Phillip Isola", "Jun-Yan Zhu", "Tinghui Zhou", "Alexei A. Efros"),
    year=2017,
    venue="CVPR",
    arxiv="1611.07004",
)

PIX2PIXHD = Reference(
    key="wang2018highresolution",
    title="High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs",
    authors=("Ting-Chun Wang", "Ming-Yu Liu", "Jun-Yan Zhu", "Andrew Tao", "Jan Kautz", "Bryan Catanzaro"),
    year=2018,
    venue="CVPR",
    arxiv="1711.11585",
)

CYCLEGAN = Reference(
    key="zhu2017cyclegan",
    title="Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
    authors=("Jun-Yan Zhu", "Taesung Park", "Phillip Isola", "Alexei A. Efros"),
    year=2017,
    venue="ICCV",
    arxiv="1703.10593",
)

_PIX2PIX = RecipeEntry(
    name="pix2pix",
    make="diorama.recipes.translation:pix2pix",
    title="pix2pix",
    summary="draws the partner of a picture, learned of pairs",
    about="A network turns a picture into its partner: a map into a photograph, a drawing into a thing. It is held to "
    "the true partner, pixel by pixel, and to a discriminator that sees both pictures and judges each patch, so that "
    "what pixels alone leave open is drawn sharply.",
    papers=(PIX2PIX,),
    small="pix2pix_cpu",
    from_data=False,
)

_CYCLEGAN = RecipeEntry(
    name="cyclegan",
    make="diorama.recipes.translation:cyclegan",
    title="CycleGAN",
    summary="turns pictures of one kind into another, learned without pairs",
    about="Two networks translate between two kinds of pictures, there and back. A discriminator of each kind says "
    "what looks real, and what has gone there and back must be the picture that it was, so that its content is kept "
    "though no picture has a partner.",
    papers=(CYCLEGAN,),
    small="cyclegan_cpu",
    from_data=False,
)

ENTRIES: tuple[RecipeEntry, ...] = (
    _PIX2PIX,
    _PIX2PIX.variant(
        name="pix2pix_cpu",
        make="diorama.recipes.translation:pix2pix_cpu",
        title="pix2pix (small)",
        summary="a narrow pix2pix for a CPU",
    ),
    RecipeEntry(
        name="pix2pixhd",
        make="diorama.recipes.translation:pix2pixhd",
        title="pix2pixHD",
        summary="draws large partners of pictures, learned of pairs",
        about="As pix2pix, for large pictures: the generator halves less and has more layers at its smallest size, the "
        "discriminators look at two sizes, and what is drawn is held to their features of the true partner in place of "
        "its pixels.",
        papers=(PIX2PIXHD, PIX2PIX),
        small="pix2pix_cpu",
        from_data=False,
    ),
    _CYCLEGAN,
    _CYCLEGAN.variant(
        name="cyclegan_cpu",
        make="diorama.recipes.translation:cyclegan_cpu",
        title="CycleGAN (small)",
        summary="a narrow CycleGAN for a CPU",
    ),
)
