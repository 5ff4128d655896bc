"""One player's turn: its parameters thaw, gradients gather, one optimizer step, and they freeze again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from diorama.core import device as devices
from diorama.core.device import Precision
from diorama.core.errors import BadInput
from diorama.nn.adam import MovingAdam
from diorama.nn.muon import MuonWithAdam
from diorama.training.exchange import GradientExchange, Shards
from diorama.training.recipe import OptimizerConfig, rate, second_beta

_FUSED = ("cuda", "cpu", "mps")
"""Devices on which Adam updates all parameters in one kernel."""


class Updater:
    """Moves one player's parameters; all its phases share the optimizer.

    A turn is :meth:`set_rate`, then inside :meth:`thawed` :meth:`backward` for every micro-batch, the exchange with
    other processes, and :meth:`step`. None of them waits for a GPU.

    Args:
        parameters: the player's, whole or shared out over processes.
        config: algorithm, rate and clipping.
        precision: float16 scales the losses, and the scale is part of the state.
        total: length of the run in images, for rates that decay.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], config: OptimizerConfig, precision: Precision, total: int
    ) -> None:
        self.parameters, self.shards = list(parameters), Shards(parameters)
        self.config, self.total = config, total
        self._rate = config.rate.peak
        # A recorded step reads its rate from memory, since a number would be recorded with it.
        self._rate_place: Tensor | None = None
        if devices.has_graphs(precision.device):
            self._rate_place = torch.tensor(self._rate, device=precision.device)
        self.optimizer = _optimizer(self.shards, config, precision.device, self._rate_place)
        self.scaler = torch.amp.GradScaler(precision.device.type, enabled=precision.scaled)
        self.exchange = GradientExchange(self.shards.replicated)
        self.norm = torch.zeros((), device=precision.device)
        """Gradient norm of the last turn before clipping, on the device."""

    def rate(self, images: int) -> float:
        """The learning rate after so many images."""
        return rate(self.config.rate, images, self.total)

    def set_rate(self, images: int) -> None:
        """Take the learning rate, and a beta that moves, of a step that begins after so many images."""
        if isinstance(self.optimizer, MovingAdam):
            self.optimizer.beta2.fill_(second_beta(self.config, images, self.total))
        before, self._rate = self._rate, self.rate(images)
        if self._rate_place is None:
            for group in self.optimizer.param_groups:
                group["lr"] = self._rate
        elif self._rate != before:
            self._rate_place.fill_(self._rate)

    @contextmanager
    def thawed(self) -> Iterator[None]:
        """Inside the block the parameters need gradients, of which there are none at its beginning."""
        self.shards.forget_gradients()
        for parameter in self.parameters:
            parameter.requires_grad_(True)
        try:
            yield
        finally:
            for parameter in self.parameters:
                parameter.requires_grad_(False)

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Add a micro-batch's gradients; those of the last are exchanged with the other processes meanwhile."""
        if last:
            self.exchange.arm()
        self.scaler.scale(loss).backward()

    def step(self) -> None:
        """Move the parameters along their gradients; on the CPU not if one is not finite."""
        if not self.shards.take_gradients():
            self.norm = torch.zeros_like(self.norm)
            return
        self.scaler.unscale_(self.optimizer)
        self.norm = self.shards.norm()
        at_hand = not devices.runs_ahead(self.norm.device) and not self.scaler.is_enabled()
        if at_hand and not math.isfinite(self.norm.item()):
            # Reading costs nothing here, so the weights stay as they were; on GPUs the loop finds it in time.
            return
        if self.config.clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self.shards.own, self.config.clip, self.norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    @torch.no_grad()
    def begin_anew(self) -> None:
        """Forget the moments and the count of steps, in their places, which recorded steps read."""
        for moments in self.optimizer.state.values():
            for value in moments.values():
                value.zero_()

    def state_dict(self) -> dict[str, Any]:
        """Optimizer moments and the float16 scale, the same wherever and however the turns are taken."""
        state = self.optimizer.state_dict()
        groups = [{**group, "lr": self._rate, "capturable": False} for group in state["param_groups"]]
        moments = self.shards.whole_moments(state["state"])
        return {"optimizer": {"state": moments, "param_groups": groups}, "scaler": self.scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`check` has passed; settings of the optimizer stay those of this machine and
        recipe.
        """
        saved = state["optimizer"]
        owns = [{k: v for k, v in group.items() if k != "params"} for group in self.optimizer.param_groups]
        groups = [{**group, **own} for group, own in zip(saved["param_groups"], owns, strict=True)]
        self._rate = saved["param_groups"][0]["lr"]
        self.optimizer.load_state_dict({"state": self.shards.own_moments(saved["state"]), "param_groups": groups})
        if self._rate_place is not None:
            self._rate_place.fill_(self._rate)
            for group in self.optimizer.param_groups:
                # Loading has put a copy in place of the memory that recordings read.
                group["lr"] = self._rate_place
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        for parameter, moments in self.optimizer.state.items():
            for name, value in moments.items():
                # Fused kernels walk parameter and moments side by side in memory, so their layouts must be one.
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    moments[name] = torch.empty_like(parameter).copy_(value)

    def check(self, state: dict[str, Any]) -> None:
        """See that a saved state fits these parameters: PyTorch takes in silence what does not.

        A parameter that has never had a gradient has no moments.

        Raises:
            BadInput: it does not fit.
        """
        try:
            saved = state["optimizer"]
            moments, places = saved["state"], [place for group in saved["param_groups"] for place in group["params"]]
        except (KeyError, TypeError) as problem:
            raise BadInput(f"the state of an optimizer lacks {problem}") from problem
        counts = [len(group["params"]) for group in self.optimizer.param_groups]
        whole = {id(own): p for own, p in zip(self.shards.own, self.parameters, strict=True)}
        parameters = [whole[id(own)] for group in self.optimizer.param_groups for own in group["params"]]
        if len(places) != len(parameters):
            raise BadInput(f"the state is of an optimizer over {len(places)} parameters, not {len(parameters)}")
        if [len(group["params"]) for group in saved["param_groups"]] != counts:
            raise BadInput("the state is of another optimizer, which moves its parameters in other groups")
        if not set(moments) <= set(places):
            raise BadInput("the state of an optimizer has moments of parameters that it does not name")
        for group in saved["param_groups"]:
            if len({frozenset(moments[place]) for place in group["params"] if place in moments}) > 1:
                raise BadInput("the state of an optimizer has other moments for some parameters than for others")
        for place, parameter in zip(places, parameters, strict=True):
            for name, value in moments.get(place, {}).items():
                if isinstance(value, Tensor) and value.dim() and value.shape != parameter.shape:
                    raise BadInput(
                        f"the state of an optimizer has {name} of shape {tuple(value.shape)} for a parameter of "
                        f"{tuple(parameter.shape)}"
                    )


def _optimizer(
    shards: Shards, config: OptimizerConfig, device: torch.device, place: Tensor | None
) -> torch.optim.Optimizer:
    """The algorithm over what this process moves; it reads its rate from ``place``, where there is one.

    Reference: Adam, D. P. Kingma, J. Ba, ICLR 2015, arXiv:1412.6980, algorithm 1; AdamW, I. Loshchilov,
    F. Hutter, ICLR 2019, arXiv:1711.05101, algorithm 2; RMSProp, T. Tieleman, G. Hinton, 2012; Muon, see
    :mod:`diorama.nn.muon`; Adam whose beta moves, see :mod:`diorama.nn.adam`.
    """
    peak, decay, parameters = config.rate.peak if place is None else place, config.weight_decay, shards.own
    if config.algorithm == "muon":
        return MuonWithAdam(
            parameters,
            lr=peak,
            momentum=config.momentum,
            betas=config.betas,
            eps=config.eps,
            weight_decay=decay,
            wholes=shards.parameters,
        )
    # Without this mark a step cannot be recorded; it keeps the count of steps on the device.
    recordable = place is not None
    if config.algorithm == "rmsprop":
        momentum, alpha = config.betas
        return torch.optim.RMSprop(
            parameters,
            lr=peak,
            alpha=alpha,
            eps=config.eps,
            weight_decay=decay,
            momentum=momentum,
            capturable=recordable,
        )
    if config.beta2_final is not None:
        return MovingAdam(parameters, lr=peak, betas=config.betas, eps=config.eps)
    algorithm = torch.optim.Adam if config.algorithm == "adam" else torch.optim.AdamW
    return algorithm(
        parameters,
        lr=peak,
        betas=config.betas,
        eps=config.eps,
        weight_decay=decay,
        fused=device.type in _FUSED,
        capturable=recordable,
    )
