"""Recipes of networks that enlarge pictures in one pass."""

from __future__ import annotations

from diorama.core.references import Reference
from diorama.recipes.entry import RecipeEntry

SRGAN = Reference(
    key="ledig2017photorealistic",
    title="Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
    authors=(
        "Christian Ledig",
        "Lucas Theis",
        "Ferenc Huszár",
        "Jose Caballero",
        "Andrew Cunningham",
        "Alejandro Acosta",
        "Andrew Aitken",
        "Alykhan Tejani",
        "Johannes Totz",
        "Zehan Wang",
        "Wenzhe Shi",
    ),
    year=2017,
    venue="CVPR",
    arxiv="1609.04802",
)

ESRGAN = Reference(
    key="wang2018esrgan",
    title="ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks",
    authors=(
        "Xintao Wang",
        "Ke Yu",
        "Shixiang Wu",
        "Jinjin Gu",
        "Yihao Liu",
        "Chao Dong",
        "Chen Change Loy",
        "Yu Qiao",
        "Xiaoou Tang",
    ),
    year=2018,
    venue="ECCV Workshops",
    arxiv="1809.00219",
)

_SRRESNET = RecipeEntry(
    name="srresnet",
    make="diorama.recipes.enlarging:srresnet",
    title="SRResNet",
    summary="enlarges pictures in one pass, close to the originals",
    about="A network of residual blocks looks at the small picture and lays its last maps side by side as the pixels "
    "of the large one. It is held to the true one pixel by pixel, so that it is close everywhere and smooth where "
    "nobody can know.",
    papers=(SRGAN, ESRGAN),
    small="srresnet_cpu",
    from_data=False,
)

_SRGAN = RecipeEntry(
    name="srgan",
    make="diorama.recipes.enlarging:srgan",
    title="SRGAN",
    summary="enlarges pictures in one pass with details that look real; from srresnet",
    about="SRResNet goes on against a discriminator that tells true pictures from enlarged ones, and is held to what "
    "a network of features sees of the true picture.",
    papers=(SRGAN, ESRGAN),
    small="srgan_cpu",
    from_data=False,
)

_RRDB = RecipeEntry(
    name="rrdb_psnr",
    make="diorama.recipes.enlarging:rrdb_psnr",
    title="RRDBNet (ESRGAN's first stage)",
    summary="enlarges pictures in one pass; where ESRGAN starts",
    about="Dense blocks inside residual blocks, without norms, make a large picture of a small one and are held to the "
    "true one pixel by pixel.",
    papers=(ESRGAN,),
    small="rrdb_psnr_cpu",
    from_data=False,
)

_ESRGAN = RecipeEntry(
    name="esrgan",
    make="diorama.recipes.enlarging:esrgan",
    title="ESRGAN",
    summary="enlarges pictures in one pass with details that look real; from rrdb_psnr",
    about="A network that enlarges pictures closely learns to draw what pixels alone leave open: it is held to what a "
    "network of features sees of the true picture, and to a discriminator that tells which of two pictures is the more "
    "real one.",
    papers=(ESRGAN, SRGAN),
    small="esrgan_cpu",
    from_data=False,
)

ENTRIES: tuple[RecipeEntry, ...] = (
    _SRRESNET,
    _SRRESNET.variant(
        name="srresnet_cpu",
        make="diorama.recipes.enlarging:srresnet_cpu",
        title="SRResNet (small)",
        summary="a narrow SRResNet for a CPU",
    ),
    _SRGAN,
    _SRGAN.variant(
        name="srgan_cpu",
        make="diorama.recipes.enlarging:srgan_cpu",
        title="SRGAN (small)",
        summary="a narrow SRGAN for a CPU; from srresnet_cpu",
    ),
    _RRDB,
    _RRDB.variant(
        name="rrdb_psnr_cpu",
        make="diorama.recipes.enlarging:rrdb_psnr_cpu",
        title="RRDBNet (small)",
        summary="a narrow first stage of ESRGAN for a CPU",
    ),
    _ESRGAN,
    _ESRGAN.variant(
        name="esrgan_cpu",
        make="diorama.recipes.enlarging:esrgan_cpu",
        title="ESRGAN (small)",
        summary="a narrow ESRGAN for a CPU; from rrdb_psnr_cpu",
    ),
)
