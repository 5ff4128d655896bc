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

BIGGAN = Reference(
    key="brock2019biggan",
    title="Large Scale GAN Training for High Fidelity Natural Image Synthesis",
    authors=("Andrew Brock", "Jeff Donahue", "Karen Simonyan"),
    year=2019,
    venue="ICLR",
    arxiv="1809.11096",
)

SPECTRAL_NORM = Reference(
    key="miyato2018spectral",
    title="Spectral Normalization for Generative Adversarial Networks",
    authors=("Takeru Miyato", "Toshiki Kataoka", "Masanori Koyama", "Yuichi Yoshida"),
    year=2018,
    venue="ICLR",
    arxiv="1802.05957",
)

PROJECTION = Reference(
    key="miyato2018projection",
    title="cGANs with Projection Discriminator",
    authors=("Takeru Miyato", "Masanori Koyama"),
    year=2018,
    venue="ICLR",
    arxiv="1802.05637",
)

_BIGGAN = RecipeEntry(
    name="biggan",
    make="diorama.recipes.biggan:biggan",
    title="BigGAN",
    summary="residual GAN that draws by class, at the authors' settings",
    about="A generator and a discriminator of residual blocks play against each other, and both are told the class of "
    "a picture. Each weight is divided by its largest singular value, so that the discriminator stays smooth. A "
    "threshold on the latent values trades variety for pictures closer to what is usual.",
    papers=(BIGGAN, SPECTRAL_NORM, PROJECTION),
    small="biggan_cpu",
)

STYLEGAN2 = Reference(
    key="karras2020analyzing",
    title="Analyzing and Improving the Image Quality of StyleGAN",
    authors=("Tero Karras", "Samuli Laine", "Miika Aittala", "Janne Hellsten", "Jaakko Lehtinen", "Timo Aila"),
    year=2020,
    venue="CVPR",
    arxiv="1912.04958",
)

STYLEGAN2_ADA = Reference(
    key="karras2020ada",
    title="Training Generative Adversarial Networks with Limited Data",
    authors=("Tero Karras", "Miika Aittala", "Janne Hellsten", "Samuli Laine", "Jaakko Lehtinen", "Timo Aila"),
    year=2020,
    venue="NeurIPS",
    arxiv="2006.06676",
)

STYLEGAN3 = Reference(
    key="karras2021alias",
    title="Alias-Free Generative Adversarial Networks",
    authors=(
        "Tero Karras",
        "Miika Aittala",
        "Samuli Laine",
        "Erik Härkönen",
        "Janne Hellsten",
        "Jaakko Lehtinen",
        "Timo Aila",
    ),
    year=2021,
    venue="NeurIPS",
    arxiv="2106.12423",
)

_STYLEGAN2 = RecipeEntry(
    name="stylegan2",
    make="diorama.recipes.stylegan:stylegan2",
    title="StyleGAN2",
    summary="GAN with styles, the paper's configuration F, for large data sets",
    about="A mapping turns noise into a style, which scales the weights of every layer that draws the picture. Mixed "
    "styles, a penalty on uneven paths and one on steep discriminators keep it smooth: nearby styles draw similar "
    "pictures. Styles closer to their mean trade variety for pictures closer to what is usual.",
    papers=(STYLEGAN2,),
    small="stylegan2_cpu",
)

_STYLEGAN2_ADA = RecipeEntry(
    name="stylegan2_ada",
    make="diorama.recipes.stylegan:stylegan2_ada",
    title="StyleGAN2-ADA",
    summary="StyleGAN2 for small data sets, with adaptive augmentation",
    about="StyleGAN2 whose discriminator sees altered pictures, real and generated ones: mirrored, turned, recoloured. "
    "They are altered more often as soon as it knows the real ones too well, so that some hundred to some thousand "
    "pictures suffice, and the alterations do not show in what is drawn.",
    papers=(STYLEGAN2_ADA, STYLEGAN2),
    small="stylegan2_cpu",
)

_STYLEGAN3 = RecipeEntry(
    name="stylegan3",
    make="diorama.recipes.stylegan:stylegan3",
    title="StyleGAN3",
    summary="GAN with styles whose details move with what they belong to",
    about="StyleGAN's layers as signals without aliases: no detail can stick to the grid of pixels, so that hair and "
    "fur move with the head in interpolations and edits. Training takes about twice as long as StyleGAN2's.",
    papers=(STYLEGAN3, STYLEGAN2_ADA),
    small="stylegan2_cpu",
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
    _BIGGAN,
    _BIGGAN.variant(
        name="biggan_cpu",
        make="diorama.recipes.biggan:biggan_cpu",
        title="BigGAN (small)",
        summary="a narrow BigGAN for a CPU",
    ),
    _STYLEGAN2,
    _STYLEGAN2_ADA,
    _STYLEGAN2_ADA.variant(
        name="stylegan2_cifar",
        make="diorama.recipes.stylegan:stylegan2_cifar",
        title="StyleGAN2-ADA (CIFAR-10)",
        summary="StyleGAN2-ADA as its authors tuned it for CIFAR-10",
    ),
    _STYLEGAN2_ADA.variant(
        name="stylegan2_cpu",
        make="diorama.recipes.stylegan:stylegan2_cpu",
        title="StyleGAN2-ADA (small)",
        summary="a narrow StyleGAN2-ADA for a CPU: useful within minutes",
    ),
    _STYLEGAN3,
)
