"""Consistency models, and the denoisers that they were distilled from, as their authors published them.

Their checkpoints are bare state dicts of guided-diffusion's ``UNetModel``. Nothing in them says which of the two a
network is, so the config must. Attention lists the queries of all heads before keys and values, whatever
``use_new_attention_order`` says: no line of that program reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from diorama.core.errors import BadConfig, BadInput
from diorama.interop.consistency_models_arguments import KarrasArguments, with_schedule, without_flags
from diorama.interop.diffusers_schedule import Schedule
from diorama.interop.guided_diffusion import UNET, UNetLayout
from diorama.interop.guided_diffusion_arguments import UNetArguments
from diorama.interop.layout import Layout, Shapes
from diorama.networks.denoisers.adm import ADMUNetConfig

PUBLISHER = "consistency-models"
_TOLD_BY = ("distillation", "training_mode")
"""Any of these in a config says that it is of these networks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KarrasLayout(UNetLayout):
    """``UNetModel`` inside ``KarrasDenoiser``, drawn from by ``karras_sample``."""

    arguments: ClassVar[type] = KarrasArguments
    says_schedule: ClassVar[bool] = True

    def recognises(self, shapes: Shapes, published: Mapping[str, Any]) -> bool:
        """Whether the config names ``KarrasDenoiser``, or says which kind of denoiser the network is."""
        named = published.get("_class_name")
        told = named == self.network or (named in (None, "UNetModel") and any(key in published for key in _TOLD_BY))
        return told and Layout.recognises(self, shapes, {**published, "_class_name": self.network})

    def read_arguments(self, published: Mapping[str, Any], shapes: Shapes) -> KarrasArguments:
        """See :meth:`Layout.read_arguments`; flags of the published program serve too."""
        try:
            given = without_flags({key: value for key, value in published.items() if not key.startswith("_")})
        except (BadConfig, BadInput) as problem:
            raise BadInput(f"{self.network} config: {problem}") from problem
        found = super().read_arguments(given, shapes)
        assert isinstance(found, KarrasArguments)
        return found

    def to_ours(self, arguments: UNetArguments) -> ADMUNetConfig:
        assert isinstance(arguments, KarrasArguments)
        if arguments.out_channels != arguments.in_channels:
            raise BadInput(
                f"out_channels: must be in_channels, {arguments.in_channels}, since KarrasDenoiser knows no learned "
                f"variance; got {arguments.out_channels}"
            )
        arguments.schedule()
        return super().to_ours(replace(arguments, use_new_attention_order=True))

    def to_published(self, config: ADMUNetConfig) -> KarrasArguments:
        if config.heads_first:
            raise BadInput(
                "heads_first: attention there lists the queries of all heads before keys and values, this network a "
                "head's query, key and value side by side"
            )
        network = super().to_published(config)
        same = {field.name: getattr(network, field.name) for field in fields(network)}
        return KarrasArguments(**same, distillation=True)

    def schedule(self, arguments: UNetArguments) -> Schedule:
        assert isinstance(arguments, KarrasArguments)
        return arguments.schedule()

    def with_schedule(self, arguments: UNetArguments, schedule: Schedule) -> KarrasArguments:
        assert isinstance(arguments, KarrasArguments)
        return with_schedule(arguments, schedule)


KARRAS = KarrasLayout(
    publisher=PUBLISHER, network="KarrasDenoiser", role="denoiser", telltale=UNET.telltale, absent=UNET.absent
)
LAYOUTS = (KARRAS,)
