"""Denoisers of EDM and EDM2 (Karras et al. 2022, 2024) in the layout of NVIDIA's code: a network in a preconditioning.

``VPPrecond``, ``VEPrecond``, ``iDDPMPrecond`` and ``EDMPrecond`` hold the network's tensors under ``model.``, and
``Precond`` of EDM2 under ``unet.``; their arguments are their own and the network's in one flat config.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from diorama.core.config import decode
from diorama.core.contracts import NOTHING_GIVEN, Condition, Level, Process
from diorama.core.errors import BadConfig, BadInput
from diorama.interop.edm_precond_arguments import (
    PRECONDITIONINGS,
    EDM2PrecondArguments,
    IDDPMPrecondArguments,
    PrecondArguments,
)
from diorama.interop.layout import Shapes, shapes_of
from diorama.networks.denoisers.uncertainty import Uncertainty, UncertaintyConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import NetworkDenoise, Preconditioning

_TABLE = "u"
"""The tensor in which ``iDDPMPrecond`` keeps the noise levels of its steps."""
UNCERTAINTY = {
    "features.frequencies": "logvar_fourier.freqs",
    "features.phases": "logvar_fourier.phases",
    "log_variance.weight": "logvar_linear.weight",
}
"""Tensors of the head that says how uncertain EDM2 is."""


@dataclass(frozen=True, kw_only=True)
class DenoiserArguments:
    """A preconditioning's arguments, and those of the network inside."""

    own: PrecondArguments
    network: Any


class PublishedDenoiser(NamedTuple):
    """A network with its noise process and preconditioning.

    Attributes:
        network: in evaluation mode.
        process: of the noise.
        preconditioning: of the network.
        classes: that it has labels for.
        uncertainty: the head that says how uncertain it is at a level, of EDM2.
    """

    network: nn.Module
    process: Process
    preconditioning: Preconditioning
    classes: int
    uncertainty: Uncertainty | None = None

    def rounded(self, sigma: Tensor) -> Tensor:
        """The noise level that the network is told for each (b,): of whole steps the nearest, else the same."""
        if not isinstance(self.process, DiscreteProcess):
            return sigma
        level = self.process.at(self.process.nearest(sigma).double())
        return (level.sigma / level.alpha).to(sigma)

    def denoise(self, x: Tensor, sigma: Tensor, condition: Condition = NOTHING_GIVEN) -> Tensor:
        """The clean pictures in noisy ones whose data have kept their scale, as the published classes have it.

        Args:
            x: (b, c, h, w), data and noise of standard deviation ``sigma``.
            sigma: (b,), or one for all.
            condition: ``label``, and what else the network reads; a missing label is that of no class.
        """
        ratio = sigma.double().reshape(-1, 1, 1, 1)
        if isinstance(self.process, DiscreteProcess):
            # The network is told a whole step, but its output counts for the level itself, also beyond the last step.
            alpha = (1 + ratio**2).rsqrt()
            level = Level(t=self.process.nearest(ratio).double(), alpha=alpha, sigma=ratio * alpha)
        else:
            level = self.process.at(self.process.time_of(ratio))
        if self.classes and "label" not in condition:
            condition = {**condition, "label": torch.zeros(len(x), self.classes, device=x.device)}
        denoise = NetworkDenoise(self.network, self.preconditioning, condition)
        return denoise(level.alpha.to(x) * x, level).clean


