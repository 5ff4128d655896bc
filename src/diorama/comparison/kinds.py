"""The kinds of columns in a comparison: one table says how each takes part and where the report shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["trained", "loaded", "samples", "mixture", "untrained", "real"]


@dataclass(frozen=True, kw_only=True)
class KindTraits:
    """How columns of one kind take part.

    Args:
        caption: how such a column came into the comparison.
        title: what the column is called; empty where each has a name of its own.
        in_words: what it is called inside a sentence, where that is not its title.
        about: what it is, for a reader; empty where the recipe's entry says so.
        competes: it may be called the best. The others are there to be held against.
        baseline_of: who has learned little if it scores no better than this: ``"all"`` generators, or the column's
            ``"own"`` trained network.
        synthetic: a model drew its pictures, so that they are stamped; real records are not.
        shown: the report shows its samples, describes it, and looks for repeated training records among its samples.
        has_costs: its size and drawing speed were measured here.
        budget: of those that compete, what is known of their costs: the comparison ``"gave"`` all the same, they had
            ``"own"`` ones, or nobody knows.
        counted: what so many of them are called; empty where they are not counted.
        given: it was made before the comparison, which the table of scores says under its name.
    """

    caption: str
    title: str = ""
    in_words: str = ""
    about: str = ""
    competes: bool = False
    baseline_of: Literal["nobody", "all", "own"] = "nobody"
    synthetic: bool = True
    shown: bool = True
    has_costs: bool = False
    budget: Literal["gave", "own", "unknown"] = "unknown"
    counted: str = ""
    given: bool = False


KINDS: Mapping[Kind, KindTraits] = {
    "trained": KindTraits(
        caption="trained here under the budget", competes=True, has_costs=True, budget="gave", counted="trained here"
    ),
    "loaded": KindTraits(
        caption="a finished run or model",
        competes=True,
        has_costs=True,
        given=True,
        budget="own",
        counted="finished before",
    ),
    "samples": KindTraits(caption="given samples", competes=True, given=True, counted="known by samples"),
    "mixture": KindTraits(
        caption="the floor: a Gaussian mixture on principal components",
        title="Gaussian mixture",
        in_words="the Gaussian mixture",
        about="Ten Gaussians with full covariances on the first 64 principal components of the training data, fitted "
        "by expectation maximization. No network: the honest floor that every network must beat.",
        baseline_of="all",
        has_costs=True,
    ),
    "untrained": KindTraits(caption="the same network before training", baseline_of="own", shown=False),
    "real": KindTraits(
        caption="held-out real records: what a perfect generator would score",
        title="Held-out real",
        in_words="held-out real records",
        synthetic=False,
        shown=False,
    ),
}
