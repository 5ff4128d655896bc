"""Edits along directions of styles: the directions, inversion, and what is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.cli.main import run
from diorama.core.errors import BadConfig, BadInput, DioramaWarning, WrongValue
from diorama.losses.projection import correlation, over_resolutions
from diorama.media.image import read_image, write_image
from diorama.media.stamp import read_stamp
from diorama.media.video import read_video
from diorama.networks.adversarial.base import StyleGenerator
from diorama.networks.adversarial.stylegan1 import StyleGAN1GeneratorConfig
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.networks.classifiers.adm import ADMClassifierConfig
from diorama.synthesis.classifier import NoisyClassifierConfig
from diorama.synthesis.conditions import NOTHING
from diorama.tasks.boundary import Labelled, boundary, labels_by, read_labels
from diorama.tasks.directions import StyleStatistics, asked_in, factors, layers_named
from diorama.tasks.invert import Inversion, inverted
from diorama.tasks.latents import Sample, Styles
from diorama.tasks.move import Direction, Moves
from tests.synthesis.models import saved, tiny_gan, tiny_stylegan


def test_factors_are_what_the_weights_answer_to_the_most() -> None:
    weights = torch.diag(torch.tensor([1.0, 3.0, 2.0])) @ torch.linalg.qr(torch.randn(3, 3))[0]
    found = factors([weights[:1], weights[1:]])
    lengths = (weights.double() @ found.T).norm(dim=0)
    torch.testing.assert_close(lengths, torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64), atol=1e-5, rtol=0)


@pytest.mark.parametrize("network", [
    StyleGAN1GeneratorConfig(latent=8, layers=2, widths=(8, 4)),
    StyleGAN3GeneratorConfig(size=16, latent=8, style=8, channel_base=64, channel_max=8),
])  # fmt: skip
def test_a_style_moves_what_its_readers_read(network: StyleGAN1GeneratorConfig | StyleGAN3GeneratorConfig) -> None:
    torch.manual_seed(0)
    generator = network.build().eval()
    assert isinstance(generator, StyleGenerator)
    z = torch.randn(2, 8)
    with torch.no_grad():
        styles = generator.styles(z, psi=0.6, cutoff=1)
        torch.testing.assert_close(generator.draw(styles), generator(z, psi=0.6, cutoff=1))
    readers = generator.readers()
    assert len(readers) == styles.shape[1]
    assert {weight.shape[1] for weight in readers} == {8}


def test_readers_of_stylegan2_are_those_of_convolutions_and_pictures() -> None:
    readers = tiny_stylegan().style_generator.readers()
    # A style of a picture is also that of the next resolution's first convolution.
    assert [len(weight) for weight in readers] == [8, 8 + 8, 8, 8 + 8, 4, 4]


def test_principal_directions_and_deviations_are_those_of_styles() -> None:
    styles = Styles(tiny_stylegan(), NOTHING)
    statistics = StyleStatistics(styles)
    deviations = [statistics.deviation(each) for each in statistics.principal()]
    assert deviations == sorted(deviations, reverse=True)
    z = styles.gan.latents(4000, seed=1)
    w = styles.untruncated(z, range(4000)).double()
    assert (w @ statistics.principal()[0]).std().item() == pytest.approx(deviations[0], rel=0.05)
    assert statistics.spread == pytest.approx((w - w.mean(0)).square().sum(1).mean().sqrt().item(), rel=0.05)


def test_a_boundary_is_found_again_from_labels() -> None:
    styles = Styles(tiny_stylegan(), NOTHING)
    samples = tuple(Sample(0, i) for i in range(300))
    w = styles.untruncated(styles.gan.latents(300), range(300)).double()
    normal = StyleStatistics(styles).principal()[1]
    side = (w - w.mean(0)) @ normal > 0
    found = boundary(styles, Labelled(samples=samples, labels=tuple("yes" if s else "no" for s in side)), "yes")
    assert found.normal @ normal > 0.95
    assert found.accuracy > 0.9
    assert (found.positive, found.negative) == (int(side.sum()), int((~side).sum()))


def test_losses_of_a_projection_see_what_they_should() -> None:
    torch.manual_seed(0)
    x, white = torch.rand(2, 3, 32, 32), torch.randn(1, 1, 32, 32)
    assert over_resolutions(x, x).tolist() == [0, 0]
    rough = x + 0.1 * (torch.arange(32) % 2 * 2 - 1)
    assert over_resolutions(x, x + 0.1)[0] > 2 * over_resolutions(x, rough)[0]
    smooth = torch.nn.functional.interpolate(white[:, :, :8, :8], 32, mode="nearest")
    assert correlation([smooth])[0] > 10 * correlation([white])[0]


@pytest.mark.parametrize("space", ["w", "w+"])
def test_what_a_generator_drew_is_found_again(space: str) -> None:
    styles = Styles(tiny_stylegan(), NOTHING)
    with torch.no_grad():
        target = styles.draw(styles.places([Sample(3), Sample(4)]), Sample(0))
    how = Inversion(space="w" if space == "w" else "w+", steps=15)
    shares: list[float] = []
    found = inverted(styles, StyleStatistics(styles), target, 0, how, progress=shares.append)
    with torch.no_grad():
        drawn = styles.gan.of_styles(found.styles, found.noise)
        mean = styles.gan.of_styles(found.styles.mean((0, 1), keepdim=True).expand_as(found.styles), found.noise)
    assert (drawn - target).square().mean() < 0.5 * (mean - target).square().mean()
    assert shares[-1] == 1
    assert bool((found.styles == found.styles[:, :1]).all()) == (space == "w")
    assert found.noise is not None
    torch.testing.assert_close(found.noise[0].square().mean((1, 2, 3)), torch.ones(2))


def test_amounts_of_several_directions_go_together() -> None:
    ones = torch.ones(2, 3)
    pair = (Direction(word="a", vector=ones, amounts=(1.0, 2.0)), Direction(word="b", vector=10 * ones, amounts=(1.0,)))
    moves = Moves(directions=pair)
    assert [float(moves.shift(each)[0, 0]) for each in moves.amounts] == [11, 12]
    assert [float(shift[0, 0]) for shift in moves.evenly(3)] == [11, 11.5, 12]
    assert [float(shift[0, 0]) for shift in Moves(directions=pair[1:]).evenly(3)] == [0, 5, 10]
    with pytest.raises(BadConfig, match="2 and 3 amounts"):
        Moves(directions=(pair[0], Direction(word="c", vector=ones, amounts=(1.0, 2.0, 3.0))))


def test_labels_name_samples_by_file_number_or_seed(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("sample,label\nsamples/000012.png,cats\n3,dogs\n5:7,cats\n")
    assert read_labels(table) == Labelled(
        samples=(Sample(0, 12), Sample(0, 3), Sample(5, 7)), labels=("cats", "dogs", "cats")
    )


def test_a_classifier_labels_samples() -> None:
    styles = Styles(tiny_stylegan(), NOTHING)
    torch.manual_seed(0)
    network = ADMClassifierConfig(
        in_channels=3, channels=32, widths=(32, 32), depth=1, attention=(False, False), classes=2, pooling="mean",
        side=None, head_channels=32,
    )  # fmt: skip
    config = NoisyClassifierConfig(media=styles.model.config.media, names=("a", "b"), classifier=network)
    classifier = config.build().eval().requires_grad_(False)
    for parameter in classifier.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    labelled = labels_by(classifier, styles, 20, "a")
    assert labelled.samples[17] == Sample(0, 17)
    clean = config.process.at(torch.full((1,), 1e-3))
    logits = classifier.logits(styles.model.sample(20, seed=0), clean)
    assert list(labelled.labels) == ["ab"[i] for i in logits.argmax(dim=1)]
    with pytest.raises(WrongValue, match="the classifier knows a, b"):
        labels_by(classifier, styles, 20, "c")
    with pytest.raises(BadInput, match="needs a classifier"):
        labels_by(tiny_gan(), styles, 20, "a")


def test_samples_are_edited_into_files_a_strip_and_a_film(tmp_path: Path) -> None:
    model, out = saved(tiny_stylegan(), tmp_path / "model"), tmp_path / "out"
    strip, film, kept = tmp_path / "strip.png", tmp_path / "film.mp4", tmp_path / "d.safetensors"
    words = ["edit", str(model), "--out", str(out), "--seeds", "0", "0:1", "--along", "sefa.0:-2,0,2"]
    words += ["--layers", "0-1", "--strip", str(strip), "--film", str(film), "--frames", "5"]
    assert run([*words, "--save-direction", str(kept)]) == 0
    told = json.loads((out / "samples.json").read_text())
    assert [row["condition"]["along"] for row in told["samples"]] == ["sefa.0:-2", "sefa.0:0", "sefa.0:2"] * 2
    assert told["settings"]["along"][0]["layers"] == "0-1"
    assert run(["sample", str(model), "--count", "2", "--out", str(tmp_path / "s")]) == 0
    first = read_image((out / "000004.png").read_bytes(), "").pixels.astype(int)
    assert np.abs(first - read_image((tmp_path / "s/000001.png").read_bytes(), "").pixels).max() <= 1
    stamp = read_stamp(out / "000000.png")
    assert stamp is not None
    assert (stamp.composite, stamp.index, stamp.condition["sample"]) == (False, None, "0")
    assert read_image(strip.read_bytes(), "").pixels.shape == (2 + 2 * 18, 2 + 3 * 18, 3)
    assert len(list(read_video(film))) == 5
    again = tmp_path / "again"
    assert run(["edit", str(model), "--out", str(again), "--seeds", "0", "0:1", "--along", f"{kept}:-2,0,2"]) == 0
    for name in ("000000.png", "000005.png"):
        assert (
            read_image((again / name).read_bytes(), "").pixels == read_image((out / name).read_bytes(), "").pixels
        ).all()


def test_given_pictures_are_fitted_inverted_and_marked_as_edits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, given = saved(tiny_stylegan(), tmp_path / "model"), tmp_path / "given.png"
    write_image(given, np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8))
    words = ["edit", str(model), str(given), "--out", str(tmp_path / "out"), "--along", "pca.0:0,3"]
    with pytest.warns(DioramaWarning, match="1 of 1 given pictures: of another size, scaled to 16 x 16"):
        assert run([*words, "--inversion-steps", "3", "--strip", str(tmp_path / "s.png")]) == 0
    told = json.loads((tmp_path / "out/samples.json").read_text())
    assert told["inversions"][0]["input"] == "given.png"
    assert 3 < told["inversions"][0]["psnr"] < 40
    assert "inverted in w+ with PSNR" in capsys.readouterr().out
    for file in (tmp_path / "out/000001.png", tmp_path / "s.png"):
        stamp = read_stamp(file)
        assert stamp is not None
        assert stamp.composite
    assert read_image((tmp_path / "s.png").read_bytes(), "").pixels.shape == (2 + 18, 2 + 3 * 18, 3)


def test_what_cannot_be_edited_is_refused_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, gan = saved(tiny_stylegan(), tmp_path / "model"), saved(tiny_gan(), tmp_path / "gan")
    np.save(tmp_path / "bad.npy", np.ones(5, np.float32))
    (tmp_path / "few.csv").write_text("sample,label\n0,a\n1,b\n")
    for words, code, message in [
        ([gan, "--along", "sefa.0:1"], 1, "edit: needs a generator with styles (w)"),
        ([model, "--along", "sfa.0:1"], 2, "did you mean 'sefa'"),
        ([model, "--along", "sefa.0"], 2, "is no DIRECTION:AMOUNT"),
        ([model, "--along", "sefa.9:1"], 2, "styles have 8 values"),
        ([model, "--along", f"{tmp_path}/bad.npy:1"], 1, "holds numbers of shape (5,), and this model wants (8,)"),
        ([model, "--along", "label.a:1"], 2, "give --labels a .csv file or a classifier"),
        ([model, "--along", "label.a:1", "--labels", tmp_path / "few.csv"], 2, "a boundary needs 10 of either"),
        ([model, "--along", "pca.999:1"], 2, "--along pca.999: styles have"),
        ([model, "--along", "pca.0:1", "--layers", "3-99"], 2, "--layers: 3-99 are none of the 6 layers"),
        ([model, tmp_path, "--along", "pca.0:1", "--psi", "0.5"], 2, "--psi: given pictures are inverted without"),
        ([model, tmp_path, "--along", "pca.0:1", "--seeds", "7"], 2, "--seeds: names samples to edit, and pictures"),
        ([model, "--along", "pca.0:1", "--space", "w"], 2, "--space: is for given pictures, and none is given"),
        ([model, "--along", "pca.0:1", "--inversion-steps", "5"], 2, "--inversion-steps: is for given pictures"),
        ([model, "--along", "pca.0:1", "--frames", "9"], 2, "--frames: is for a film, and there is no --film"),
        ([model, "--along", "pca.0:1", "--labelled", "9"], 2, "--labelled: is for directions label.NAME"),
        ([model, "--along", "pca.0:1", "--psi", "0.5", "--cutoff", "7"], 2, "cutoff: must be at least 1 and at most 6"),
        ([model, "--along", "pca.0:1", "pca.1:1", "--save-direction", "d.npy"], 2, "saves one direction"),
        ([model, "--along", "pca.0:1", "--strip", tmp_path / "out/strip.png"], 1, "choose a place outside"),
        ([model, "--along", "pca.0:1,2", "pca.1:1,2,3"], 2, "2 and 3 amounts"),
    ]:
        assert run(["edit", *map(str, words), "--out", str(tmp_path / "out")]) == code
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_words_of_directions_and_layers() -> None:
    assert asked_in("label.old: people:1,-2").amounts == (1.0, -2.0)
    assert asked_in("folder/a.npy:2").kind == "file"
    assert layers_named("2", 5) == range(2, 3)
