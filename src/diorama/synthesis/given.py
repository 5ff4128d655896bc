"""What is asked of samples on the way to files: a label, prompts, or what records have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.core.files import cache_folder
from diorama.data.dataset import Split
from diorama.data.raw import open_any
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import NOTHING, SampleConditions, labels_in_turn, records_in_turn, texts_in_turn


@dataclass(frozen=True, kw_only=True)
class Given:
    """What is asked of samples; without any of them it is left to the model.

    Args:
        label: a class name, its number where no class name is a number, or ``all`` for the classes in turn.
        prompts: texts, in turn.
        records: a prepared data set, or the word for a built-in one, whose records are taken in turn: what the model is
            given is what they have.
        split: of the data set.
    """

    label: str | None = None
    prompts: tuple[str, ...] = ()
    records: Path | str | None = None
    split: str = "val"

    def __post_init__(self) -> None:
        if sum((self.label is not None, bool(self.prompts), self.records is not None)) > 1:
            raise ValueError("samples are given a label, prompts, or what records have, one of them")


def conditions_for(model: Synthesizer, given: Given) -> SampleConditions:
    """What every sample of a model is given.

    Raises:
        WrongValue: the model knows no such label, or the data have no such split.
        BadInput: the model reads nothing of that kind, or the records do not fit it.
    """
    specs = {spec.key: spec for spec in model.config.conditions}
    if given.label is not None:
        if "label" not in specs:
            raise BadInput(f"label {given.label!r}: this model was trained without labels and cannot be asked for one")
        return labels_in_turn(specs["label"], given.label)
    if given.prompts:
        if "tokens" not in specs:
            raise BadInput("prompt: this model was trained without text and cannot be asked for any")
        return texts_in_turn(specs["tokens"], given.prompts)
    if given.records is None:
        return NOTHING
    if not specs:
        raise BadInput(f"{given.records}: this model is given nothing, so there is nothing to take of records")
    split = _split_of(given.records, given.split)
    try:
        return records_in_turn(model.config.conditions, split)
    except BadInput as problem:
        raise BadInput(f"{given.records}: {problem}") from problem


def _split_of(data: Path | str, name: str) -> Split:
    return open_any(data, cache_folder()).split(name)
