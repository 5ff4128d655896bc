"""What a comparison's generators are held against where they draw what stands beside records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.comparison.candidates import candidates_for
from diorama.comparison.columns import Column
from diorama.comparison.measurer import Measurer
from diorama.comparison.options import CompareOptions
from diorama.comparison.participants import load_given
from diorama.comparison.reals import all_draw_partners, one_of_each
from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset
from diorama.evaluation.records import records_stamp
from diorama.networks.adversarial.cyclegan import CycleGANGeneratorConfig
from diorama.synthesis import store
from diorama.synthesis.picture import PictureSynthesizer, PictureSynthesizerConfig
from diorama.synthesis.provenance import Provenance
from tests.data.pictures import picture, prepared, save

OPTIONS = CompareOptions(device="cpu", metrics=("precision@lite",), count=5)
CPU = torch.device("cpu")


@pytest.fixture
def pairs(tmp_path: Path) -> Dataset:
    """Six pictures with partners in grey to train on, and five to test with."""
    rows = ["path,map,split"]
    for number in range(11):
        save(picture(number, (32, 32)), tmp_path / "in" / "a" / f"{number}.png")
        save(picture(100 + number, (32, 32), 1), tmp_path / "in" / "b" / f"{number}.png")
        rows.append(f"a/{number}.png,b/{number}.png,{'train' if number < 6 else 'test'}")
    (tmp_path / "rows.csv").write_text("\n".join(rows))
    return prepared(tmp_path / "in", tmp_path / "pairs", size=32, table=tmp_path / "rows.csv", pair="map")[0]


def translator(channels: int = 1) -> PictureSynthesizer:
    torch.manual_seed(0)
    return PictureSynthesizerConfig(
        media=MediaSpec(kind="image", channels=channels, height=32, width=32),
        conditions=(ConditionSpec(key="image", shape=(3, 32, 32)),),
        picture=CycleGANGeneratorConfig(outputs=channels, width=2, blocks=1),
    ).build()


def test_translators_are_given_held_out_pictures_and_held_against_partners(pairs: Dataset, tmp_path: Path) -> None:
    measurer = Measurer(pairs, OPTIONS, CPU, tmp_path / "cache", partners=True)
    column = measurer.measure_model(translator(), Column(name="it", kind="trained"))
    partners = measurer.reals.training
    assert partners.info.media.channels == 1
    assert column.results[0].reference == records_stamp(partners, np.arange(6))
    assert column.stages is None
    assert column.between is None
    assert measurer.reals.given(translator().config.conditions, "train").name == "test"


def test_all_draw_as_many_as_there_are_held_out_pictures_where_some_draw_without_noise(pairs: Dataset) -> None:
    candidates, _ = candidates_for(["pix2pix_cpu", "ddpm_cpu"], pairs.info, CPU, OPTIONS)
    assert one_of_each(pairs, candidates[:1], [], "train") == 5
    assert one_of_each(pairs, [], [translator()], "train") == 5
    assert one_of_each(pairs, candidates[1:], [], "train") is None


def test_only_like_is_compared_with_like(pairs: Dataset, tmp_path: Path) -> None:
    candidates, _ = candidates_for(["pix2pix_cpu", "ddpm_cpu"], pairs.info, CPU, OPTIONS)
    assert all_draw_partners(candidates[:1], [translator()])
    assert not all_draw_partners(candidates[1:], [])
    with pytest.raises(BadInput, match="pix2pix_cpu: draw what stands beside the records, and ddpm_cpu the records"):
        all_draw_partners(candidates, [])
    with pytest.raises(BadInput, match=r"^it: draws what stands beside the records, and the others"):
        Measurer(pairs, OPTIONS, CPU, tmp_path / "cache").measure_model(translator(), Column(name="it", kind="trained"))


def test_a_finished_translator_must_draw_what_stands_beside_the_records(pairs: Dataset, tmp_path: Path) -> None:
    for channels in (1, 3):
        model = translator(channels)
        store.save(tmp_path / str(channels), model.config, model.state_dict(), Provenance(), "# card")
    assert isinstance(load_given(tmp_path / "1", pairs.info), PictureSynthesizer)
    with pytest.raises(BadInput, match=r"but what stands beside the records of pairs are \(1, 32, 32\)"):
        load_given(tmp_path / "3", pairs.info)
