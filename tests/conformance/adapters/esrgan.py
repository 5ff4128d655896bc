"""Golden cases of ESRGAN, Real-ESRGAN and SRResNet: generators in all layouts, and both discriminators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from diorama.interop import basicsr, esrgan
from diorama.interop.layout import Layout
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def _generator(layout: Layout[Any, Any]) -> Compute:
    @torch.no_grad()
    def compute(case: Case) -> Mapping[str, Tensor]:
        """``img`` of ``lr``."""
        return {"img": layout.load(case.config, case.weights)(case.inputs["lr"], {})}

    return compute


def _discriminator(layout: Layout[Any, Any], shape: tuple[int, ...] | None) -> Compute:
    @torch.no_grad()
    def compute(case: Case) -> Mapping[str, Tensor]:
        """``out`` of ``x``, the same in training, and what training leaves of the buffers."""

        def judged(network: nn.Module) -> Tensor:
            logits: Tensor = network(case.inputs["x"], {})
            return logits if shape is None else logits.reshape(shape)

        network = layout.load(case.config, case.weights)
        out, out_train = judged(network), judged(network.train())
        after = layout.export_state(network.config, network.state_dict())
        kept = {name: after[name.removeprefix("after/")] for name in case.output_names if name.startswith("after/")}
        return {"out": out, "out_train": out_train, **kept}

    return compute


ADAPTERS: dict[str, Compute] = {
    "architecture.RRDB_Net": _generator(esrgan.RRDB_2018),
    "RRDBNet_arch.RRDBNet": _generator(esrgan.RRDB_2019),
    "basicsr.archs.rrdbnet_arch.RRDBNet": _generator(basicsr.RRDBNET),
    "realesrgan.archs.srvgg_arch.SRVGGNetCompact": _generator(basicsr.COMPACT),
    "basicsr.archs.srresnet_arch.MSRResNet": _generator(basicsr.SRRESNET),
    "basicsr.archs.discriminator_arch.VGGStyleDiscriminator": _discriminator(basicsr.VGG_DISCRIMINATOR, (-1, 1)),
    "realesrgan.archs.discriminator_arch.UNetDiscriminatorSN": _discriminator(basicsr.UNET_DISCRIMINATOR, None),
}
