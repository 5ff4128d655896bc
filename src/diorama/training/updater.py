"""One player's turn: its parameters thaw, gradients gather, one optimizer step, and they freeze again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from diorama.core.device import Precision
from diorama.training.exchange import GradientExchange
from diorama.training.recipe import OptimizerConfig, rate

_FUSED = ("cuda", "cpu", "mps")
"""Devices on which Adam updates all parameters in one kernel."""


class Updater:
    """Moves one player's parameters; all its phases share the optimizer.

    Args:
        parameters: the player's.
        config: algorithm, rate and clipping.
        precision: float16 scales the losses, and the scale is part of the state.
        total: length of the run in images, for rates that decay.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], config: OptimizerConfig, precision: Precision, total: int
    ) -> None:
        self.parameters = list(parameters)
        self.config, self.total = config, total
        self.optimizer = _optimizer(self.parameters, config, precision.device)
        self.scaler = torch.amp.GradScaler(precision.device.type, enabled=precision.scaled)
        self.exchange = GradientExchange(self.parameters)
        self.norm = torch.zeros((), device=precision.device)
        """Gradient norm of the last turn before clipping, on the device."""

    def rate(self, images: int) -> float:
        """The learning rate after so many images."""
        return rate(self.config.rate, images, self.total)

    @contextmanager
    def turn(self, images: int) -> Iterator[None]:
        """The block calls :meth:`backward`; its end makes the step.

        Args:
            images: seen before this step; they set the learning rate.
        """
        self.optimizer.zero_grad(set_to_none=True)
        for parameter in self.parameters:
            parameter.requires_grad_(True)
        try:
            yield
            self._step(images)
        finally:
            for parameter in self.parameters:
                parameter.requires_grad_(False)

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Add a micro-batch's gradients; those of the last are exchanged with the other processes meanwhile."""
        if last:
            self.exchange.arm()
        self.scaler.scale(loss).backward()

    def _step(self, images: int) -> None:
        self.exchange.finish()
        self.scaler.unscale_(self.optimizer)
        grads = [p.grad for p in self.parameters if p.grad is not None]
        self.norm = torch.nn.utils.get_total_norm(grads)
        if not self.scaler.is_enabled() and self.norm.device.type == "cpu" and not math.isfinite(self.norm.item()):
            # Reading costs nothing here, so the weights stay as they were; on GPUs the loop finds it in time.
            return
        if self.config.clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self.parameters, self.config.clip, self.norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(images)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """Optimizer moments and the float16 scale."""
        return {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        for parameter, moments in self.optimizer.state.items():
            for name, value in moments.items():
                # Fused kernels walk parameter and moments side by side in memory, so their layouts must be one.
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    moments[name] = torch.empty_like(parameter).copy_(value)


def _optimizer(parameters: list[nn.Parameter], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """The algorithm over its parameters.

    Reference: Adam, D. P. Kingma, J. Ba, ICLR 2015, arXiv:1412.6980, algorithm 1; AdamW, I. Loshchilov,
    F. Hutter, ICLR 2019, arXiv:1711.05101, algorithm 2; RMSProp, T. Tieleman, G. Hinton, 2012.
    """
    peak, decay = config.rate.peak, config.weight_decay
    if config.algorithm == "rmsprop":
        momentum, alpha = config.betas
        return torch.optim.RMSprop(
            parameters, lr=peak, alpha=alpha, eps=config.eps, weight_decay=decay, momentum=momentum
        )
    algorithm = torch.optim.Adam if config.algorithm == "adam" else torch.optim.AdamW
    fused = device.type in _FUSED
    return algorithm(parameters, lr=peak, betas=config.betas, eps=config.eps, weight_decay=decay, fused=fused)
