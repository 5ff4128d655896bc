"""Diffusion models that draw larger pictures of small ones: super-resolution, and the later members of cascades.

Data for them hold small pictures, each with the larger one as its side ``target``: ``diorama prepare --small N``.
"""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import ConditionSpec, DataInfo
from diorama.core.errors import BadConfig
from diorama.core.worded import network_name
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.adm import ADMUNetConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.edm import EDMUNetConfig
from diorama.networks.denoisers.edm2 import EDM2UNetConfig
from diorama.processes.precondition import EDMPreconditioning
from diorama.recipes.edm import edm, edm_cpu
from diorama.recipes.entry import RecipeFunction
from diorama.recipes.partners import larger_partner_of
from diorama.training.recipe import Recipe


def edm_upscale(info: DataInfo) -> Recipe:
    """:func:`~diorama.recipes.edm.edm` for larger pictures of small ones.

    Command: ``diorama train edm_upscale --data DATA --out runs/upscale``
    Hardware and time: as ``edm`` at the larger size; not trained here.

    Args:
        info: small pictures with larger ones as their side ``target``, whose height and width are multiples of 4.

    Raises:
        BadConfig: the data have no such side, or one of another size.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, tables 1 and 7; the small picture beside the
    noisy one is that of J. Ho et al., arXiv:2106.15282, section 3, without its augmentation.
    """
    return enlarging(edm, info, "edm_upscale")


def edm_upscale_cpu(info: DataInfo) -> Recipe:
    """:func:`~diorama.recipes.edm.edm_cpu` for larger pictures of small ones: useful within minutes on two CPU cores.

    Command: ``diorama train edm_upscale_cpu --data DATA --out runs/upscale``

    Args:
        info: small pictures with larger ones as their side ``target``, whose height and width are multiples of 8.

    Raises:
        BadConfig: the data have no such side, or one of another size.
    """
    return enlarging(edm_cpu, info, "edm_upscale_cpu")


def enlarging(make: RecipeFunction, info: DataInfo, name: str) -> Recipe:
    """A recipe of a diffusion model of pictures, for one that is given the records and draws their larger partners.

    Args:
        make: of a model that is given nothing.
        info: the data, with larger pictures as the side ``target``.
        name: of the new recipe.

    Raises:
        BadConfig: the data have no such side, the model is given something already, noises are matched to pictures, or
            the network reads no picture.
    """
    partner = larger_partner_of(info)
    recipe = make(replace(info, media=partner))
    method = recipe.method
    if not isinstance(method, DiffusionMethodConfig) or method.synthesizer.conditions:
        raise BadConfig(f"{recipe.name}: only a recipe of a diffusion model that is given nothing can learn to enlarge")
    if method.coupling != "independent":
        raise BadConfig(f"{recipe.name}: matched noises would foretell the small picture; take a recipe without them")
    network = method.synthesizer.denoiser
    if not isinstance(network, ADMUNetConfig | DDPMUNetConfig | EDMUNetConfig | EDM2UNetConfig):
        raise BadConfig(f"{recipe.name}: its network, {network_name(network)}, cannot be given a picture")
    given = replace(network, picture=info.media.channels)
    preconditioning = method.synthesizer.preconditioning
    if isinstance(given, EDM2UNetConfig) and isinstance(preconditioning, EDMPreconditioning):
        # Its inputs have unit magnitude; of the noisy picture the preconditioning sees to that.
        given = replace(given, picture_deviation=preconditioning.sigma_data)
    model = replace(
        method.synthesizer,
        conditions=(ConditionSpec(key="image", shape=info.media.shape),),
        denoiser=given,
    )
    return replace(recipe, name=name, method=replace(method, synthesizer=model))
