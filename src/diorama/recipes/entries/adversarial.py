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

R3GAN = Reference(
    key="huang2024modern",
    title="The GAN is dead; long live the GAN! A Modern GAN Baseline",
    authors=("Yiwen Huang", "Aaron Gokaslan", "Volodymyr Kuleshov", "James Tompkin"),
    year=2024,
    venue="NeurIPS",
    arxiv="2501.05441",
)

_R3GAN = RecipeEntry(
    name="r3gan",
    make="diorama.recipes.r3gan:r3gan",
    title="R3GAN",
    summary="modern GAN baseline that judges in pairs, at the authors' settings",
    about="A generator and a discriminator of residual blocks without normalisation play against each other. The "
    "discriminator says which of a real and a generated picture is the real one, and two penalties keep it flat at "
    "both, so that training neither breaks down nor forgets part of the data.",
    papers=(R3GAN,),
    small="r3gan_cpu",
)

FASTGAN = Reference(
    key="liu2021fastgan",
    title="Towards Faster and Stabilized GAN Training for High-fidelity Few-shot Image Synthesis",
    authors=("Bingchen Liu", "Yizhe Zhu", "Kunpeng Song", "Ahmed Elgammal"),
    year=2021,
    venue="ICLR",
    arxiv="2101.04775",
)

_FASTGAN = RecipeEntry(
    name="fastgan",
    make="diorama.recipes.fastgan:fastgan",
    title="FastGAN",
    summary="light GAN for 100 to 2,000 pictures, at the authors' settings",
    about="A light generator, whose coarse maps gate its fine ones, plays against a discriminator that must also "
    "redraw the real pictures from its own maps. So the discriminator cannot look at a few details alone, and a game "
    "on a hundred pictures lasts longer.",
    papers=(FASTGAN,),
    small="fastgan_cpu",
)

PROGRESSIVE = Reference(
    key="karras2018progressive",
    title="Progressive Growing of GANs for Improved Quality, Stability, and Variation",
    authors=("Tero Karras", "Timo Aila", "Samuli Laine", "Jaakko Lehtinen"),
    year=2018,
    venue="ICLR",
    arxiv="1710.10196",
)

_PROGRESSIVE = RecipeEntry(
    name="progressive",
    make="diorama.recipes.progressive:progressive",
    title="Progressive GAN",
    summary="GAN that grows from 4 x 4 pixels to the full size, at the paper's settings",
    about="Generator and discriminator begin with pictures of 4 x 4, and scale after scale fades in while they play. "
    "What is coarse is learned first, and the fine scales only add to it.",
    papers=(PROGRESSIVE,),
    small="progressive_cpu",
)

GAN = Reference(
    key="goodfellow2014gan",
    title="Generative Adversarial Nets",
    authors=(
        "Ian J. Goodfellow",
        "Jean Pouget-Abadie",
        "Mehdi Mirza",
        "Bing Xu",
        "David Warde-Farley",
        "Sherjil Ozair",
        "Aaron Courville",
        "Yoshua Bengio",
    ),
    year=2014,
    venue="NeurIPS",
    arxiv="1406.2661",
)

_GAN2014 = RecipeEntry(
    name="gan2014",
    make="diorama.recipes.gan2014:gan2014",
    title="GAN of 2014",
    summary="the first GAN, of layers over all values of a small picture",
    about="The first game of a generator against a discriminator: both see a picture as one long vector, without "
    "convolutions. It draws digits, and shows on anything larger why convolutions came.",
    papers=(GAN,),
)

VAE_GAN = Reference(
    key="larsen2016vaegan",
    title="Autoencoding beyond pixels using a learned similarity metric",
    authors=("Anders Boesen Lindbo Larsen", "Søren Kaae Sønderby", "Hugo Larochelle", "Ole Winther"),
    year=2016,
    venue="ICML",
    arxiv="1512.09300",
)

_VAE_GAN = RecipeEntry(
    name="vae_gan",
    make="diorama.recipes.vae_gan:vae_gan",
    title="VAE-GAN",
    summary="autoencoder that is compared in a discriminator, at the paper's settings",
    about="An encoder tells codes of pictures, a generator draws pictures of codes, and a discriminator tells real "
    "pictures from both. Pictures are compared in a layer of the discriminator and not by pixels, so that those drawn "
    "again are crisp.",
    papers=(VAE_GAN,),
    small="vae_gan_cpu",
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
    _GAN2014,
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
    _R3GAN,
    _R3GAN.variant(
        name="r3gan_cpu",
        make="diorama.recipes.r3gan:r3gan_cpu",
        title="R3GAN (small)",
        summary="a narrow R3GAN for a CPU",
    ),
    _FASTGAN,
    _FASTGAN.variant(
        name="fastgan_cpu",
        make="diorama.recipes.fastgan:fastgan_cpu",
        title="FastGAN (small)",
        summary="a narrow FastGAN for a CPU",
    ),
    _PROGRESSIVE,
    _PROGRESSIVE.variant(
        name="progressive_cpu",
        make="diorama.recipes.progressive:progressive_cpu",
        title="Progressive GAN (small)",
        summary="a narrow Progressive GAN for a CPU",
    ),
    _VAE_GAN,
    _VAE_GAN.variant(
        name="vae_gan_cpu",
        make="diorama.recipes.vae_gan:vae_gan_cpu",
        title="VAE-GAN (small)",
        summary="a narrow VAE-GAN for a CPU",
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
