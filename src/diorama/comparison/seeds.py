"""Trainings of one recipe from several seeds, taken together: what holds for the recipe and not for one run of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import torch

from diorama.comparison.columns import Column, Comparison
from diorama.comparison.ranking import groups, value_and_interval
from diorama.comparison.words import described, title
from diorama.core.numbers import number_words
from diorama.evaluation.intervals import mean_interval
from diorama.evaluation.protocol import Result
from diorama.training.recipe import Recipe


def seeded(recipe: Recipe, seeds: int) -> list[Recipe]:
    """The recipe from as many seeds, counted up from its own."""
    return [replace(recipe, seed=recipe.seed + i) for i in range(seeds)]


def run_name(recipe: Recipe, place: int) -> str:
    """Folder of a training: the recipe's name, and from the second on its seed."""
    return recipe.name if place == 0 else f"{recipe.name}-seed{recipe.seed}"


def together(columns: Sequence[Column]) -> Column:
    """One column for trainings that differ in their seed alone.

    Scores are means with Student's t intervals over the trainings, so they hold what chance does to training and to
    sampling. Pictures, model and costs are those of the first.

    Args:
        columns: one for each seed; a single one is returned as it is.
    """
    if len(columns) == 1:
        return columns[0]
    first = columns[0]
    return replace(
        first,
        results=tuple(_mean([c.result(r.metric) for c in columns]) for r in first.results),
        warnings=tuple(dict.fromkeys(warning for column in columns for warning in column.warnings)),
        kept_budget=all(column.kept_budget for column in columns),
        seeds=tuple(replace(column, pictures=None, stages=None, between=None) for column in columns),
    )


def _mean(results: Sequence[Result | None]) -> Result:
    measured = [result for result in results if result is not None]
    values = torch.tensor([result.value for result in measured], dtype=torch.float64)
    # What no single interval reaches below zero cannot be negative.
    least = 0.0 if all(result.interval.low >= 0 for result in measured) else float("-inf")
    interval = mean_interval(values, low=least)
    method = f"t interval over {len(measured)} trainings"
    return replace(measured[0], value=float(values.mean()), interval=replace(interval, method=method))


def seeds_table(comparison: Comparison) -> str:
    """The main metric of every single training; empty where nothing was trained more than once."""
    several = [column for group in groups(comparison) for column in group.columns if column.seeds]
    if not several or not comparison.metrics:
        return ""
    metric = comparison.metrics[0]
    rows = "".join(_row(column, metric) for column in several)
    head = f"{escape(described(comparison, metric).title)} of each training, <code>{escape(metric)}</code>"
    heads = (
        f'<th scope="col">Generator</th><th scope="col">{head}</th>'
        '<th class="number" scope="col">Mean and its 95 % interval</th>'
    )
    table = f'<table class="scores"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    scrolled = f'<div class="scroll" tabindex="0" role="region" aria-label="Scores of each seed">{table}</div>'
    return f"<details open><summary>From seed to seed</summary>{scrolled}</details>"


def _row(column: Column, metric: str) -> str:
    whole = column.result(metric)
    if whole is None:
        return ""
    singles = [result.value for single in column.seeds if (result := single.result(metric)) is not None]
    value, interval = value_and_interval(whole)
    return (
        f'<tr><th scope="row">{escape(title(column))}</th><td>{", ".join(map(number_words, singles))}</td>'
        f'<td class="number">{value} ({interval})</td></tr>'
    )
