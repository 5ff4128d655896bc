"""Adam whose second beta changes from step to step and is read in memory, so that its step may be part of a CUDA graph.

Reference: D. P. Kingma, J. Ba, ICLR 2015, arXiv:1412.6980, algorithm 1. A beta that grows while training: Huang,
Gokaslan, Kuleshov, Tompkin 2025, arXiv:2501.05441, appendix (hyperparameters).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_MEAN, _SQUARE, _STEP = "exp_avg", "exp_avg_sq", "step"
"""Names of PyTorch's own Adam, so that a state of either can be read by the other."""


class MovingAdam(torch.optim.Optimizer):
    """Adam that reads its rate and its second beta in memory.

    PyTorch's own takes betas as numbers in the kernels that it may be recorded with, so that a replay would never see
    them change.

    Args:
        parameters: what moves.
        lr: the rate. As a tensor of shape () on the parameters' device it is read there, and the step may be recorded.
        betas: of the moments; the second is the first value of :attr:`beta2`.
        eps: added to the denominator.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], *, lr: float | Tensor, betas: tuple[float, float], eps: float
    ) -> None:
        # By this mark PyTorch keeps the count of steps on the device when a state is loaded.
        super().__init__(parameters, {"lr": lr, "capturable": isinstance(lr, Tensor)})
        self._beta1, self._eps = betas[0], eps
        device = lr.device if isinstance(lr, Tensor) else torch.device("cpu")
        self.beta2 = torch.tensor(betas[1], device=device)
        """The second beta of the next step, shape (); filled anew where it changes."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move the weights along their gradients.

        Raises:
            ValueError: a closure is given, of which there is no use here.
        """
        if closure is not None:
            raise ValueError("closure: gradients are taken before the step")
        for group in self.param_groups:
            if moving := [p for p in group["params"] if p.grad is not None]:
                self._move(moving, group["lr"])

    def _move(self, parameters: list[nn.Parameter], lr: float | Tensor) -> None:
        states = [self._state(p) for p in parameters]
        means, squares, counts = ([state[name] for state in states] for name in (_MEAN, _SQUARE, _STEP))
        grads = [p.grad for p in parameters if p.grad is not None]
        beta2 = self.beta2.to(parameters[0].device)
        torch._foreach_lerp_(means, grads, 1 - self._beta1)
        torch._foreach_mul_(squares, beta2)
        new = torch._foreach_mul(grads, grads)
        torch._foreach_mul_(new, 1 - beta2)
        torch._foreach_add_(squares, new)
        torch._foreach_add_(counts, 1)
        taken = torch.stack(counts).to(beta2.device)
        rates = (lr / (1 - self._beta1**taken)).unbind()
        roots = (1 - beta2**taken).sqrt().unbind()
        for parameter, mean, square, rate, root in zip(parameters, means, squares, rates, roots, strict=True):
            parameter.sub_(rate * mean / (square.sqrt() / root + self._eps))

    def _state(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        kept: dict[str, Tensor] = self.state[parameter]
        if not kept:
            kept |= {_MEAN: torch.zeros_like(parameter), _SQUARE: torch.zeros_like(parameter)}
            kept[_STEP] = torch.zeros((), device=self.beta2.device)
        return kept
