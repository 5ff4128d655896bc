"""Flow matching: straight paths from noise to pictures, with noise drawn apart from the pictures or matched to them."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.processes.flow import FlowProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import UniformSpacing
from diorama.processes.times import LogitNormalTimes
from diorama.recipes.ddpm import ddpm_cpu
from diorama.samplers.heun import HeunConfig
from diorama.training.recipe import Recipe


def flow_cpu(info: DataInfo) -> Recipe:
    """Flow matching with the small U-Net of :func:`~diorama.recipes.ddpm.ddpm_cpu`.

    Command: ``diorama train flow_cpu --data DATA --out runs/flow``
    Hardware and time: as ``ddpm_cpu``.

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: Y. Lipman et al., arXiv:2210.02747, equation 23; times as P. Esser et al., arXiv:2403.03206, section 3.1.
    """
    return as_flow(ddpm_cpu(info), "flow_cpu")


def flow_ot_cpu(info: DataInfo) -> Recipe:
    """:func:`flow_cpu` with noises that are matched to the pictures of their batch, so that paths are straighter.

    Command: ``diorama train flow_ot_cpu --data DATA --out runs/flow``
    Hardware and time: as ``ddpm_cpu``; the matching of a batch takes less than a millisecond.

    Args:
        info: as of :func:`flow_cpu`.

    Raises:
        BadConfig: as :func:`flow_cpu`.

    Reference: A. Tong et al., arXiv:2302.00482, section 3.2; within classes H. K. Cheng, A. Schwing, arXiv:2503.10636.
    """
    recipe = flow_cpu(info)
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    # A larger batch has closer pairs.
    return replace(recipe, name="flow_ot_cpu", method=replace(method, coupling="minibatch"), batch_size=64)


def as_flow(recipe: Recipe, name: str) -> Recipe:
    """A recipe of a diffusion model with the straight path of a flow in place of its process.

    Args:
        recipe: whose network, optimizer and lengths stay.
        name: of the new recipe.

    Reference: Y. Lipman et al., arXiv:2210.02747, equation 23; times as P. Esser et al., arXiv:2403.03206, section 3.1.
    """
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    model = replace(
        method.synthesizer,
        process=FlowProcess(),
        # The embedding was made for the steps of DDPM, of which there are a thousand.
        preconditioning=TargetPreconditioning(predicts="flow", time_input="time", time_scale=1_000.0),
        spacing=UniformSpacing(),
        steps=20,
        sampler=HeunConfig(),
        clip=False,
    )
    return replace(recipe, name=name, method=replace(method, synthesizer=model, times=LogitNormalTimes()))
