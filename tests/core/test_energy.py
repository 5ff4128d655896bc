"""Joules and how they are known."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from diorama.core import energy
from diorama.core.energy import EnergyMeter


def spend(seconds: float = 0.05) -> None:

    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_an_estimate_grows_with_processor_time_and_says_that_it_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(energy, "_RAPL", tmp_path)
    meter = EnergyMeter(torch.device("cpu"))
    spend()
    assert 0.03 * energy.WATTS_PER_CORE < meter.joules() < 5 * energy.WATTS_PER_CORE
    assert "estimate" in meter.source


def test_a_counter_that_wraps_around_is_read_rightly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (package / "max_energy_range_uj").write_text("99999999")
    (package / "energy_uj").write_text("90000000")
    monkeypatch.setattr(energy, "_RAPL", tmp_path)
    meter = EnergyMeter(torch.device("cpu"))
    (package / "energy_uj").write_text("10000000")
    assert meter.source == "RAPL"
    assert meter.joules() == pytest.approx(20.0)
    assert meter.joules() == pytest.approx(20.0)


def test_a_closed_counter_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").mkdir()
    monkeypatch.setattr(energy, "_RAPL", tmp_path)
    assert "estimate" in EnergyMeter(torch.device("cpu")).source
