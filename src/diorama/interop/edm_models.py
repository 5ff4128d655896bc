"""Whole denoisers of EDM and EDM2 as published networks: what a pickle of NVIDIA's code holds, by its class.

Their tensors do not tell the preconditioning, so that the class must be named: by the pickle, or by ``_class_name`` in
a config.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from diorama.core.config import encode
from diorama.core.errors import BadInput
from diorama.interop import edm, edm2
from diorama.interop.diffusers_schedule import Schedule
from diorama.interop.edm_precond import UNCERTAINTY, DenoiserArguments, read_denoiser, tensors_inside
from diorama.interop.edm_precond_arguments import PRECONDITIONINGS
from diorama.interop.layout import Layout, Shapes, Table
from diorama.processes.catalog import AnySpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.earlier_spacings import TableSpacing
from diorama.processes.spacing import KarrasSpacing
from diorama.samplers.heun import HeunConfig

_LOW, _HIGH = 0.002, 80.0
"""Ratios sigma / alpha that the published samplers visit, where the network allows."""
_STEPS = {edm.PUBLISHER: 18, edm2.PUBLISHER: 32}
"""Of the published samplers, by default."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PrecondLayout(Layout[DenoiserArguments, Any]):
    """A network inside a preconditioning of that class."""

    arguments = DenoiserArguments

    def recognises(self, shapes: Shapes, published: Mapping[str, Any]) -> bool:
        """Whether the config names this class, and the tensors lie where it has them."""
        inside = PRECONDITIONINGS[self.network].inside
        return published.get("_class_name") == self.network and any(name.startswith(inside) for name in shapes)

    def read_arguments(self, published: Mapping[str, Any], shapes: Shapes) -> DenoiserArguments:
        return read_denoiser(self.network, published, shapes)

    def to_ours(self, arguments: DenoiserArguments) -> Any:
        return arguments.own.layout.to_ours(arguments.network)

    def to_published(self, config: Any) -> DenoiserArguments:
        raise BadInput(f"{self.network}: is read, and not written; its network is")

    def holds(self, config: Any) -> bool:
        """No: a network alone is not told with which preconditioning it was trained."""
        return False

    def table(self, config: Any) -> Table:
        return {}

    def import_network(
        self, arguments: DenoiserArguments, config: Any, published: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        return arguments.own.layout.import_state(config, tensors_inside(arguments, published))

    def left_out(self, config: Any, names: tuple[str, ...]) -> tuple[str, ...]:
        """EDM2's head that says how uncertain a prediction is, which is needed in training alone."""
        return tuple(name for name in names if name in UNCERTAINTY.values())

    def schedule(self, arguments: DenoiserArguments) -> Schedule:
        """The published sampler without churn: Heun's along sigma / alpha, over the levels that the network allows."""
        own = arguments.own
        process, (low, high) = own.process(), own.levels
        spacing: AnySpacing
        if isinstance(process, DiscreteProcess):
            spacing = TableSpacing(low=max(low, _LOW), high=min(high, _HIGH), of=process)
        else:
            spacing = KarrasSpacing(low=max(low, _LOW), high=min(high, _HIGH))
        return Schedule(
            process=process,
            preconditioning=own.preconditioning(),
            spacing=spacing,
            sampler=HeunConfig(along="ratio"),
            threshold=None,
            steps=_STEPS[own.publisher],
        )

    def written(self, arguments: DenoiserArguments) -> dict[str, Any]:
        """All arguments in one flat config, as the published class takes them."""
        own = arguments.own
        inside = own.layout.written(arguments.network)
        flat = {**encode(own), **{name: value for name, value in inside.items() if name not in own.of_network()}}
        return {name: value for name, value in flat.items() if name != "kind"}


def _layouts(publisher: str) -> tuple[PrecondLayout, ...]:
    return tuple(
        PrecondLayout(publisher=publisher, network=name, role="denoiser", telltale={})
        for name, kind in PRECONDITIONINGS.items()
        if kind.publisher == publisher
    )


EDM_LAYOUTS: tuple[Layout[Any, Any], ...] = (*edm.LAYOUTS, *_layouts(edm.PUBLISHER))
EDM2_LAYOUTS: tuple[Layout[Any, Any], ...] = (*edm2.LAYOUTS, *_layouts(edm2.PUBLISHER))
