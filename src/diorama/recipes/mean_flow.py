"""Mean flows: one step from noise to a picture, learned from data alone."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.methods.diffusion.mean_flow import MeanFlowConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.processes.precondition import TargetPreconditioning
from diorama.recipes.flow import flow_cpu
from diorama.samplers.jumps import JumpsConfig
from diorama.training.recipe import Recipe


def mean_flow_cpu(info: DataInfo) -> Recipe:
    """An improved mean flow with the small U-Net of :func:`~diorama.recipes.ddpm.ddpm_cpu`.

    Command: ``diorama train mean_flow_cpu --data DATA --out runs/mean``
    Hardware and time: two CPU cores; a derivative forwards and another pass through the network beside the passes of
    ``flow_cpu``, in full precision.

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: Z. Geng et al., arXiv:2512.02012, with times and weights as Z. Geng et al., arXiv:2505.13447, table 4
    (CIFAR-10).
    """
    recipe = flow_cpu(info)
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    network = method.synthesizer.denoiser
    assert isinstance(network, DDPMUNetConfig)
    model = replace(
        method.synthesizer,
        denoiser=replace(network, embedding=replace(network.embedding, two_times=True)),
        preconditioning=TargetPreconditioning(predicts="flow", time_input="time", time_scale=10.0, two_times=True),
        steps=1,
        sampler=JumpsConfig(),
    )
    return replace(recipe, name="mean_flow_cpu", method=MeanFlowConfig(synthesizer=model))
