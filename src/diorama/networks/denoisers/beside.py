"""A picture that a network is given, beside the noisy one.

Reference: J. Ho, C. Saharia, W. Chan, D. J. Fleet, M. Norouzi, T. Salimans, "Cascaded diffusion models for high
fidelity image generation", arXiv:2106.15282, section 3.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def beside(x: Tensor, picture: Tensor) -> Tensor:
    """A noisy picture and, behind it, another of any size enlarged to its own.

    Args:
        x: (b, c, h, w).
        picture: (b, c', h', w').

    Returns:
        (b, c + c', h, w).

    Reference: J. Ho et al., arXiv:2106.15282, section 3.
    """
    enlarged = F.interpolate(picture, size=x.shape[-2:], mode="bilinear", align_corners=False)
    return torch.cat([x, enlarged.to(x.dtype)], dim=1)
