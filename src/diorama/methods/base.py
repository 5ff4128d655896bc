"""What training is made of: a method's players take their turns in phases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Self

from torch import Tensor, nn

from diorama.core.contracts import Batch, Loss, Moment
from diorama.data.computed_sides import ComputedSide
from diorama.synthesis.base import SynthesizerConfig

NO_PARTS: Mapping[str, nn.Module] = MappingProxyType({})
"""What a method that uses no trained parts is built with."""


@dataclass(frozen=True)
class Phase:
    """One player's turn in a training step.

    Args:
        name: ``"discriminator.r1"``; also the key under which the loss is logged.
        player: whose parameters move. Phases may share a player, and so an optimizer.
        loss: (micro-batch, moment) -> the mean over the micro-batch, and scalars for the log.
        interval: the phase takes its turn in every ``interval``-th step.
        weight: scales the loss. A lazy regulariser sets ``weight = interval``; n_critic does not.
        second_order: the loss differentiates a gradient (R1, path length, gradient penalty): it is taken in full
            float32, but for blocks that choose half precision themselves (:mod:`diorama.nn.half`), and never compiled.
        recorded: the turn may be recorded on a CUDA device and replayed: in every step the loss calls the same
            operations on tensors of the same shapes, reads nothing of the moment, never waits for the device (no
            ``item()``, no tensor made of numbers), draws from the device's generator alone, and changes buffers in
            place.
        sharded: the weights may be shared out over processes: the loss uses them by calling networks alone, which are
            children of the method, and changes none of their outputs in place; no item of a network's module lists
            changes a list that it is given; :meth:`Method.after_step` treats each row of a weight apart.
        prepare: micro-batch -> what the loss is given in its place, with the same records. It is called without
            gradients before the turn and is not recorded, so that it may wait for the device; it may draw, and uses no
            network that is trained. ``None`` where the loss is given the micro-batch as it is.
    """

    name: str
    player: str
    loss: Callable[[Batch, Moment], Loss]
    interval: int = 1
    weight: float = 1.0
    second_order: bool = False
    recorded: bool = False
    sharded: bool = False
    prepare: Callable[[Batch], Batch] | None = None


class Method(nn.Module, ABC):
    """What is trained and on which losses. Knows no loop, optimizer, file or device; is given built networks.

    Args:
        frozen: trained parts that it uses as they are (a codec, a teacher), found again as ``self.frozen[NAME]``. They
            stay in evaluation mode and without gradients, and are in no resume state. Those whose names the
            synthesizer's parts have are saved with its models.
    """

    def __init__(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__()
        self.frozen = nn.ModuleDict(dict(frozen))
        self.frozen.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As of any module, but that frozen parts stay in evaluation mode."""
        super().train(mode)
        self.frozen.eval()
        return self

    @abstractmethod
    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """The parameters that each player moves. What no player owns is never trained."""

    @abstractmethod
    def phases(self) -> Sequence[Phase]:
        """The turns of one step, in order."""

    @abstractmethod
    def averaged(self) -> Mapping[str, nn.Module]:
        """The modules whose moving average is what others load, under the names of the synthesizer's parts."""

    @abstractmethod
    def synthesizer(self) -> SynthesizerConfig:
        """What the trained model is: ``config.build()`` makes modules of the names that :meth:`averaged` has, and of
        those frozen parts that it draws with."""

    def reads(self, computed: Collection[str]) -> tuple[str, ...] | None:
        """The keys of a batch that the losses read; ``None``, if a method does not say so, for all there are.

        Args:
            computed: keys of the :meth:`computed_sides` that batches hold, so that what they are made of may be left
                out.
        """
        return None

    def computed_sides(self) -> Sequence[ComputedSide]:
        """What frozen parts compute of the records alike at every step, and so may be computed once."""
        return ()

    def model_tensors(self) -> dict[str, Tensor]:
        """What a model can be made of, under ``part.key``: frozen parts and what is averaged, as it is now."""
        return {**live_tensors(dict(self.frozen.items())), **live_tensors(self.averaged())}

    def after_step(self, moment: Moment) -> None:
        """State that follows a step (adaptive augmentation, growth, codebooks): in buffers, so that it is saved."""

    def begins_anew(self, before: Moment, after: Moment) -> bool:
        """Whether all optimizers forget their moments after a step that led from one moment to the other."""
        return False


class MethodConfig(ABC):
    """A frozen dataclass that describes a method and builds it with freshly initialised networks."""

    draws: ClassVar[bool] = True
    """Whether what it trains draws samples, as :attr:`SynthesizerConfig.draws` says of models."""

    unpaired: ClassVar[bool] = False
    """Whether it learns of a second set of pictures, none of which belongs to a record, as well as of partners."""

    @property
    def of_partners(self) -> bool:
        """Whether its models are given the records' own pictures, and draw what stands beside them."""
        return False

    @abstractmethod
    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> Method:
        """The method.

        Args:
            frozen: a trained part for every name of :meth:`parts_wanted`; the method hands them to its base class.

        Raises:
            ValueError: a part is not what it must be.
        """

    def unreached(self, images: int) -> Sequence[str]:
        """What a run of so many images ends before, though the method is made to come to it: for people."""
        return ()

    def parts_wanted(self) -> Mapping[str, str]:
        """Names of the trained parts that the method uses, each with what it must be, in words."""
        return {}


def live_tensors(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """The state of named modules under ``part.key``, detached and sharing memory with them."""
    return {f"{part}.{k}": v.detach() for part, module in modules.items() for k, v in module.state_dict().items()}
