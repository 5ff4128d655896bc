"""What edits share that give pictures of any size to a network from picture to picture."""

from __future__ import annotations

from collections.abc import Sequence

from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.picture import PictureSynthesizer, fitting_size
from diorama.tasks.edit import Edit


class InOnePass(Edit):
    """An edit by a network from picture to picture, the same at every call.

    Args:
        model: the network.
    """

    def __init__(self, model: PictureSynthesizer) -> None:
        self.picture_model = model

    @property
    def model(self) -> Synthesizer:
        """What draws."""
        return self.picture_model

    @property
    def reads(self) -> MediaSpec:
        """The given pictures; their size does not count."""
        return self.picture_model.config.reads

    @property
    def any_size(self) -> bool:
        """Yes."""
        return True

    def fit(self, size: tuple[int, int]) -> str | None:
        """That sides which do not fit are filled; see :meth:`Edit.fit`."""
        network = self.picture_model.config.picture
        if fitting_size(network, size) == size:
            return None
        least = f", {network.least} at least," if network.least > network.multiple else ""
        return (
            f"sides are filled up to multiples of {network.multiple}{least} with mirrored pixels at the lower and the "
            "right rim, and cut back"
        )

    @property
    def specs(self) -> Sequence[ConditionSpec]:
        """Nothing."""
        return []
