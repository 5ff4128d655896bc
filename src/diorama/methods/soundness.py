"""Whether the parts of a method fit together, found out before the first step and not after the last."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from diorama.core.config import decode, encode
from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadConfig
from diorama.methods.base import Method, live_tensors
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from diorama.synthesis.catalog import AnySynthesizer

_NAMES_SHOWN = 4


def check(method: Method, catalog: Sequence[object]) -> tuple[str, ...]:
    """Build a method's synthesizer once and see that it is what training will save.

    Args:
        method: freshly built.
        catalog: config classes of a user's own.

    Returns:
        Names of the tensors that models of the run will hold: the synthesizer's own. What else is averaged is an
        error, and a frozen part that is not among them (a teacher) is not saved with the model.

    Raises:
        BadConfig: something does not fit; the message names it.
    """
    _check_players(method)
    _check_frozen(method)
    config = method.synthesizer()
    name = type(config).__name__
    if not isinstance(getattr(config, "media", None), MediaSpec):
        raise BadConfig(f"{name}: needs a field media, a MediaSpec that says what is drawn")
    _check_config(config, catalog)
    # The draws of its initial weights must not move those of training.
    with torch.random.fork_rng(devices=[]):
        model = _built(config)
    _check_noise_shape(model)
    _check_tensors(model, method, name)
    return tuple(model.state_dict())


def own_kinds(config: SynthesizerConfig, catalog: Sequence[object]) -> tuple[str, ...]:
    """Names of a user's own classes in a config."""
    return tuple(dict.fromkeys(type(value).__name__ for value in _dataclasses(config) if type(value) in catalog))


def _check_players(method: Method) -> None:
    name, players = type(method).__name__, method.players()
    for player, parameters in players.items():
        if not isinstance(parameters, Sequence) or not parameters:
            raise BadConfig(f"{name}.players(): {player!r} must have a list of parameters, got {parameters!r:.80}")
        for parameter in parameters:
            if not isinstance(parameter, nn.Parameter):
                kind = type(parameter).__name__
                raise BadConfig(f"{name}.players(): {player!r} holds a {kind}, and must hold nn.Parameters alone")
    phases = method.phases()
    if not phases:
        raise BadConfig(f"{name}.phases(): there is none, so nothing would be trained")
    for phase in phases:
        if phase.player not in players:
            raise BadConfig(
                f"{name}.phases(): phase {phase.name!r} is of player {phase.player!r}, "
                f"but the players are {sorted(players)}"
            )


def _check_frozen(method: Method) -> None:
    """Frozen parts are held in one place, and are nobody's to train: else they would be saved with every state."""
    name = type(method).__name__
    names = {id(p): f"frozen.{key}" for key, p in method.frozen.named_parameters()}
    for key, parameter in method.named_parameters(remove_duplicate=False):
        if id(parameter) in names and key.partition(".")[0] != "frozen":
            raise BadConfig(f"{name}: {names[id(parameter)]} is held a second time, as {key}; use it as self.frozen[…]")
    for player, parameters in method.players().items():
        for parameter in parameters:
            if id(parameter) in names:
                raise BadConfig(
                    f"{name}.players(): {player!r} holds {names[id(parameter)]}, which is not to be trained"
                )


def _check_config(config: SynthesizerConfig, catalog: Sequence[object]) -> None:
    """The config comes back from the JSON that a model folder holds."""
    name = type(config).__name__
    if not dataclasses.is_dataclass(config):
        raise BadConfig(f"{name}: must be a frozen dataclass, so that it can be written and read back")
    try:
        back = decode(AnySynthesizer, json.loads(json.dumps(encode(config))), name, catalog)
    except (TypeError, ValueError) as problem:
        raise BadConfig(f"{name}: cannot be written as JSON ({problem})") from problem
    except BadConfig as problem:
        unnamed = {type(value).__name__ for value in _dataclasses(config) if type(value) not in catalog}
        unknown = [kind for kind in sorted(unnamed) if f"{kind!r} is unknown" in str(problem)]
        if not unknown:
            raise
        raise BadConfig(
            f"{', '.join(unknown)}: a model that holds it could not be read back; put it into CATALOG of your file "
            "(from Python: into TrainOptions.catalog)"
        ) from problem
    if type(back) is not type(config) or encode(back) != encode(config):
        raise BadConfig(f"{name}: is read back as something else; is there a class of that name in Diorama?")


def _dataclasses(value: Any) -> Iterator[Any]:
    """The dataclass instances in a config, itself first."""
    if dataclasses.is_dataclass(value):
        yield value
        for field in dataclasses.fields(value):
            yield from _dataclasses(getattr(value, field.name))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _dataclasses(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _dataclasses(inner)


def _built(config: SynthesizerConfig) -> Synthesizer:
    name = type(config).__name__
    try:
        model = config.build()
    except Exception as problem:
        # A user's own code may raise anything; that it is the synthesizer's is more use than our own stack.
        raise BadConfig(f"{name}.build(): {type(problem).__name__}: {problem}") from problem
    if not isinstance(model, Synthesizer):
        raise BadConfig(f"{name}.build(): must return a Synthesizer, got {type(model).__name__}")
    return model


def _check_noise_shape(model: Synthesizer) -> None:
    shape, name = model.noise_shape, f"{type(model).__name__}.noise_shape"
    if callable(shape):
        raise BadConfig(f"{name}: must be a property, not a method; put @property above it")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise BadConfig(f"{name}: must be a tuple of whole numbers, none below 0, got {shape!r}")


def _check_tensors(model: Synthesizer, method: Method, config: str) -> None:
    source, expected = f"{type(method).__name__}.averaged()", model.state_dict()
    averaged, exported = live_tensors(method.averaged()), method.model_tensors()
    missing = [name for name in expected if name not in exported]
    unknown = [name for name in averaged if name not in expected]
    if missing or unknown:
        parts = [f"{source} lacks {_some(missing)}"] if missing else []
        parts += [f"{source} has {_some(unknown)}, which the synthesizer has not"] if unknown else []
        raise BadConfig(
            f"{'; '.join(parts)}. The names of its modules must be those of the parts that {config}.build() makes"
        )
    for name, tensor in expected.items():
        if exported[name].shape != tensor.shape:
            raise BadConfig(
                f"{source}: {name} has shape {tuple(exported[name].shape)}, but {tuple(tensor.shape)} in the "
                f"synthesizer that {config}.build() makes"
            )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
