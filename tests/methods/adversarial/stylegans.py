"""A StyleGAN2-ADA small enough for tests, with all its turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from diorama.core.contracts import Batch, ConditionSpec, MediaSpec
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.path_length import PathLengthConfig
from diorama.networks.adversarial.style_mapping import StyleMappingConfig
from diorama.networks.adversarial.stylegan2 import StyleGAN2GeneratorConfig
from diorama.networks.adversarial.stylegan2_discriminator import StyleGAN2DiscriminatorConfig

MAPPING = StyleMappingConfig(layers=2)
NARROW: dict[str, Any] = {"channel_base": 64, "channel_max": 8, "classes": 2}
LAZY: dict[str, Any] = {
    "r1": 1.0,
    "r1_interval": 2,
    "style_mixing": 0.9,
    "path_length": PathLengthConfig(interval=2),
    "augment": AdaptiveAugmentationConfig(images=100, interval=2, start=0.5),
}
"""All turns, the lazy ones in every second step."""


def stylegan2(size: int = 16, **changes: Any) -> GANConfig:
    """By class, for pictures of that size."""
    made = StyleGAN2GeneratorConfig(**NARROW, size=size, latent=6, style=8, mapping=MAPPING)
    return GANConfig(
        media=MediaSpec(kind="image", channels=3, height=size, width=size),
        generator=changes.pop("generator", made),
        discriminator=StyleGAN2DiscriminatorConfig(**NARROW, size=size, mapping=MAPPING),
        conditions=(ConditionSpec(key="label", names=("a", "b")),),
        **changes,
    )


def batches_on(device: torch.device, size: int, rank: int = 0) -> Callable[[int], Sequence[Batch]]:
    """Four labelled pictures a step."""

    def at(step: int) -> Sequence[Batch]:
        draws = torch.Generator().manual_seed(1000 * rank + step)
        records = torch.rand(4, 3, size, size, generator=draws) * 2 - 1
        label = torch.randint(2, (4,), generator=draws)
        return [{"image": records.to(device), "label": label.to(device)}]

    return at
