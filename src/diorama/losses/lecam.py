"""LeCam regularisation of a discriminator: logits of each side are held near what the other side's have been, shape ().

Reference: Tseng, Jiang, Liu, Yang, Yang, "Regularizing Generative Adversarial Networks under Limited Data", CVPR 2021,
arXiv 2104.03310, equation 5. Of each distance only the part counts where real logits are the larger ones, as in the
authors' code.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu

from diorama.core.device import at_least_float32


def lecam(
    real: Float[Tensor, "..."], fake: Float[Tensor, "..."], real_level: Tensor, fake_level: Tensor
) -> Float[Tensor, ""]:
    """Mean squared distances of logits from the other side's level.

    Args:
        real: logits of real data.
        fake: logits of generated data.
        real_level: (), moving average of the mean logit of real data; no gradient goes into it.
        fake_level: likewise of generated data.
    """
    above = relu(at_least_float32(real) - fake_level.detach())
    below = relu(real_level.detach() - at_least_float32(fake))
    return above.square().mean() + below.square().mean()
