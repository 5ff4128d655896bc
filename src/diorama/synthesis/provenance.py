"""Where a model comes from: what its training writes into ``provenance.json``, and whoever needs it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from diorama.core.config import decode
from diorama.core.errors import BadConfig


@dataclass(frozen=True, kw_only=True)
class DataOrigin:
    """The data that a model was made from.

    Args:
        name: of the data set.
        count: records.
        sha256: content hash of the prepared data.
    """

    name: str = ""
    count: int = 0
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainingSpent:
    """What a model's training took.

    Args:
        steps: completed.
        images: seen by all processes together.
        seconds: interruptions left out.
        joules: of all processes.
        energy: how the joules are known.
        device: in words.
        processes: that trained together.
    """

    steps: int = 0
    images: int = 0
    seconds: float = 0.0
    joules: float = 0.0
    energy: str = ""
    device: str = ""
    processes: int = 1


@dataclass(frozen=True, kw_only=True)
class PublishedOrigin:
    """The published checkpoint that a model was read from.

    Args:
        publisher: whose layout it has.
        network: name of the published class.
        file: its name, without the folder.
        sha256: of the file.
        config: the published arguments.
    """

    publisher: str
    network: str = ""
    file: str = ""
    sha256: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a model comes from. Everything has a default, since models come from elsewhere than our training too.

    Args:
        recipe: how it was made: an encoded recipe, or a name where there is none.
        data: from what.
        frozen: hashes of the parts that were loaded and not trained, by name.
        start_from: hash of the weights that training started from, if from any.
        training: what it took; ``None`` of a model that was not trained here.
        versions: of the libraries that made it.
        scores: its stamped results, as JSON.
        published: the checkpoint that it was read from; ``None`` of a model that was made here.
        averaged: of a model whose weights were averaged after training: the std and the images of the average, and how
            far its profile is from that; empty of others.
    """

    recipe: Mapping[str, Any] | str = ""
    data: DataOrigin = DataOrigin()
    frozen: Mapping[str, str] = field(default_factory=dict)
    start_from: str | None = None
    training: TrainingSpent | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    scores: tuple[Mapping[str, Any], ...] = ()
    published: PublishedOrigin | None = None
    averaged: Mapping[str, float] = field(default_factory=dict)

    @property
    def recipe_name(self) -> str:
        """The recipe's name; empty where none is known."""
        return self.recipe if isinstance(self.recipe, str) else str(self.recipe.get("name", ""))


def encode_provenance(provenance: Provenance) -> dict[str, Any]:
    """The content of ``provenance.json``."""
    document = asdict(provenance)
    if not provenance.averaged:
        # Most models are none, and their files stay as they were before there were such.
        del document["averaged"]
    return document


def decode_provenance(document: Mapping[str, Any], where: str) -> Provenance:
    """The provenance that :func:`encode_provenance` wrote; fields that a later version added are passed over.

    Args:
        document: what was read from JSON.
        where: the file, for messages.

    Raises:
        BadConfig: a field has another type; the message names it.
    """
    given = _known(Provenance, document)
    recipe = given.pop("recipe", "")
    if not isinstance(recipe, (Mapping, str)):
        raise BadConfig(f"{where}: recipe: expected an object or a name, got {recipe!r}")
    for name, part in (("data", DataOrigin), ("training", TrainingSpent), ("published", PublishedOrigin)):
        if isinstance(given.get(name), Mapping):
            given[name] = _known(part, given[name])
    # The recipe stays JSON: the classes that it names may be a user's own, or of another version.
    return replace(decode(Provenance, given, where), recipe=recipe)


def _known(kind: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(kind)}
    return {key: value for key, value in document.items() if key in names}
