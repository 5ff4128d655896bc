"""What a run is, and what of it may change when it is continued: settings that cannot change its weights."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from diorama.core.config import encode, later_fields
from diorama.data.training_sets import TrainingData
from diorama.synthesis.store import hash_of_weights
from diorama.training.recipe import Recipe, TrainOptions, length_is_free

_FREE = re.compile(
    r"preview_every|checkpoint_every|keep|log_every|evaluation\..+|averages\.\w+\.snapshot_\w+|frozen(\..+)?"
)
"""Values of a recipe that change no weight. A frozen part is known by its hash, wherever it lies."""

_SHOWN = 4
"""Differences that a refusal lists."""

_LONGEST = 40
"""Characters of a value that are shown."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A value of a recipe that was changed when its run was continued.

    Args:
        name: of the value, a dotted path within the recipe.
        old: as it was, as JSON.
        new: as it is since.
        images: seen when it changed.
    """

    name: str
    old: Any
    new: Any
    images: int

    def __str__(self) -> str:
        return f"{self.name} {_short(self.old)} → {_short(self.new)}"

    def to_json(self) -> dict[str, Any]:
        """As ``recipe.json`` lists it."""
        return asdict(self)


def identity(recipe: Recipe, data: TrainingData, frozen: Mapping[str, str], options: TrainOptions) -> dict[str, Any]:
    """What a run is, as JSON.

    Args:
        recipe: what is trained.
        data: on what.
        frozen: hashes of the parts that are loaded and not trained.
        options: the model that it starts from.

    Raises:
        BadInput: there is no model to start from.
    """
    return {
        "recipe": encode(recipe),
        "data": {"name": data.info.name, "count": data.info.count, "sha256": data.info.sha256},
        "frozen": dict(frozen),
        "start_from": hash_of_weights(options.start_from),
    }


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A run that is to be continued.

    Args:
        identity: what it was when it was last worked on, as JSON.
        changes: of its values so far, oldest first.
        step: completed steps of its newest resume state.
    """

    identity: Mapping[str, Any]
    changes: tuple[Change, ...]
    step: int

    @property
    def images(self) -> int:
        """Seen by the newest resume state."""
        return self.step * int(self.identity["recipe"]["batch_size"])

    def changed_to(self, wanted: Mapping[str, Any], recipe: Recipe) -> tuple[tuple[Change, ...], list[str]]:
        """What continuing under another identity would change.

        Args:
            wanted: the identity.
            recipe: that it is of.

        Returns:
            What may change and does, and in words what differs and must not.
        """
        later = later_fields(recipe)
        refused = [] if self.identity["data"] == wanted["data"] else [f"data {_data(self.identity)} → {_data(wanted)}"]
        refused += [
            f"{'--from' if name == 'start_from' else name} {_weights(old)} → {_weights(new)}"
            for key in ("frozen", "start_from")
            for name, old, new in _differences(key, self.identity[key], wanted[key], later)
        ]
        old, new = self.identity["recipe"], wanted["recipe"]
        if old["name"] != new["name"]:
            # All values of another recipe may be others: they would say no more than its name.
            return (), [f"recipe {old['name']} → {new['name']}", *refused]
        changes = [Change(name=n, old=a, new=b, images=self.images) for n, a, b in _differences("", old, new, later)]
        allowed = [change for change in changes if _FREE.fullmatch(change.name)]
        for change in changes:
            if change.name == "images":
                problem = self._why_not_of_length(change, recipe)
                refused += [f"{change} ({problem})"] if problem else []
                allowed += [] if problem else [change]
            elif change not in allowed:
                refused.append(str(change))
        return tuple(allowed), refused

    def _why_not_of_length(self, change: Change, recipe: Recipe) -> str:
        """Why a run cannot be of another length; empty where it can."""
        steps = -(-change.new // int(self.identity["recipe"]["batch_size"]))
        if length_is_free(recipe):
            seen = f"{self.images:,} are seen already: --images may be {self.images} or more"
            return seen if steps < self.step else ""
        began = next((c.old for c in self.changes if c.name == "images"), change.old)
        if change.new == began or steps == self.step:
            return ""
        ending = f", or {self.images} to end it where it stands" if self.step else ""
        return f"a rate falls over the whole length: --images may be {began}{ending}"


def refusal(folder: object, differences: Sequence[str], begun: Begun) -> str:
    """Why a run is not continued, and what to do, in one line.

    Args:
        folder: of the run.
        differences: in words.
        begun: the run.
    """
    more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    anew = (
        f"start anew in another --out (--from {folder} takes over the weights that fit)"
        if begun.step
        else "remove the folder, which holds no resume state yet"
    )
    return (
        f"{folder}: this run began with other values: {', '.join(differences[:_SHOWN])}{more}; give those it began "
        f"with, or {anew}"
    )


def previews_by(images: int, every: int, changes: Sequence[Change]) -> int:
    """The number of the last preview that is due after ``images``, where the interval may have changed on the way.

    Args:
        images: seen.
        every: images between previews now; at least 1.
        changes: of the run, oldest first.
    """
    count = since = 0
    for change in changes:
        if change.name == "preview_every":
            count += _multiples(since, change.images, change.old)
            since = change.images
    return count + _multiples(since, images, every)


def _multiples(after: int, until: int, every: int) -> int:
    return max(0, until // every - after // every) if every else 0


def _differences(path: str, old: Any, new: Any, later: Collection[tuple[str, str]]) -> Iterator[tuple[str, Any, Any]]:
    """The leaves in which two JSON values differ, under their dotted paths."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        # A field that was added to Diorama after the run began is missing on disk. Where it is marked as later, that
        # means its default; of others nobody knows what the run had.
        added = [key for key in new if key not in old and ("kind" not in old or (new.get("kind"), key) in later)]
        for key in (*old, *added):
            yield from _differences(f"{path}.{key}" if path else key, old.get(key), new.get(key), later)
    elif old != new:
        yield path, old, new


def _short(value: Any) -> str:
    """A value as a person would write it, cut where it is long."""
    if isinstance(value, Mapping):
        return str(value.get("kind", "…"))
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _data(identity: Mapping[str, Any]) -> str:
    found = identity["data"]
    return f"{found['name']} ({found['count']:,} records, {str(found['sha256'])[:8]}…)"


def _weights(sha256: str | None) -> str:
    return "none" if sha256 is None else f"{sha256[:8]}…"
