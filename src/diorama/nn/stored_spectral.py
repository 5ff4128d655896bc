"""Convolutions whose weights are divided by their largest singular value, as PyTorch's own spectral norm follows it.

Both singular vectors are kept. In evaluation they are used as they lie, without a further iteration, so that the value
is as good as training left it; :mod:`diorama.nn.spectral` keeps one vector and iterates in evaluation too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from diorama.nn.convolution import Conv2d

_EPS = 1e-12


class StoredSpectralConv2d(Conv2d):
    """A convolution without a bias, with the buffers ``left`` (outputs,) and ``right`` (inputs · side²,).

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the kernel.
        stride: of the convolution.
        padding: zeros on every side.

    Reference: Miyato, Kataoka, Koyama, Yoshida 2018, arXiv 1802.05957, algorithm 1.
    """

    left: Tensor
    right: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
        self.register_buffer("left", F.normalize(torch.randn(outputs), dim=0, eps=_EPS))
        self.register_buffer("right", F.normalize(torch.randn(inputs * kernel**2), dim=0, eps=_EPS))

    def forward(self, input: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        """Convolved maps; in training the vectors move by one iteration first."""
        return self.by(input, self.unit_weight())

    def unit_weight(self) -> Tensor:
        """The weight over the value that belongs to the vectors."""
        # Half precision would lose the small changes that the vectors follow.
        with torch.autocast(self.weight.device.type, enabled=False):
            rows = self.weight.flatten(1)
            left, right = self.left, self.right
            if self.training:
                with torch.no_grad():
                    right = F.normalize(rows.T @ left, dim=0, eps=_EPS)
                    left = F.normalize(rows @ right, dim=0, eps=_EPS)
                    self.right.copy_(right)
                    self.left.copy_(left)
            # The buffers move again at the next pass, before this one may have been differentiated.
            return self.weight / torch.dot(left.clone(), rows @ right.clone())
