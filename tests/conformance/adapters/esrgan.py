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


def _discriminator(layout: Layout[Any, Any], shape: tuple[int, ...] | None, kept: tuple[str, ...]) -> Compute:
    @torch.no_grad()
    def compute(case: Case) -> Mapping[str, Tensor]:
        """``out`` of ``x``, the same in training, and the buffers that are asked for as training leaves them."""

        def judged(network: nn.Module) -> Tensor:
            logits: Tensor = network(case.inputs["x"], {})
            return logits if shape is None else logits.reshape(shape)

        network = layout.load(case.config, case.weights)
        out, out_train = judged(network), judged(network.train())
        after = layout.export_state(network.config, network.state_dict())
        return {"out": out, "out_train": out_train, **{f"after/{name}": after[name] for name in kept}}

    return compute


ADAPTERS: dict[str, Compute] = {
    "architecture.RRDB_Net": _generator(esrgan.RRDB_2018),
    "RRDBNet_arch.RRDBNet": _generator(esrgan.RRDB_2019),
    "basicsr.archs.rrdbnet_arch.RRDBNet": _generator(basicsr.RRDBNET),
    "realesrgan.archs.srvgg_arch.SRVGGNetCompact": _generator(basicsr.COMPACT),
    "basicsr.archs.srresnet_arch.MSRResNet": _generator(basicsr.SRRESNET),
    "basicsr.archs.discriminator_arch.VGGStyleDiscriminator": _discriminator(
        basicsr.VGG_DISCRIMINATOR,
        (-1, 1),
        tuple(f"{norm}.running_{moment}" for norm in ("bn0_1", "bn4_1") for moment in ("mean", "var")),
    ),
    "realesrgan.archs.discriminator_arch.UNetDiscriminatorSN": _discriminator(
        basicsr.UNET_DISCRIMINATOR, None, tuple(f"conv{number}.weight_u" for number in (1, 4, 8))
    ),
}
