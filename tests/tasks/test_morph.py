"""Films through the latents of samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diorama.cli.main import run
from diorama.core.errors import BadInput, WrongValue
from diorama.media.image import read_image
from diorama.media.stamp import read_stamp
from diorama.media.video import read_video
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.conditions import NOTHING, labels_in_turn
from diorama.tasks.latents import Sample, latent_space, slerp
from diorama.tasks.morph import Film
from tests.synthesis.models import saved, tiny_diffusion, tiny_gan, tiny_stylegan, tiny_vae, tiny_video_gan


def pixels(file: Path) -> np.ndarray:
    return read_image(file.read_bytes(), str(file)).pixels


def test_the_arc_keeps_lengths_and_turns_evenly() -> None:
    torch.manual_seed(1)
    start, end = torch.randn(2, 3, 40)
    end = end * start.norm() / end.norm()
    points = slerp(start, end, torch.linspace(0, 1, 5))
    torch.testing.assert_close(points.flatten(1).norm(dim=1), start.norm().expand(5))
    torch.testing.assert_close(points[0], start)
    torch.testing.assert_close(points[-1], end)
    steps = torch.cosine_similarity(points[1:].flatten(1), points[:-1].flatten(1))
    torch.testing.assert_close(steps, steps[:1].expand(4))
    torch.testing.assert_close(slerp(start, start, torch.tensor([0.3]))[0], start)
    assert slerp(start, -start, torch.tensor([0.2])).isfinite().all()


@pytest.mark.parametrize(("closed", "ends"), [(False, (0, 3, 6)), (True, (0, 3, 6))])
def test_frames_on_a_sample_are_exactly_there(closed: bool, ends: tuple[int, ...]) -> None:
    film = Film(samples=(Sample(0), Sample(1), Sample(2)), frames=9 if closed else 7, closed=closed)
    places = [film.place(frame) for frame in range(film.count)]
    assert [i for i, (_, _, share) in enumerate(places) if share in (0, 1)] == list(ends)
    assert places[-1] == ((2, 0, pytest.approx(2 / 3)) if closed else (1, 2, 1.0))


@pytest.mark.parametrize("make", [tiny_gan, tiny_vae, tiny_diffusion, tiny_stylegan])
def test_frames_on_a_sample_are_what_sample_draws(make: Any, tmp_path: Path) -> None:
    model: Synthesizer = make()
    folder = saved(model, tmp_path / "model")
    words = ["morph", str(folder), "--out", str(tmp_path / "film"), "--seeds", "5:2", "7", "--frames", "3"]
    assert run(words) == 0
    assert (
        run(["sample", str(folder), "--seed", "5", "--first", "2", "--count", "1", "--out", str(tmp_path / "s")]) == 0
    )
    drawn, sampled = pixels(tmp_path / "film/000000.png"), pixels(tmp_path / "s/000002.png")
    assert np.abs(drawn.astype(int) - sampled).max() <= 1
    assert not np.array_equal(drawn, pixels(tmp_path / "film/000001.png"))
    stamp = read_stamp(tmp_path / "film/000001.png")
    assert stamp is not None
    assert (stamp.composite, stamp.index, stamp.condition["share"]) == (False, None, "0.5")
    told = json.loads((tmp_path / "film/samples.json").read_text())
    assert [row["condition"]["to"] for row in told["samples"]] == ["7"] * 3


def test_a_film_is_one_stamped_clip_whose_noise_stands_still(tmp_path: Path) -> None:
    folder = saved(tiny_stylegan(), tmp_path / "model")
    film = tmp_path / "films/one.mp4"
    words = ["morph", str(folder), "--out", str(film), "--seeds", "3", "3", "--frames", "4", "--psi", "0.7"]
    assert run(words) == run(words) == 0
    frames = [frame.pixels for frame in read_video(film)]
    assert len(frames) == 4
    assert max(np.abs(frame.astype(int) - frames[0]).max() for frame in frames) <= 8
    stamp = read_stamp(film)
    assert stamp is not None
    assert (stamp.psi, stamp.condition) == (0.7, {"morph": "3 3", "along": "w"})


def test_labels_in_turn_are_gone_between_along_styles_alone() -> None:
    model = tiny_stylegan(("cats", "dogs"))
    turns = labels_in_turn(model.config.conditions[0])
    places = latent_space(model, turns, None, "morph").places([Sample(1), Sample(1)])
    assert not torch.allclose(places[0], places[1])
    with pytest.raises(WrongValue, match="several labels"):
        latent_space(model, turns, "z", "morph")
    with pytest.raises(BadInput, match="needs a label, one of cats, dogs"):
        latent_space(model, NOTHING, "w", "morph")


def test_draws_of_a_sampler_on_its_way_are_the_same_for_all_frames() -> None:
    space = latent_space(tiny_diffusion().resampled(Sampling(sampler="ancestral")), NOTHING, None, "morph")
    place = space.places([Sample(0)])
    with torch.no_grad():
        drawn = space.draw(place.expand(2, -1, -1, -1), Sample(4))
    torch.testing.assert_close(drawn[0], drawn[1])


def test_what_cannot_be_walked_in_is_refused_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gan, clips = saved(tiny_gan(), tmp_path / "gan"), saved(tiny_video_gan(), tmp_path / "clips")
    film = tmp_path / "a.mp4"
    for words, code, message in [
        ([clips, "--out", film], 1, "this one draws clips"),
        ([gan, "--out", film, "--along", "w"], 1, "needs a generator with styles (w): StyleGAN, StyleGAN2"),
        ([gan, "--out", film, "--psi", "0.5"], 1, "psi: this model's generator"),
        ([gan, "--out", tmp_path / "a.png"], 1, "a.png: is no name for a film"),
        ([gan, "--out", film, "--seeds", "0", "x"], 2, "--seeds: 'x' names no sample"),
        ([gan, "--out", film, "--seeds", "0"], 2, "--seeds: a film goes through at least two samples"),
        ([gan, "--out", film, "--frames", "2"], 2, "--frames: 2 cannot show 4 samples"),
    ]:
        assert run(["morph", *map(str, words)]) == code
        assert message in capsys.readouterr().err
    assert not film.exists()


@pytest.mark.parametrize("out", ["film.mp4", "frames"])
@pytest.mark.parametrize(
    "words", [["morph"], ["edit", "--along", "sefa.0:1"], ["mix"]], ids=lambda words: str(words[0])
)
def test_a_model_that_needs_a_label_is_not_walked_in_without_one_and_nothing_is_left(
    words: list[str], out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = saved(tiny_stylegan(("cats", "dogs")), tmp_path / "model")
    place = tmp_path / (f"{out}.png" if words[0] == "mix" else out)
    assert run([words[0], str(model), *words[1:], "--out", str(place)]) == 1
    assert "this model needs a label, one of cats, dogs (--label)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
