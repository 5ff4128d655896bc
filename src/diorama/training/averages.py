"""The moving average of weights that others load."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from diorama.training.recipe import AverageConfig


def decay(config: AverageConfig, images: int, batch_size: int) -> float:
    """The share of the average that a step of ``batch_size`` images leaves in place.

    Args:
        config: half-life and ramp.
        images: seen after the step.
        batch_size: images of the step.

    Returns:
        In [0, 1): 0.5 to the power of the step's share of the half-life, which the ramp-up holds at no more than
        its share of the images seen.

    Reference: T. Karras et al., "Progressive growing of GANs", ICLR 2018, and the ramp-up of T. Karras et al.,
    "Training generative adversarial networks with limited data", NeurIPS 2020, arXiv:2006.06676.
    """
    half_life = float(config.half_life)
    if config.ramp_up is not None:
        half_life = min(half_life, config.ramp_up * images)
    return 0.5 ** (batch_size / half_life) if half_life > 0 else 0.0


class Average:
    """Follows the weights of modules, in float32 and without waiting for the device.

    Floating buffers (running statistics) are averaged like weights; integer buffers are copied.

    Args:
        modules: what is followed, under the names of the synthesizer's parts.
        config: half-life; with 0 the modules' own tensors are handed out and nothing is kept.
    """

    def __init__(self, modules: Mapping[str, nn.Module], config: AverageConfig) -> None:
        self.config = config
        self._live = live_tensors(modules)
        kept = config.half_life > 0
        self._kept = {k: v.clone() for k, v in self._live.items()} if kept else self._live
        self._floating = [k for k, v in self._live.items() if v.is_floating_point()]
        self._counts = [k for k, v in self._live.items() if not v.is_floating_point()]

    @torch.no_grad()
    def update(self, images: int, batch_size: int) -> None:
        """Move towards the weights after a step; see :func:`decay`."""
        if self._kept is self._live:
            return
        share = 1.0 - decay(self.config, images, batch_size)
        if self._floating:
            kept = [self._kept[k] for k in self._floating]
            torch._foreach_lerp_(kept, [self._live[k] for k in self._floating], share)
        for key in self._counts:
            self._kept[key].copy_(self._live[key])

    def tensors(self) -> dict[str, Tensor]:
        """What others load, under ``part.key`` as in a model folder; not copies."""
        return dict(self._kept)

    @torch.no_grad()
    def assign(self, values: Mapping[str, Tensor]) -> None:
        """Take over the tensors of the given names."""
        for key, value in values.items():
            self._kept[key].copy_(value)

    def state_dict(self) -> dict[str, Tensor]:
        """What a resume needs beyond the modules themselves."""
        return {} if self._kept is self._live else self.tensors()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from an average that was saved."""
        self.assign(state)


def live_tensors(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """The state of named modules under ``part.key``, detached and sharing memory with them."""
    return {f"{part}.{k}": v.detach() for part, module in modules.items() for k, v in module.state_dict().items()}
