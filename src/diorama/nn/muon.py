"""Muon for weights that are matrices, Adam for all else, as one optimizer.

Reference: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; with rates that serve Adam
as well: J. Liu et al., "Muon is scalable for LLM training", arXiv:2502.16982, section 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class MuonWithAdam(torch.optim.Optimizer):
    """PyTorch's Muon over weights of two axes or more, a convolution's as the matrix of its outputs by all else;
    PyTorch's AdamW over the rest. Both have one rate: Muon's updates are scaled to the size of Adam's.

    Args:
        parameters: what moves.
        lr: the rate.
        momentum: of Muon.
        betas: of Adam.
        eps: of Adam, added to the denominator.
        weight_decay: decoupled, of both.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        *,
        lr: float,
        momentum: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
    ) -> None:
        matrices, rest = ([p for p in parameters if (p.dim() > 1) is wide] for wide in (True, False))
        super().__init__([{"params": matrices}, {"params": rest}], {"lr": lr})
        # Views share their memory with the weights.
        self._views = [nn.Parameter(_matrix(p.detach()), requires_grad=False) for p in matrices]
        self._muon = (
            torch.optim.Muon(
                self._views, lr=lr, weight_decay=weight_decay, momentum=momentum, adjust_lr_fn="match_rms_adamw"
            )
            if matrices
            else None
        )
        self._adam = (
            torch.optim.AdamW(rest, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=False)
            if rest
            else None
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move the weights along their gradients.

        Raises:
            ValueError: a closure is given, of which there is no use here.
        """
        if closure is not None:
            raise ValueError("closure: gradients are taken before the step")
        matrices, rest = self.param_groups
        if self._muon is not None:
            for parameter, view in zip(matrices["params"], self._views, strict=True):
                view.grad = None if parameter.grad is None else _matrix(parameter.grad, like=parameter)
                if view.grad is not None:
                    kept = self.state[parameter]
                    if not kept:
                        kept["momentum_buffer"] = torch.zeros_like(parameter)
                    self._muon.state[view] = {"momentum_buffer": _matrix(kept["momentum_buffer"], like=parameter)}
            self._muon.param_groups[0]["lr"] = matrices["lr"]
            self._muon.step()
        if self._adam is not None:
            self._adam.state = self.state
            self._adam.param_groups[0]["lr"] = rest["lr"]
            self._adam.step()


def _matrix(tensor: Tensor, *, like: Tensor | None = None) -> Tensor:
    """Outputs by all else: (o, ...) -> (o, n), in the order in which the numbers lie.

    Args:
        tensor: of two axes or more.
        like: in whose order, of the same shape; ``None`` for its own.
    """
    of = tensor if like is None else like
    order = sorted(range(1, of.dim()), key=of.stride, reverse=True)
    turned = tensor.permute(0, *order)
    return turned.view(len(tensor), -1) if like is None else turned.reshape(len(tensor), -1)
