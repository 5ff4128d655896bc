"""How a network is published: what its arguments and its tensors are called there and here, read both ways.

A published network is one :class:`Layout`: the arguments of the published class as a dataclass, how they stand to our
network's config, and a table of names. What all have in common (unknown arguments, missing and misshapen tensors,
queries, keys and values that lie in one tensor here) is said once, in this file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig, BadInput
from diorama.core.worded import network_name

if TYPE_CHECKING:
    from diorama.interop.diffusers_schedule import Schedule


class NetworkConfig(Hashable, Protocol):
    """A frozen dataclass that builds a network."""

    def build(self) -> nn.Module: ...


Arguments = TypeVar("Arguments")
Config = TypeVar("Config", bound=NetworkConfig)

Shapes = Mapping[str, tuple[int, ...]]
"""Published tensors by name; all that is needed to recognise a network."""

Table = Mapping[str, str | tuple[str, ...]]
"""Our module (or single tensor) -> the published one, or several whose tensors lie one below the other in ours. What
is not in it has the same name in both."""


class Constant(NamedTuple):
    """A published tensor that follows from the config, and so is none of ours.

    Attributes:
        value: what it must hold.
        words: what another one would be, after "is another".
    """

    value: Tensor
    words: str


Role = Literal["generator", "denoiser", "picture", "discriminator", "classifier", "features"]
"""What a network is for; ``picture`` is a picture made of a given one."""

_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout(ABC, Generic[Arguments, Config]):
    """One published network.

    Args:
        publisher: name of the family that it belongs to, as the command line knows it.
        network: name of the published class.
        role: what the network is for.
        telltale: published tensors with their number of axes by which a file is recognised.
        absent: no tensor's name has any of these in it.
        needs: arguments that tell this network from another with the same tensors.
    """

    arguments: ClassVar[type]
    """Dataclass of the published class's arguments, with its defaults."""
    config: ClassVar[type | tuple[type, ...]]
    """Our network's config, or configs."""
    size_argument: ClassVar[str | None] = None
    """The argument that says how large the pictures are, where the network itself draws any size."""
    frames_argument: ClassVar[str | None] = None
    """The argument that says how long clips are."""

    says_model: ClassVar[bool] = False
    """Whether the published config says the noise process and the sampler as well as the network. Models are read by it
    and not written, since their own may be any."""

    config_hint: ClassVar[str] = ""
    """What is said of the config where none is given and it is needed, after the option that gives it."""

    says_schedule: ClassVar[bool] = False
    """Whether what is written says the noise process and the sampler too, see :meth:`with_schedule`."""

    unknown_schedule: ClassVar[str] = ""
    """What to say of a network that may be of another layout, where no file says its noise process."""

    untold: ClassVar[str] = ""
    """What tensors do not tell and is taken as usual where no config lies beside them, for people."""

    unused: ClassVar[tuple[str, ...]] = ()
    """Arguments that are for training or speed alone, ``outer.inner`` of nested ones: they are accepted and dropped."""

    config_file: ClassVar[str | None] = None
    """The file that the publisher keeps the arguments in, where it has one; the network is not known without it."""

    publisher: str
    network: str
    role: Role
    telltale: Mapping[str, int]
    absent: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @abstractmethod
    def to_ours(self, arguments: Arguments) -> Config:
        """Our network's config.

        Raises:
            BadInput: we have no such network; the message names the argument.
        """

    @abstractmethod
    def to_published(self, config: Config) -> Arguments:
        """The published arguments; :meth:`to_ours` reads them back.

        Raises:
            BadInput: the publisher has no such network; the message names the field of our config.
        """

    @abstractmethod
    def table(self, config: Config) -> Table:
        """What our modules are called in the published layout."""

    def constants(self, config: Config) -> Mapping[str, Constant]:
        """Published tensors that follow from the config: they are compared when read, and written from it."""
        return {}

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arguments that the tensors tell; what is ``given`` stands above them."""
        return {}

    def holds(self, config: Any) -> bool:
        """Whether the network of ours with this config is published in this layout."""
        return isinstance(config, self.config)

    def notes(self, config: Config) -> tuple[str, ...]:
        """What comes back otherwise when the written network is read again, for people."""
        return ()

    def taken(self, arguments: Arguments, given: Mapping[str, Any]) -> tuple[str, ...]:
        """What neither the tensors nor the published config ``given`` say and was taken as usual, for people."""
        return (self.untold,) if self.untold and not given else ()

    def left_out(self, config: Config, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the published tensors that :meth:`import_state` passes over, since nothing reads them."""
        return ()

    def published_shape(self, config: Config, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the published tensor ``name`` whose numbers are of this shape here, in the same order."""
        return shape

    def current_name(self, name: str) -> str:
        """What a tensor is called today, of one that had another name in an older release."""
        return name

    def recognises(self, shapes: Shapes, published: Mapping[str, Any]) -> bool:
        """Whether a file with these tensors, and this published config if any, holds such a network."""
        return (
            published.get("_class_name", self.network) == self.network
            and all(argument in published for argument in self.needs)
            and all(len(shapes.get(name, ())) == axes for name, axes in self.telltale.items())
            and not any(part in name for name in shapes for part in self.absent)
        )

    def read_arguments(self, published: Mapping[str, Any], shapes: Shapes) -> Arguments:
        """The published arguments: as given, else as the tensors tell, else the published class's defaults.

        Args:
            published: the config; keys that begin with an underscore are notes of the publisher's program.
            shapes: of the published tensors; may be empty.

        Raises:
            BadInput: an argument is unknown, of the wrong type, or needed and not to be found; the message names it.
        """
        given = {key: value for key, value in published.items() if not key.startswith("_")}
        values = {**self.observed(shapes, given), **given}
        lacking = [f.name for f in fields(self.arguments) if f.default is MISSING and f.name not in values]
        if lacking:
            raise BadInput(
                f"{self.network}: neither a config nor the tensors say {', '.join(lacking)}; give --config FILE.json"
                f"{self.config_hint}"
            )
        try:
            return decode(self.arguments, values, f"{self.network} config")
        except BadConfig as problem:
            raise BadInput(str(problem)) from problem

    def read_config(self, published: Mapping[str, Any], shapes: Shapes | None = None) -> Config:
        """Our network's config for a published one.

        Raises:
            BadInput: as :meth:`read_arguments` and :meth:`to_ours`.
        """
        return self.config_of(self.read_arguments(published, shapes or {}))

    def config_of(self, arguments: Arguments) -> Config:
        """:meth:`to_ours`, with every refusal as :class:`BadInput`."""
        try:
            return self.to_ours(arguments)
        except (ValueError, ArithmeticError, BadConfig, BadInput) as problem:
            said = str(problem).removeprefix(f"{self.network} config: ")
            raise BadInput(f"{self.network} config: {said}") from problem

    def import_state(self, config: Config, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Our network's state dict of a published one, of either age.

        Args:
            config: our network.
            published: the tensors. Counters of batch norm, which have no effect once trained, may be missing: PyTorch
                before 0.4.1 kept none.

        Raises:
            BadInput: a tensor is missing, unknown, of another shape or kind; the message has its published name.
        """
        tensors = {self.current_name(name): tensor for name, tensor in published.items()}
        if len(tensors) < len(published):
            raise self._misfit("some tensors are there twice, under an older and a newer name")
        for name, constant in self.constants(config).items():
            self._compare(name, tensors.pop(name, None), constant)
        state = {}
        for ours, expected in tensors_of(config).items():
            # Of several, each is an equal share of our rows.
            theirs = self._published_names(config, ours)
            shape = expected.shape if len(theirs) == 1 else (expected.shape[0] // len(theirs), *expected.shape[1:])
            if theirs[0].endswith(_COUNTER) and theirs[0] not in tensors:
                state[ours] = torch.zeros((), dtype=expected.dtype)
                continue
            shapes = {name: self.published_shape(config, name, tuple(shape)) for name in theirs}
            parts = [self._checked(name, tensors.pop(name, None), there, expected) for name, there in shapes.items()]
            state[ours] = (parts[0] if len(parts) == 1 else torch.cat(parts)).reshape(expected.shape)
        if tensors:
            more = f" (nor are {len(tensors) - 1} more)" if len(tensors) > 1 else ""
            raise self._misfit(f"tensor {min(tensors)!r} is none of the model's{more}")
        return state

    def import_network(
        self, arguments: Arguments, config: Config, published: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """:meth:`import_state`, of a class whose arguments say more of its tensors than our network's config."""
        return self.import_state(config, published)

    def schedule(self, arguments: Arguments) -> Schedule | None:
        """How the published class itself is drawn from; ``None`` where another file says so."""
        return None

    def with_schedule(self, arguments: Arguments, schedule: Schedule) -> Arguments:
        """The arguments of a network with those that say how a model draws, of a class that has such.

        Raises:
            BadInput: the class cannot say it; the message names the field of our config.
        """
        return arguments

    def export_state(self, config: Config, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The published state dict of our network's; :meth:`import_state` reads it back bit by bit."""
        published: dict[str, Tensor] = {}
        for ours in tensors_of(config):
            theirs = self._published_names(config, ours)
            parts = (state[ours],) if len(theirs) == 1 else state[ours].chunk(len(theirs))
            for name, part in zip(theirs, parts, strict=True):
                published[name] = part.reshape(self.published_shape(config, name, tuple(part.shape)))
        return published | {name: constant.value.clone() for name, constant in self.constants(config).items()}

    def load(self, published: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> nn.Module:
        """Our network with published weights, in evaluation mode.

        Raises:
            BadInput: as :meth:`read_config` and :meth:`import_state`.
        """
        config = self.read_config(published, shapes_of(tensors))
        state = self.import_state(config, tensors)
        network = config.build()
        network.load_state_dict(state)
        return network.eval()

    def written(self, arguments: Arguments) -> dict[str, Any]:
        """Arguments as the publisher's own config file has them."""
        plain: dict[str, Any] = _without_kinds(encode(arguments))
        return plain

    def _published_names(self, config: Config, ours: str) -> tuple[str, ...]:
        table = _table(self, config)
        if ours in table:
            found, ending = table[ours], ""
        else:
            place, _, kind = ours.rpartition(".")
            found, ending = table.get(place, place), f".{kind}"
        return (f"{found}{ending}",) if isinstance(found, str) else tuple(f"{name}{ending}" for name in found)

    def _checked(self, name: str, tensor: Tensor | None, shape: tuple[int, ...], like: Tensor) -> Tensor:
        if tensor is None:
            raise self._misfit(f"tensor {name!r} is missing")
        if tuple(tensor.shape) != shape:
            raise self._misfit(f"tensor {name!r} has shape {tuple(tensor.shape)}, the config asks for {shape}")
        if tensor.is_floating_point() != like.is_floating_point():
            raise self._misfit(f"tensor {name!r} holds {tensor.dtype}, which cannot stand for {like.dtype}")
        return tensor.to(like.dtype)

    def _compare(self, name: str, found: Tensor | None, constant: Constant) -> None:
        wanted = constant.value
        if found is None:
            raise self._misfit(f"tensor {name!r} is missing")
        if found.shape != wanted.shape or not torch.allclose(found.to(wanted), wanted, rtol=1e-4, atol=1e-6):
            raise self._misfit(f"tensor {name!r} is another {constant.words}")

    def _misfit(self, what: str) -> BadInput:
        return BadInput(f"{self.publisher} {self.network}: {what}")


def refuse_below(arguments: Any, least: int, *names: str) -> None:
    """Refuse arguments that are smaller than a network can have; those that are ``None`` are left out.

    Raises:
        BadInput: the message names the argument.
    """
    for name in names:
        value = getattr(arguments, name)
        smallest = min(value, default=least) if isinstance(value, tuple) else value
        if smallest is not None and smallest < least:
            raise BadInput(f"{name}: must be at least {least}, got {value}")


def _without_kinds(value: Any) -> Any:
    """An encoded value without the names of our classes."""
    if not isinstance(value, dict):
        return value
    return {key: _without_kinds(inner) for key, inner in value.items() if key != "kind"}


def refuse_above(arguments: Any, most: int, *names: str) -> None:
    """Refuse arguments, numbers or several of them, that would let a config from anybody ask for layers without end.

    Raises:
        BadInput: the message names the argument.
    """
    for name in names:
        value = getattr(arguments, name)
        largest = max(value, default=most) if isinstance(value, tuple) else value
        if largest > most:
            raise BadInput(f"{name}: must be at most {most:,}, got {value}")


def shapes_of(tensors: Mapping[str, Tensor]) -> Shapes:
    """Names and shapes of tensors."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def numbered(shapes: Shapes, name: str, first: int = 0) -> int:
    """How many tensors there are of a name that a number completes where it has ``{}``, from the first number on."""
    number = first
    while name.format(number) in shapes:
        number += 1
    return number - first


@lru_cache(maxsize=16)
def tensors_of(config: NetworkConfig) -> Mapping[str, Tensor]:
    """The tensors that a network of this config has, without memory for them: a config from anybody may ask for any
    amount.

    Raises:
        BadInput: no network can be built of it.
    """
    try:
        with torch.device("meta"):
            return config.build().state_dict()
    except (ValueError, RuntimeError, ArithmeticError) as problem:
        raise BadInput(f"{network_name(config)}: no network can be built of these values ({problem})") from problem


@lru_cache(maxsize=16)
def _table(layout: Layout[Any, Any], config: NetworkConfig) -> Table:
    return layout.table(config)
