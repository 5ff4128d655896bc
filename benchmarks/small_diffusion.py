"""The small diffusion recipes for a GPU: at most 3 M parameters, in batches of 256 that give each kernel work to do.

diorama compare --data cifar10 --recipes benchmarks/small_diffusion.py:ddpm,benchmarks/small_diffusion.py:edm,…
    --seeds 3 --budget 40s --out report
"""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.recipes.adm import adm_class_cpu, adm_classifier_cpu, adm_cpu
from diorama.recipes.ddpm import ddpm_cpu
from diorama.recipes.edm import edm_class_cpu, edm_cpu
from diorama.recipes.flow import flow_cpu
from diorama.recipes.mean_flow import mean_flow_cpu
from diorama.recipes.score_sde import score_sde_ve_cpu, score_sde_vp_cpu
from diorama.training.recipe import AverageConfig, Recipe


def ddpm(info: DataInfo) -> Recipe:
    """``ddpm_cpu``."""
    return _wider(ddpm_cpu(info))


def edm(info: DataInfo) -> Recipe:
    """``edm_cpu``."""
    return _wider(edm_cpu(info))


def edm_class(info: DataInfo) -> Recipe:
    """``edm_class_cpu``."""
    return _wider(edm_class_cpu(info))


def flow(info: DataInfo) -> Recipe:
    """``flow_cpu``."""
    return _wider(flow_cpu(info))


def mean_flow(info: DataInfo) -> Recipe:
    """``mean_flow_cpu``."""
    return _wider(mean_flow_cpu(info))


def adm(info: DataInfo) -> Recipe:
    """``adm_cpu``."""
    return _wider(adm_cpu(info))


def adm_class(info: DataInfo) -> Recipe:
    """``adm_class_cpu``."""
    return _wider(adm_class_cpu(info))


def adm_classifier(info: DataInfo) -> Recipe:
    """``adm_classifier_cpu``."""
    recipe = adm_classifier_cpu(info)
    return replace(recipe, batch_size=256, checkpoint_every=1_000_000, log_every=25_600)


def score_sde_vp(info: DataInfo) -> Recipe:
    """``score_sde_vp_cpu``."""
    return _wider(score_sde_vp_cpu(info))


def score_sde_ve(info: DataInfo) -> Recipe:
    """``score_sde_ve_cpu``."""
    return _wider(score_sde_ve_cpu(info))


def _wider(recipe: Recipe) -> Recipe:
    """Batches of 256, an average over a tenth of the run, and nothing measured, shown or saved on the way."""
    return replace(
        recipe,
        name=recipe.name.removesuffix("_cpu"),
        images=50_000_000,
        batch_size=256,
        averages={recipe.exported_average: AverageConfig(half_life=60_000, ramp_up=0.1)},
        evaluation=replace(recipe.evaluation, every=0),
        preview_every=0,
        checkpoint_every=50_000_000,
        log_every=25_600,
    )
