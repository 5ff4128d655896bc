"""Muon for weights that are matrices, Adam for all else, as one optimizer whose step may be part of a CUDA graph.

Reference: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; with rates that serve Adam
as well: J. Liu et al., "Muon is scalable for LLM training", arXiv:2502.16982, section 2.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from diorama.core.device import has_bf16
from diorama.core.shards import own_rows, whole_rows

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of x, x³ and x⁵ in the polynomial that brings singular values near one."""
_ITERATIONS = 5
_LEAST_NORM = 1e-7
_SHARE_OF_ADAM = 0.2
"""Root mean square of an update of Adam, for a rate of one: J. Liu et al., equation 4."""


class MuonWithAdam(torch.optim.Optimizer):
    """Muon over weights of two axes or more, a convolution's as the matrix of its outputs by all else; PyTorch's AdamW
    over the rest. Both have one rate: Muon's updates are scaled to the size of Adam's.

    Muon moves as ``torch.optim.Muon`` does, with Nesterov's momentum and ``match_rms_adamw``. PyTorch's own does not
    serve, since it reads its rate on the processor, so that its step cannot be recorded, and launches some twenty
    kernels for every matrix. Here the matrices of one shape are orthogonalized together, which takes memory for a few
    copies of them. Of weights that are shared out over processes each process turns whole matrices, and moves its rows.

    Args:
        parameters: what moves.
        wholes: what each of them is a part of, in the same order: itself, or a weight that is shared out along its
            first axis, of which it is the part of this process. By default each is whole.
        lr: the rate. As a tensor of shape () on the parameters' device it is read there in every step, and the step
            may be recorded.
        momentum: of Muon.
        betas: of Adam.
        eps: of Adam, added to the denominator.
        weight_decay: decoupled, of both.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        *,
        lr: float | Tensor,
        momentum: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        wholes: Sequence[nn.Parameter] | None = None,
    ) -> None:
        self._wholes = {id(p): whole for p, whole in zip(parameters, wholes or parameters, strict=True)}
        matrices, rest = ([p for p in parameters if (p.dim() > 1) is wide] for wide in (True, False))
        recordable = isinstance(lr, Tensor)
        # By this mark PyTorch keeps Adam's count of steps on the device when a state is loaded.
        super().__init__([{"params": matrices}, {"params": rest}], {"lr": lr, "capturable": recordable})
        self._momentum, self._decay = momentum, weight_decay
        self._adam = (
            torch.optim.AdamW(
                rest,
                lr=lr,
                betas=betas,
                eps=eps,
                weight_decay=weight_decay,
                foreach=False,
                fused=recordable,
                capturable=recordable,
            )
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
        alike: dict[tuple[int, int], list[nn.Parameter]] = {}
        for parameter in matrices["params"]:
            if parameter.grad is not None:
                whole = self._wholes[id(parameter)]
                alike.setdefault((len(whole), whole.numel() // len(whole)), []).append(parameter)
        for parameters in alike.values():
            self._move(parameters, matrices["lr"])
        if self._adam is not None:
            self._adam.state = self.state
            self._adam.param_groups[0]["lr"] = rest["lr"]
            self._adam.step()

    def _move(self, parameters: list[nn.Parameter], lr: float | Tensor) -> None:
        """Take a step of Muon with weights that are matrices of one shape, or rows of them."""
        wholes = [self._wholes[id(p)] for p in parameters]
        rows, columns = len(wholes[0]), wholes[0].numel() // len(wholes[0])
        # What is written to must be views, and gradients may be copies.
        weights = [_rows_first(p, like=p).view(len(p), columns) for p in parameters]
        grads = [_rows_first(p.grad, like=p).reshape(len(p), columns) for p in parameters if p.grad is not None]
        means = [_rows_first(self._mean(p), like=p).view(len(p), columns) for p in parameters]
        torch._foreach_lerp_(means, grads, 1 - self._momentum)
        ahead = torch._foreach_lerp(grads, means, self._momentum)
        size = lr * (_SHARE_OF_ADAM * math.sqrt(max(rows, columns)))
        matrices = [whole_rows(own, whole) for own, whole in zip(ahead, wholes, strict=True)]
        turned = orthogonalized(torch.stack(matrices)).float().mul_(size).unbind()
        if self._decay:
            torch._foreach_mul_(weights, 1 - lr * self._decay)
        torch._foreach_sub_(weights, [own_rows(update, whole) for update, whole in zip(turned, wholes, strict=True)])

    def _mean(self, parameter: nn.Parameter) -> Tensor:
        """The moving average of a weight's gradients, laid out in memory as the weight is."""
        kept = self.state[parameter]
        if not kept:
            kept["momentum_buffer"] = torch.zeros_like(parameter)
        mean: Tensor = kept["momentum_buffer"]
        return mean


def orthogonalized(matrices: Tensor) -> Tensor:
    """Matrices with the same singular vectors, and with singular values of about one.

    Args:
        matrices: (k, m, n). Singular values far below a matrix's largest come less near to one; a zero stays.

    Returns:
        (k, m, n) bfloat16; float32 where the device only emulates that.

    Reference: K. Jordan et al. 2024, five Newton–Schulz iterations with a quintic polynomial.
    """
    a, b, c = _COEFFICIENTS
    x = matrices.bfloat16() if has_bf16(matrices.device) else matrices.float()
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=_LEAST_NORM)
    tall = x.shape[1] > x.shape[2]
    for _ in range(_ITERATIONS):
        # The smaller of the two squares, which stands on the other side of a tall matrix.
        square = x.mT @ x if tall else x @ x.mT
        factor = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, x, factor, beta=a) if tall else torch.baddbmm(x, factor, x, beta=a)
    return x


def _rows_first(tensor: Tensor, *, like: Tensor) -> Tensor:
    """(o, ...) with the axes behind the first in the order in which those of ``like`` lie in memory."""
    order = sorted(range(1, like.dim()), key=like.stride, reverse=True)
    return tensor.permute(0, *order)
