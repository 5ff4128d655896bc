"""The partner of a picture on its way in: cut out of the picture, or read from a file of its own, and fitted alike."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from diorama.core.errors import BadInput
from diorama.media.resize import Fit, fit, resize

Half = Literal["left", "right"]
FITTED = "partner of another size than its picture was fitted to it"


def cut_in_halves(pixels: NDArray[Any], partner: Half) -> tuple[NDArray[Any], NDArray[Any]]:
    """The two pictures of a side-by-side file, as the data sets of pix2pix hold them.

    Args:
        pixels: (h, 2 w, c).
        partner: which half is the partner.

    Returns:
        The picture and its partner, (h, w, c) each.

    Raises:
        BadInput: the width is odd.

    Reference: P. Isola et al., "Image-to-image translation with conditional adversarial networks", arXiv:1611.07004.
    """
    width = pixels.shape[1]
    if width % 2:
        raise BadInput("its width in pixels is odd, so that it cannot be cut in two halves")
    left, right = np.ascontiguousarray(pixels[:, : width // 2]), np.ascontiguousarray(pixels[:, width // 2 :])
    return (right, left) if partner == "left" else (left, right)


def fitted_alike(
    partner: NDArray[Any], picture: tuple[int, int], size: int | None, policy: Fit
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """A partner cut and sized as its picture is, whatever its own size and channels.

    It is first brought to the size of its picture, so that both show the same place after the cut.

    Args:
        partner: (h, w, c).
        picture: height and width of its picture before the picture is fitted.
        size: side of the square result; ``None`` keeps the partner as it is.
        policy: how the picture becomes square.

    Returns:
        (size, size, c), and notes.
    """
    if size is None:
        return partner, ()
    notes = () if partner.shape[:2] == picture else (FITTED,)
    return fit(resize(partner, picture), (size, size), policy), notes
