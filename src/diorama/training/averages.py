"""Moving averages of the weights, of which one is what others load."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from diorama.core import distributed, files
from diorama.core.device import at_least_float32
from diorama.core.shards import gathered, own_part, part_like
from diorama.methods.base import live_tensors
from diorama.synthesis.averaging import gamma_of
from diorama.training.recipe import AverageConfig, PowerAverageConfig

_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def decay(config: AverageConfig | PowerAverageConfig, images: int, batch_size: int) -> float:
    """The share of the average that a step of ``batch_size`` images leaves in place.

    Args:
        config: half-life and ramp, or the width of the power function.
        images: seen after the step.
        batch_size: images of the step.

    Returns:
        In [0, 1). Of a half-life: 0.5 to the power of batch_size / half-life, the half-life being at most ramp_up times
        the images seen, and inside its rise a share (1 - cos(pi · images / rise)) / 2 of what it comes to. Of a power
        function: (1 - batch_size / images) to the power of gamma + 1, so that the weights after n images count as n to
        the power of gamma.

    Reference: T. Karras et al., "Progressive growing of GANs", ICLR 2018, and the ramp-up of T. Karras et al.,
    "Training generative adversarial networks with limited data", NeurIPS 2020, arXiv:2006.06676; of the power
    function T. Karras et al., arXiv:2312.02696, equations 121 and 127.
    """
    if isinstance(config, PowerAverageConfig):
        return (1.0 - batch_size / images) ** (gamma_of(config.std) + 1.0)
    half_life = float(config.half_life)
    if images < config.rise:
        half_life *= 0.5 * (1 - math.cos(math.pi * images / config.rise))
    if config.ramp_up is not None:
        half_life = min(half_life, config.ramp_up * images)
    return 0.5 ** (batch_size / half_life) if half_life > 0 else 0.0


class Average:
    """Follows the weights of modules, in float32 at least and without waiting for the device.

    Floating buffers (running statistics) are averaged like weights, or copied where the config says so; integer
    buffers are copied. Of weights that are shared out over processes, each averages its part.

    Args:
        modules: what is followed, under the names of the synthesizer's parts.
        config: half-life or power function; with a half-life of 0 the modules' own tensors are handed out and nothing
            is kept.
    """

    def __init__(self, modules: Mapping[str, nn.Module], config: AverageConfig | PowerAverageConfig) -> None:
        self.config = config
        self._whole = live_tensors(modules)
        self._live = {k: own_part(v) for k, v in self._whole.items()}
        followed = isinstance(config, PowerAverageConfig) or config.half_life > 0
        # Averages of half-precision weights are kept wider: they move by less than a last digit of what they follow.
        self._kept = {k: at_least_float32(v).clone() for k, v in self._live.items()} if followed else self._live
        copies = isinstance(config, AverageConfig) and config.buffers == "copied"
        weights = {f"{part}.{k}" for part, module in modules.items() for k, _ in module.named_parameters()}
        self._averaged = [k for k, v in self._live.items() if v.is_floating_point() and (k in weights or not copies)]
        self._copied = [k for k in self._live if k not in set(self._averaged)]

    @property
    def snapshot_every(self) -> int:
        """Images between two snapshots; 0 for none."""
        return self.config.snapshot_every if isinstance(self.config, PowerAverageConfig) else 0

    @torch.no_grad()
    def update(self, images: int, batch_size: int) -> None:
        """Move towards the weights after a step; see :func:`decay`."""
        if self._kept is self._live:
            return
        share = 1.0 - decay(self.config, images, batch_size)
        if self._averaged:
            kept = [self._kept[k] for k in self._averaged]
            torch._foreach_lerp_(kept, [at_least_float32(self._live[k]) for k in self._averaged], share)
        for key in self._copied:
            self._kept[key].copy_(self._live[key])

    def tensors(self) -> dict[str, Tensor]:
        """What others load, under ``part.key`` and in the types of the weights, as in a model folder; not copies."""
        return {k: part_like(v.to(self._live[k].dtype), self._whole[k]) for k, v in self._kept.items()}

    @torch.no_grad()
    def assign(self, values: Mapping[str, Tensor]) -> None:
        """Take over the tensors of the given names."""
        for key, value in values.items():
            self._kept[key].copy_(own_part(value))

    def state_dict(self) -> dict[str, Tensor]:
        """What a resume needs beyond the modules themselves."""
        if self._kept is self._live:
            return {}
        return {k: part_like(v, self._whole[k]) for k, v in self._kept.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from an average that was saved."""
        self.assign(state)

    def write_snapshot(self, folder: Path, images: int) -> Path:
        """Write the average as it stands, in half precision, so that averages of other widths can be made of it later.

        All processes must call it; the first one writes.

        Args:
            folder: of this average's snapshots.
            images: seen so far; they name the file, which is the same whenever a run passes there.

        Returns:
            ``folder/IMAGES.safetensors``, which appears whole or not at all.

        Reference: T. Karras et al., arXiv:2312.02696, section 3.2.
        """
        assert isinstance(self.config, PowerAverageConfig)
        half = _HALVES[self.config.snapshot_dtype]
        whole = gathered({k: part_like(v, self._whole[k]) for k, v in self._kept.items()}, keep=distributed.is_first())
        tensors = {k: (v.to(half) if v.is_floating_point() else v).cpu().contiguous() for k, v in whole.items()}
        # One key, since safetensors writes several in an order that differs from process to process.
        about = {"images": images, "std": self.config.std, "gamma": gamma_of(self.config.std)}
        path = folder / f"{images:012d}.safetensors"
        if distributed.is_first():
            files.write_bytes(path, to_bytes(tensors, {"average": json.dumps(about)}))
        return path
