"""Pictures that are edited: what is kept, what is written, and what is refused."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadConfig, BadInput, DioramaWarning
from diorama.data.pack import pack_arrays
from diorama.media.convert import to_float
from diorama.media.image import read_image, write_image
from diorama.media.stamp import COMPOSITE, read_stamp
from diorama.networks.codecs.spatial import SpatialCodecConfig, SpatialDecoderConfig, SpatialEncoderConfig
from diorama.processes.curves import CurveSpacing
from diorama.samplers.catalog import AnySampler
from diorama.samplers.constrained import LUMINANCE
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.ode import ODEConfig
from diorama.samplers.pndm import PNDMConfig
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.cascade import cascade
from diorama.synthesis.conditions import labels_in_turn
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.tasks.anomaly import Anomaly
from diorama.tasks.colour import Colour
from diorama.tasks.edit import Edit, EditOptions, GivenBatch, edited
from diorama.tasks.inpaint import Inpaint, InpaintInOnePass
from diorama.tasks.inpaint import inpainting as inpainting_with
from diorama.tasks.pictures import mask_files, picture_files, read_masks, read_picture
from diorama.tasks.upscale import Upscale
from diorama.tasks.vary import Vary
from tests.media.scans import dicom, nifti
from tests.synthesis.models import enlarger, filler, tiny_diffusion, tiny_gan, tiny_video_gan

MASK = np.zeros((8, 8), bool)
MASK[2:5, 3:] = True


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three grey pictures of 8 x 8, and a note."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        write_image(folder / f"{name}.png", random.integers(0, 256, (8, 8, 1), np.uint8))
    (folder / "notes.txt").write_text("none")
    return folder


def run(edit: Edit, source: Path, out: Path, **options: Any) -> list[np.ndarray]:
    """The pictures that an edit writes."""
    deque(edited(edit, source, out, "ab" * 32, EditOptions(**options)), maxlen=0)
    listed = json.loads((out / "samples.json").read_text())["samples"]
    return [read_image((out / row["file"]).read_bytes(), row["file"]).pixels for row in listed]


def inpainting(model: Synthesizer, count: int = 3, **settings: Any) -> Inpaint:
    return Inpaint(model, [MASK] * count, **settings)


def latent() -> DiffusionSynthesizer:
    """Pictures of 8 x 8 by latents of 4 x 4."""
    config = tiny_diffusion().config
    shape: dict[str, Any] = {"size": (8, 8), "channels": 1, "features": 4, "latent": 2, "halvings": 1}
    codec = SpatialCodecConfig(encoder=SpatialEncoderConfig(**shape), decoder=SpatialDecoderConfig(**shape))
    torch.manual_seed(0)
    denoiser = replace(config.denoiser, in_channels=2, out_channels=2)
    return replace(config, codec=codec, denoiser=denoiser).build().eval()


@pytest.mark.parametrize("make", [tiny_diffusion, latent])
def test_outside_the_mask_every_value_comes_back(make: Any, pictures: Path, tmp_path: Path) -> None:
    made = run(inpainting(make(), rounds=2), pictures, tmp_path / "out")
    for drawn, file in zip(made, picture_files(pictures), strict=True):
        given = read_image(file.read_bytes(), file.name).pixels
        assert (drawn[~MASK] == given[~MASK]).all()
        assert (drawn[MASK] != given[MASK]).any()


def test_a_network_that_was_trained_to_fills_what_the_mask_marks_alone(pictures: Path, tmp_path: Path) -> None:
    edit = inpainting_with(filler(), [MASK] * 3)
    assert isinstance(edit, InpaintInOnePass)
    made = run(edit, pictures, tmp_path / "out")
    for drawn, file in zip(made, picture_files(pictures), strict=True):
        given = read_image(file.read_bytes(), file.name).pixels
        assert (drawn[~MASK] == given[~MASK]).all()
        assert (drawn[MASK] != given[MASK]).any()
        # What lay under the mask was not seen.
        write_image(file, np.where(MASK[..., None], 0, given).astype(np.uint8))
    again = run(edit, pictures, tmp_path / "again")
    assert all((one == other).all() for one, other in zip(made, again, strict=True))
    with pytest.raises(BadConfig, match="rounds: this model draws in one pass"):
        inpainting_with(filler(), [MASK], rounds=2)


def test_values_of_sixteen_bits_come_back_too(tmp_path: Path) -> None:
    config = tiny_diffusion().config
    media = MediaSpec(kind="image", channels=1, height=8, width=8, dtype="uint16", high=4095.0)
    given = np.random.default_rng(1).integers(0, 5000, (8, 8, 1), np.uint16)
    write_image(tmp_path / "deep.tif", given)
    (drawn,) = run(inpainting(replace(config, media=media).build().eval(), 1), tmp_path / "deep.tif", tmp_path / "out")
    assert drawn.dtype == np.uint16
    assert (drawn[~MASK] == given[~MASK]).all()


@pytest.mark.parametrize("verb", ["inpaint", "vary", "upscale"])
def test_every_file_says_that_it_is_an_edit_and_of_what(verb: str, pictures: Path, tmp_path: Path) -> None:
    edit = {
        "inpaint": inpainting(tiny_diffusion()),
        "vary": Vary(tiny_diffusion(), 0.5),
        "upscale": Upscale(enlarger()),
    }[verb]
    made = run(edit, pictures, tmp_path / "out", count=2, seed=7, recipe="ours")
    assert len(made) == 6
    document = json.loads((tmp_path / "out" / "samples.json").read_text())
    assert document["task"] == verb
    for row in document["samples"]:
        stamp = read_stamp(tmp_path / "out" / row["file"])
        assert stamp is not None
        assert (stamp.source_type, stamp.seed, stamp.index, stamp.recipe) == (COMPOSITE, 7, row["index"], "ours")
        assert stamp.condition == row["condition"] == {"input": "abc"[row["index"] // 2] + ".png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {row["file"] for row in document["samples"]} | {
        "samples.json"
    }


@pytest.mark.parametrize("verb", ["inpaint", "vary", "upscale"])
def test_an_edit_depends_on_its_number_and_not_on_the_batch(verb: str, pictures: Path, tmp_path: Path) -> None:
    make = {
        "inpaint": lambda: inpainting(tiny_diffusion()),
        "vary": lambda: Vary(tiny_diffusion(), 0.5),
        "upscale": lambda: Upscale(enlarger()),
    }[verb]
    together, alone = (run(make(), pictures, tmp_path / str(n), count=2, batch_size=n) for n in (6, 1))
    # Rounding depends on the batch.
    for one, other in zip(together, alone, strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1
    assert not (together[0] == together[1]).all()


def test_a_small_strength_stays_nearer_to_the_picture() -> None:
    model = tiny_diffusion().resampled(Sampling(steps=20))
    # A denoiser that finds nothing leaves what was not noised away.
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    given = np.full((8, 8, 1), 250, np.uint8)
    far = []
    for strength in (0.1, 0.4, 1.0):
        edit = Vary(model, strength)
        pixels = np.stack([given] * 8)
        x = to_float(pixels, model.config.media)
        drawn = edit.draw(GivenBatch(pixels=pixels, x=x, places=[0] * 8, first=0, seed=0))
        far.append(np.abs(drawn.astype(float) - 250).mean())
    assert far == sorted(far)
    assert far[0] < 0.3 * far[-1]


def test_labels_are_given_in_turn(pictures: Path, tmp_path: Path) -> None:
    model = tiny_diffusion(("cat", "dog"))
    conditions = labels_in_turn(model.config.conditions[0], "all")
    run(Vary(model, 1.0), pictures, tmp_path / "out", conditions=conditions)
    rows = json.loads((tmp_path / "out" / "samples.json").read_text())["samples"]
    assert [row["condition"]["label"] for row in rows] == ["cat", "dog", "cat"]


def test_upscaling_is_what_the_model_draws_of_the_picture(pictures: Path, tmp_path: Path) -> None:
    model = enlarger()
    (made, *_) = run(Upscale(model), pictures, tmp_path / "out")
    small = to_float(np.stack([read_picture(pictures / "a.png", Upscale(model).reads)]), Upscale(model).reads)
    expected = model.sample(1, condition={"image": small})
    assert made.shape == (16, 16, 1)
    assert np.abs(made[:, :, 0] - (expected[0, 0].numpy() + 1) * 127.5).max() < 1


def test_a_cascade_enlarges_what_its_first_member_would_have_drawn(pictures: Path, tmp_path: Path) -> None:
    joined, alone = Upscale(cascade(tiny_diffusion(), enlarger())), Upscale(enlarger())
    made, expected = (run(edit, pictures, tmp_path / str(i)) for i, edit in enumerate((joined, alone)))
    assert all((a == b).all() for a, b in zip(made, expected, strict=True))


def test_models_that_cannot_edit_are_refused() -> None:
    for make, message in (
        (lambda: Vary(tiny_gan(), 0.5), "vary: needs a diffusion model, .* and this is a GAN$"),
        (lambda: inpainting(tiny_video_gan()), "inpaint: needs a diffusion model"),
        (
            lambda: Colour(tiny_diffusion()),
            "colour: needs a model of colour pictures, and this one draws pictures of 8",
        ),
        (lambda: Vary(enlarger(), 0.5), "vary: this model enlarges pictures"),
        (lambda: Upscale(tiny_diffusion()), "upscale: this model reads no low-resolution picture"),
        (lambda: Vary(tiny_diffusion(), 0.0), r"strength must be in \(0, 1\]"),
        (lambda: Vary(tiny_diffusion(), 0.2), "strength: 0.2 of 4 steps is less than one"),
        (lambda: inpainting(tiny_diffusion(), rounds=0), "rounds must be at least 1"),
    ):
        with pytest.raises((BadInput, BadConfig), match=message):
            make()


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (ODEConfig(), "strength: 0.25 leaves 1 step, and steps: the sampler ode walks between at least two levels"),
        (PNDMConfig(warm_up="runge_kutta"), "strength: 0.25 leaves 1 step, and warm_up: Runge-Kutta steps need"),
        (EulerConfig(told=CurveSpacing()), "walks no part of it"),
    ],
)
def test_a_part_of_the_way_that_a_sampler_cannot_walk_is_refused_before_anything_is_written(
    sampler: AnySampler, message: str
) -> None:
    model = replace(tiny_diffusion().config, sampler=sampler).build().eval()
    for verb in (Vary, Anomaly):
        with pytest.raises(BadConfig, match=message):
            verb(model, 0.25)
        assert verb(model, 1.0).strength == 1.0


def test_a_sampler_of_the_whole_way_alone_inpaints_nothing() -> None:
    model = replace(tiny_diffusion().config, sampler=EulerConfig(told=CurveSpacing())).build().eval()
    with pytest.raises(BadConfig, match="walks no part of it; name one with --sampler"):
        inpainting(model)


def test_other_samplers_serve_too(pictures: Path, tmp_path: Path) -> None:
    model = replace(tiny_diffusion().config, sampler=HeunConfig(churn=2)).build().eval()
    assert len(run(Vary(model, 0.5), pictures, tmp_path / "vary")) == 3
    assert len(run(inpainting(model), pictures, tmp_path / "inpaint")) == 3


def test_pictures_that_do_not_fit_are_named_and_nothing_is_written(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    media = tiny_diffusion().config.media
    write_image(pictures / "d.png", np.zeros((8, 9, 1), np.uint8))
    with pytest.raises(BadInput, match=r"d\.png: is 9 x 8 pixels, and the model reads 8 x 8; cut and scale"):
        run(Vary(tiny_diffusion(), 0.5), pictures, out)
    assert not out.exists()
    write_image(pictures / "d.png", np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3))
    with pytest.raises(BadInput, match=r"has 3 channels \(colour\), and grey pictures are read here; save it with one"):
        read_picture(pictures / "d.png", media)
    write_image(pictures / "d.tif", np.zeros((8, 8, 1), np.uint16))
    with pytest.raises(BadInput, match="holds uint16 values, and the model reads uint8"):
        read_picture(pictures / "d.tif", media)
    with pytest.raises(BadInput, match="there is no such picture or folder"):
        picture_files(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no pictures"):
        picture_files(tmp_path / "empty")
    pack_arrays(tmp_path / "set", {"train": np.zeros((2, 8, 8, 1), np.uint8)}, media, name="set")
    with pytest.raises(BadInput, match="is a prepared set, which holds no picture files"):
        picture_files(tmp_path / "set")
    (pictures / "dataset.json").write_text("{}")
    assert picture_files(pictures)


def test_grey_pictures_that_were_stored_as_colour_are_read_and_said(pictures: Path, tmp_path: Path) -> None:
    media = tiny_diffusion().config.media
    grey = read_picture(pictures / "a.png", media)
    write_image(pictures / "a.png", grey.repeat(3, axis=2))
    np.testing.assert_array_equal(read_picture(pictures / "a.png", media), grey)
    with pytest.warns(DioramaWarning, match="1 of 3 given pictures: grey, stored as three equal channels"):
        run(Vary(tiny_diffusion(), 0.5), pictures, tmp_path / "out")


def test_the_given_pictures_are_never_replaced(pictures: Path, tmp_path: Path) -> None:
    run(Vary(tiny_diffusion(), 0.5), pictures, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for source in (tmp_path / "out", tmp_path / "out" / "000001.png"):
        with pytest.raises(BadInput, match="holds the pictures that are given"):
            run(Vary(tiny_diffusion(), 0.5), source, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_masks_and_pictures_of_another_size_are_fitted_alike_and_that_is_said(tmp_path: Path) -> None:
    model = tiny_diffusion()
    large, wide = np.zeros((24, 32, 1), np.uint8), np.zeros((24, 32, 1), np.uint8)
    large[:, 16:], wide[:12, 4:28] = 240, 255
    write_image(tmp_path / "picture.png", large)
    write_image(tmp_path / "mask.png", wide)
    with pytest.warns(DioramaWarning, match="1 of 1 mask: of another size, scaled to 8 x 8 pixels and cut to their"):
        (mask,) = read_masks(tmp_path / "mask.png", tmp_path / "picture.png", model.config.media)
    assert mask.tolist() == [[row < 4] * 8 for row in range(8)]
    with pytest.warns(DioramaWarning, match="1 of 1 given pictures: of another size, scaled to 8 x 8 pixels and cut"):
        run(Inpaint(model, [mask], rounds=1), tmp_path / "picture.png", tmp_path / "out")
    kept = read_image((tmp_path / "out/000000.png").read_bytes(), "").pixels[4:, :, 0]
    assert kept[:, :3].max() < 20
    assert kept[:, 5:].min() > 220


def test_masks_that_mark_nothing_are_named(pictures: Path, tmp_path: Path) -> None:
    media, file = tiny_diffusion().config.media, tmp_path / "mask.png"
    for pixels, message in (
        (np.zeros((8, 8, 1), np.uint8), "black all over"),
        (np.full((8, 8, 3), 255, np.uint8), "white all over"),
    ):
        write_image(file, pixels)
        with pytest.raises(BadInput, match=message):
            read_masks(file, file, media)
    write_image(file, np.where(MASK, 200, 20).astype(np.uint8)[..., None])
    (found,) = read_masks(file, file, media)
    assert (found == MASK).all()
    assert mask_files(file, [file, file]) == [file, file]
    with pytest.raises(BadInput, match="there is no such mask"):
        mask_files(tmp_path / "none.png", [file])
    with pytest.raises(BadInput, match=r"holds no mask for mask\.png"):
        mask_files(pictures, [file])


def test_coloured_pictures_have_the_grey_values_that_were_given(pictures: Path, tmp_path: Path) -> None:
    config = tiny_diffusion().config
    denoiser = replace(config.denoiser, in_channels=3, out_channels=3)
    torch.manual_seed(0)
    model = replace(config, media=replace(config.media, channels=3), denoiser=denoiser).build().eval()
    for place, file in enumerate(picture_files(pictures)):
        grey = read_picture(file, Colour(model).reads)
        # Where a colour would leave the range it is cut off, and the grey value with it.
        write_image(file, (96 + grey // 4).astype(np.uint8))
        assert place < 3
    made = run(Colour(model), pictures, tmp_path / "out")
    again = run(Colour(model), pictures, tmp_path / "again", seed=1)
    for drawn, other, file in zip(made, again, picture_files(pictures), strict=True):
        given = read_image(file.read_bytes(), file.name).pixels[..., 0]
        inside = ((drawn > 0) & (drawn < 255)).all(axis=2)
        assert inside.mean() > 0.3
        assert np.abs(drawn @ np.array(LUMINANCE) - given)[inside].max() <= 1
        assert np.ptp(drawn, axis=2).max() > 5
        assert (drawn != other).any()


def test_transparency_that_is_lost_is_told_with_its_count(pictures: Path, tmp_path: Path) -> None:
    grey = read_image((pictures / "a.png").read_bytes(), "").pixels[..., 0]
    Image.fromarray(np.stack([grey, np.full_like(grey, 99)], -1), "LA").save(pictures / "a.png")
    with pytest.warns(
        DioramaWarning, match="1 of 3 given pictures: alpha laid over white, so what is written has none"
    ):
        run(Vary(tiny_diffusion(), 0.5), pictures, tmp_path / "out")


def test_a_mask_that_is_grey_all_over_is_not_called_black(tmp_path: Path) -> None:
    for value, message in ((0, "black all over"), (90, r"nowhere lighter than the middle grey \(at most 90 of 255\)")):
        write_image(tmp_path / "mask.png", np.full((8, 8, 1), value, np.uint8))
        with pytest.raises(BadInput, match=message):
            read_masks(tmp_path / "mask.png", tmp_path / "mask.png", tiny_diffusion().config.media)


def test_slices_of_medical_files_are_read_in_the_units_that_they_state(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=1, height=8, width=8, dtype="float32", low=-160.0, high=239.0)
    values = np.arange(64, dtype=np.uint16).reshape(8, 8)
    for name, content in (
        ("a.dcm", dicom(values, RescaleSlope=1, RescaleIntercept=-1024)),
        ("b.nii", nifti(values.astype(np.int16)[..., None])),
        ("many.nii", nifti(np.zeros((8, 8, 3), np.int16))),
        ("report.dcm", dicom(values, PixelData=None)),
    ):
        (tmp_path / name).write_bytes(content)
    assert [path.name for path in picture_files(tmp_path)] == ["a.dcm", "b.nii", "many.nii", "report.dcm"]
    assert np.array_equal(read_picture(tmp_path / "a.dcm", media)[..., 0], values.astype(np.float32) - 1024)
    assert np.array_equal(read_picture(tmp_path / "b.nii", media)[..., 0], values)
    for name, told in (("many.nii", "many.nii: holds 3 slices; save the one"), ("report.dcm", "that is no picture")):
        with pytest.raises(BadInput, match=told):
            read_picture(tmp_path / name, media)
    with pytest.raises(BadInput, match="values from -1024 to -961, the model reads uint8"):
        read_picture(tmp_path / "a.dcm", replace(media, dtype="uint8", low=0.0, high=255.0))
