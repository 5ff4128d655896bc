"""The real ones of what a comparison's generators draw: the records of a data set, or what stands beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from diorama.comparison.candidates import Candidate
from diorama.core.contracts import ConditionSpec, DataInfo, MediaSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset, Split
from diorama.data.partners import partners_of
from diorama.data.side_values import TARGET
from diorama.methods.adversarial.translation import TranslationConfig
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import draws_partners, given_picture


def all_draw_partners(candidates: Sequence[Candidate], models: Sequence[Synthesizer]) -> bool:
    """Whether what stands beside the records is drawn by all generators; else by none.

    Raises:
        BadInput: by some only.
    """
    drawn = {each.recipe.name: each.recipe.method.of_partners for each in candidates}
    drawn |= {f"model {n}": draws_partners(m.config.media, m.config.conditions) for n, m in enumerate(models, 1)}
    of_partners = [name for name, partners in drawn.items() if partners]
    others = [name for name, partners in drawn.items() if not partners]
    if of_partners and others:
        raise BadInput(
            f"{', '.join(of_partners)}: draw what stands beside the records, and {', '.join(others)} the records "
            "themselves; only like is compared with like (translators also draw records: --method.direction to_record)"
        )
    return bool(of_partners)


class CompareReals:
    """What generators are held against, by the names of splits.

    Args:
        dataset: the data.
        partners: what stands beside the records counts, and not they.

    Raises:
        BadInput: nothing stands beside them.
    """

    def __init__(self, dataset: Dataset, *, partners: bool = False) -> None:
        self.dataset, self.partners = dataset, partners
        self.info: DataInfo = dataset.info
        if partners:
            self.info = replace(dataset.info, media=media_beside(dataset.info))

    @property
    def splits(self) -> dict[str, int]:
        """How many real ones each split has."""
        if not self.partners or self.dataset.second is None:
            return dict(self.dataset.splits)
        return dict(self.dataset.second.splits)

    def split(self, name: str) -> Split:
        """Real ones of a split.

        Raises:
            WrongValue: the data have no such split.
            BadInput: nothing stands beside its records.
        """
        return self._drawn(self.dataset.split(name))

    @property
    def training(self) -> Split:
        """Real ones of the split ``train``.

        Raises:
            BadInput: there are none.
        """
        return self._drawn(self.dataset.training)

    def _drawn(self, records: Split) -> Split:
        found = partners_of(records) if self.partners else records
        if found is None:
            raise BadInput(
                f"{self.info.name}: nothing stands beside the records of its split {records.name} (side {TARGET})"
            )
        return found

    def given(self, specs: Sequence[ConditionSpec], usual: str) -> Split:
        """The records that samples are given of: where pictures are given, ones that nothing was trained on.

        Args:
            specs: what a model reads.
            usual: the split that is taken otherwise, or where there are no others.
        """
        key = given_picture(specs)
        names = [name for name in ("test", "val") if key is not None and self.dataset.splits.get(name)]
        for split in map(self.dataset.split, names):
            if key in (split.info.media.kind, *(spec.key for spec in split.info.sides)):
                return split
        return self.dataset.split(usual)


def one_of_each(
    dataset: Dataset, candidates: Sequence[Candidate], models: Sequence[Synthesizer], usual: str
) -> int | None:
    """How many samples that differ all can draw, where some draw without noise: one of each picture they are given.

    Args:
        dataset: the data.
        candidates: recipes that are trained.
        models: finished ones.
        usual: the split that pictures are taken of where nothing is held out.

    Returns:
        ``None`` where all draw with noise, and so any number.
    """
    methods = [each.recipe.method for each in candidates]
    given: list[Sequence[ConditionSpec]] = [(m.condition,) for m in methods if isinstance(m, TranslationConfig)]
    given += [model.config.conditions for model in models if not math.prod(model.noise_shape)]
    reals = CompareReals(dataset)
    return min((len(reals.given(specs, usual)) for specs in given), default=None)


def media_beside(info: DataInfo) -> MediaSpec:
    """What stands beside the records of data.

    Raises:
        BadInput: nothing does.
    """
    found = next((side.media for side in info.sides if side.key == TARGET and side.media is not None), None)
    if found is None:
        raise BadInput(
            f"{info.name}: nothing stands beside its records (side {TARGET}), which models from picture to picture "
            "draw; leave these out, or take data prepared with --pair, --unpaired or --small"
        )
    return found
