"""Ways between two noises on which everything between is as likely a noise as the ends are."""

from __future__ import annotations

import torch
from torch import Tensor


def slerp(start: Tensor, end: Tensor, share: float | Tensor) -> Tensor:
    """Spherical interpolation: along the arc between two noises, where a straight line would leave too little noise.

    The length of normal noise of many values hardly varies, and a model has seen no other; the middle of a straight
    line is shorter by a factor of sqrt(2).

    Args:
        start: (b, …), a noise in every row.
        end: of the same shape.
        share: of the way, 0 at ``start`` and 1 at ``end``; one for all, or (b,) for each; of a single pair any number.

    Returns:
        (b, …), of the type of ``start``; of a single pair a row for each share. Noises of one direction are joined by
        a straight line.

    Raises:
        ValueError: the shapes differ, there are neither one share nor one for each, or two rows are exactly opposite,
            so that there is no one arc between them.

    Reference: K. Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, section 3.3; for noise:
    T. White, "Sampling generative networks", arXiv:1609.04468, section 2.
    """
    if start.shape != end.shape or start.dim() < 2:
        raise ValueError(f"slerp needs two noises (b, …) of one shape, got {tuple(start.shape)} and {tuple(end.shape)}")
    shares = torch.as_tensor(share, dtype=torch.float64, device=start.device).reshape(-1, 1)  # (1 or k, 1)
    if len(start) > 1 and len(shares) not in (1, len(start)):
        raise ValueError(f"slerp: {len(start)} pairs need one share, or {len(start)}, got {len(shares)}")
    # float64 keeps the angle of rows that are almost alike.
    a, b = (noise.flatten(1).double() for noise in (start, end))  # (b, n)
    lengths = a.norm(dim=1, keepdim=True) * b.norm(dim=1, keepdim=True)
    cosine = ((a * b).sum(1, keepdim=True) / lengths.clamp(min=torch.finfo(torch.float64).tiny)).clamp(-1, 1)
    angle, sine = cosine.acos(), (1 - cosine.square()).sqrt()  # (b, 1)
    straight = sine < 1e-7
    if bool((straight & (cosine < 0)).any()):
        raise ValueError("slerp: two noises are exactly opposite, and there is no one arc between them")
    along = torch.where(straight, torch.ones_like(sine), sine)
    from_start = torch.where(straight, 1 - shares, ((1 - shares) * angle).sin() / along)
    from_end = torch.where(straight, shares, (shares * angle).sin() / along)
    return (from_start * a + from_end * b).to(start.dtype).reshape(-1, *start.shape[1:])