def load_denoiser(network: str, published: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> PublishedDenoiser:
    """A preconditioned network with published weights.

    Args:
        network: name of the published class, of :data:`PRECONDITIONINGS`.
        published: its arguments and, beside them, those of the network inside.
        tensors: by their published names.

    Raises:
        BadInput: there is no such class, or the config or a tensor is not what the class has; the message names the
            argument or the tensor.
    """
    arguments = read_denoiser(network, published, shapes_of(tensors))
    own, layout = arguments.own, arguments.own.layout
    config = layout.config_of(arguments.network)
    built = config.build()
    built.load_state_dict(layout.import_state(config, tensors_inside(arguments, tensors)))
    return PublishedDenoiser(
        built.eval(), own.process(), own.preconditioning(), own.label_dim, _uncertainty(own, tensors)
    )


def read_denoiser(network: str, published: Mapping[str, Any], shapes: Shapes) -> DenoiserArguments:
    """What a flat config says.

    Raises:
        BadInput: as :func:`load_denoiser`.
    """
    kind = PRECONDITIONINGS.get(network)
    if kind is None:
        raise BadInput(f"{network!r} is none of EDM's preconditionings, {', '.join(PRECONDITIONINGS)}")
    given = {key: value for key, value in published.items() if not key.startswith("_")}
    names = {field.name for field in fields(kind)}
    try:
        own = decode(kind, {k: v for k, v in given.items() if k in names}, f"{network} config")
        own.process(), own.preconditioning()
    except BadConfig as problem:
        raise BadInput(str(problem)) from problem
    except (ValueError, BadInput) as problem:
        raise BadInput(f"{network} config: {problem}") from problem
    of_network = own.of_network()
    rest = {key: value for key, value in given.items() if key not in names}
    if twice := sorted(rest.keys() & of_network.keys()):
        raise BadInput(f"{network} config: {', '.join(twice)}: follows from img_channels, and cannot be given")
    inside = {name.removeprefix(own.inside): shape for name, shape in shapes.items()}
    return DenoiserArguments(own=own, network=own.layout.read_arguments({**rest, **of_network}, inside))


def tensors_inside(arguments: DenoiserArguments, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's tensors under its own names; those of the preconditioning are checked.

    Raises:
        BadInput: a tensor is missing, none of the model's, or not what the config says.
    """
    own, rest = arguments.own, dict(tensors)
    if isinstance(own, IDDPMPrecondArguments):
        _check_table(own, rest.pop(_TABLE, None))
    if isinstance(own, EDM2PrecondArguments):
        for name in UNCERTAINTY.values():
            rest.pop(name, None)
    for name in rest:
        if not name.startswith(own.inside):
            raise BadInput(f"{own.publisher} {own.network}: tensor {name!r} is none of the model's")
    return {name.removeprefix(own.inside): tensor for name, tensor in rest.items()}


def _check_table(own: IDDPMPrecondArguments, found: Tensor | None) -> None:
    process = own.process()
    levels = process.at(torch.arange(process.steps, -1, -1, dtype=torch.float64))
    wanted = levels.sigma / levels.alpha
    if found is None:
        raise BadInput(f"{own.publisher} {own.network}: tensor {_TABLE!r} is missing")
    # The published table is worked out in float32, which costs the smallest levels three digits.
    if found.shape != wanted.shape or not torch.allclose(found.double(), wanted, rtol=2e-3, atol=1e-6):
        raise BadInput(
            f"{own.publisher} {own.network}: tensor {_TABLE!r} has other levels than the config's M, C_1 and C_2"
        )


def _uncertainty(own: PrecondArguments, tensors: Mapping[str, Tensor]) -> Uncertainty | None:
    if not isinstance(own, EDM2PrecondArguments):
        return None
    head = UncertaintyConfig(channels=own.logvar_channels).build()
    state = head.state_dict()
    for ours, theirs in UNCERTAINTY.items():
        found, shape = tensors.get(theirs), tuple(state[ours].shape)
        if found is None:
            raise BadInput(f"{own.publisher} {own.network}: tensor {theirs!r} is missing")
        if tuple(found.shape) != shape:
            raise BadInput(
                f"{own.publisher} {own.network}: tensor {theirs!r} has shape {tuple(found.shape)}, the config asks for "
                f"{shape}"
            )
        state[ours] = found
    head.load_state_dict(state)
    return head.eval()
