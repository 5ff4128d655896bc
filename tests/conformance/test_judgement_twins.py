"""The adapters of judgements on cases that no file holds: other numbers of systems, raters, values and missing ones."""

from __future__ import annotations

from pathlib import Path

import choix
import krippendorff as reference
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.special import expit

from tests.conformance.adapters.judgement import bradley_terry, krippendorff
from tests.conformance.case import Case


def _case(folder: Path, config: dict[str, object], **inputs: np.ndarray) -> Case:
    tensors = {f"input/{name}": torch.as_tensor(values) for name, values in inputs.items()}
    save_file(tensors, folder / "twin.safetensors")
    return Case(
        path=folder / "twin.safetensors",
        kind="twin",
        config=config,
        call="",
        names=tuple(tensors),
        relative=1e-4,
        absolute=1e-6,
    )


def _pairs(systems: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Wins and ties of a strongly connected graph in which some pairs were never compared."""
    rng = np.random.default_rng(seed)
    wins = rng.integers(0, 9, (systems, systems)).astype(np.float32) * (rng.random((systems, systems)) < 0.7)
    ring = np.roll(np.eye(systems, dtype=np.float32), 1, 1)
    wins = (wins + ring + ring.T) * (1 - np.eye(systems, dtype=np.float32))
    ties = np.triu(rng.integers(0, 5, (systems, systems)), 1).astype(np.float32)
    ties[0, 1] = 2
    return wins, ties + ties.T


@pytest.mark.parametrize(("systems", "seed"), [(2, 0), (3, 1), (4, 2), (8, 3), (13, 4)])
def test_bradley_terry_of_other_tables_is_that_of_choix(systems: int, seed: int, tmp_path: Path) -> None:
    wins, ties = _pairs(systems, seed)
    battles = np.array([[0, 1], [1, 0], [systems - 1, 0], [0, systems - 1]])
    elo = {"k": 24.5, "init": 1200, "base": 2.718, "scale": 173.7}
    found = bradley_terry(_case(tmp_path, {"elo": elo}, wins=wins, ties=ties, battles=battles))
    plain = choix.ilsr_pairwise_dense(wins, alpha=0, max_iter=1000)
    chance = expit(plain[:, None] - plain)
    weights = (wins + wins.T) * chance * (1 - chance)
    ratings = np.full(systems, 1200.0)
    for winner, loser in battles:
        gain = 24.5 / (1 + 2.718 ** ((ratings[winner] - ratings[loser]) / 173.7))
        ratings[winner], ratings[loser] = ratings[winner] + gain, ratings[loser] - gain
    expected = {
        "bt": plain,
        "bt_alpha01": choix.ilsr_pairwise_dense(wins, alpha=0.1, max_iter=1000),
        "bt_half_ties": choix.ilsr_pairwise_dense(wins + ties / 2, alpha=0, max_iter=1000),
        "bt_elo_scale": 1000 + 400 * plain / np.log(10),
        "bt_prob": chance,
        "bt_standard_error": np.sqrt(np.diag(np.linalg.pinv(np.diag(weights.sum(1)) - weights))),
        "log_likelihood": [(wins * np.log(chance)).sum()],
        "elo": ratings,
    }
    for name, values in expected.items():
        assert found[name].numpy() == pytest.approx(np.asarray(values), rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize(("systems", "seed"), [(2, 0), (3, 1), (4, 2), (8, 3), (13, 4)])
def test_davidson_of_other_tables_meets_its_score_equations(systems: int, seed: int, tmp_path: Path) -> None:
    """As many wins and ties are expected as were counted (Davidson 1970, equations 3.2 and 3.3)."""
    wins, ties = _pairs(systems, seed)
    elo = {"k": 32, "init": 1000, "base": 10, "scale": 400}
    found = bradley_terry(_case(tmp_path, {"elo": elo}, wins=wins, ties=ties, battles=np.array([[0, 1]])))
    worth = found["davidson"].double().exp().numpy()
    geometric = found["davidson_nu"].item() * np.sqrt(worth[:, None] * worth)
    number = wins + wins.T + ties
    total = worth[:, None] + worth + geometric
    expected = number * (worth[:, None] + geometric / 2) / total
    assert expected.sum(1) == pytest.approx((wins + ties / 2).sum(1), rel=1e-4)
    assert (number * geometric / total).sum() == pytest.approx(ties.sum(), rel=1e-4)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("raters", "units", "share"), [(2, 30, 0.0), (3, 9, 0.3), (7, 40, 0.7)])
def test_alpha_of_other_ratings_is_that_of_krippendorff(
    seed: int, raters: int, units: int, share: float, tmp_path: Path
) -> None:
    rng = np.random.default_rng([seed, raters])
    ratings = (rng.integers(0, 5, units) + rng.integers(0, 2 + seed, (raters, units))).astype(np.float32)
    # Values need not be whole, nor the code of a missing one -1.
    ratings = ratings * (0.5 if seed % 2 else 1.0)
    ratings[rng.random(ratings.shape) < share] = -9
    found = krippendorff(_case(tmp_path, {"missing": -9}, ratings=ratings))
    known = np.where(ratings == -9, np.nan, ratings.astype(float))
    for level in ("nominal", "ordinal", "interval", "ratio"):
        expected = reference.alpha(known, level_of_measurement=level)
        assert found[level].item() == pytest.approx(expected, abs=1e-5), level
