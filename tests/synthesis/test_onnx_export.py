"""ONNX files: onnxruntime computes what PyTorch does, for batches and sides of any size; the rest is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadInput
from diorama.interop.onnx_file import OnnxInput, largest_difference, to_onnx
from diorama.networks.adversarial.base import GeneratorConfig
from diorama.networks.adversarial.biggan import BigGANGeneratorConfig
from diorama.networks.adversarial.cyclegan import CycleGANGeneratorConfig
from diorama.networks.adversarial.picture import PictureNetworkConfig
from diorama.networks.adversarial.pix2pix import Pix2PixGeneratorConfig
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from diorama.networks.adversarial.style_mapping import StyleMappingConfig
from diorama.networks.adversarial.stylegan2 import StyleGAN2GeneratorConfig
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.networks.adversarial.stylegan3_geometry import Bands
from diorama.synthesis import onnx_export as module
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.gan import GANSynthesizer, GANSynthesizerConfig
from diorama.synthesis.onnx_export import OnnxExport, onnx_export
from diorama.synthesis.picture import PictureSynthesizer, picture_config
from diorama.synthesis.store import model_hash
from tests.synthesis.models import tiny_diffusion, tiny_gan, tiny_vae, tiny_video_gan

ort = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("onnxscript", reason="the extra onnx is not installed")

MAPPING = StyleMappingConfig(layers=1)
STYLEGAN2 = StyleGAN2GeneratorConfig(size=8, latent=4, style=4, mapping=MAPPING, channel_base=32, classes=2)
STYLEGAN3 = StyleGAN3GeneratorConfig(
    size=16,
    latent=4,
    style=4,
    mapping=MAPPING,
    channel_base=64,
    channel_max=4,
    bands=Bands(num_layers=3, num_critical=1),
)
BIGGAN = BigGANGeneratorConfig(resolution=32, width=2, latent=20, classes=2, attention=(16,))


def gan(network: GeneratorConfig, side: int, **how: Any) -> GANSynthesizer:
    names = tuple(f"class {i}" for i in range(network.classes))
    torch.manual_seed(0)
    model = GANSynthesizerConfig(
        media=MediaSpec(kind="image", channels=3, height=side, width=side),
        conditions=(ConditionSpec(key="label", names=names),) if names else (),
        generator=network,  # type: ignore[arg-type]
        **how,
    ).build()  # fmt: skip
    return shaken(model)


def picture(network: PictureNetworkConfig, side: int = 32) -> PictureSynthesizer:
    torch.manual_seed(0)
    return shaken(picture_config(network, (side, side)).build())  # type: ignore[arg-type]


def shaken(model: Any) -> Any:
    """With strengths of noise, mean styles and biases that are not 0, as after training."""
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and ("strength" in name or "average" in name or name.endswith("bias")):
            torch.nn.init.normal_(tensor, 0, 0.3)
    return model.eval().requires_grad_(False)


def computed(made: OnnxExport, *given: Tensor) -> Tensor:
    session = ort.InferenceSession(made.content, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    (drawn,) = session.run(None, dict(zip(names, (tensor.numpy() for tensor in given), strict=True)))
    return torch.from_numpy(drawn)


def close(found: Tensor, expected: Tensor) -> None:
    assert expected.std() > 1e-3, "a picture of one colour would show nothing"
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.slow  # the trace of a network of dozens of operators takes seconds
def test_stylegan2_draws_its_samples_in_onnxruntime_truncated_and_with_stored_noise() -> None:
    model = gan(STYLEGAN2, 8, stored_noise=True)
    z, label = model.noise(5, seed=7), torch.tensor([0, 1, 1, 0, 1])
    expected = model.resampled(Sampling(psi=0.5)).sample(5, seed=7, condition={"label": label})
    assert not torch.allclose(expected, model.sample(5, seed=7, condition={"label": label}), atol=1e-2)
    close(computed(onnx_export(model, psi=0.5), z, label), expected)


@pytest.mark.slow  # likewise
@pytest.mark.long
@pytest.mark.parametrize(("network", "side"), [(STYLEGAN3, 16), (BIGGAN, 32)])
def test_larger_generators_draw_their_samples_in_onnxruntime(network: GeneratorConfig, side: int) -> None:
    model = gan(network, side)
    label = {"label": torch.tensor([1, 0, 1, 1])} if network.classes else {}
    expected = model.sample(4, seed=3, condition=label)
    close(computed(onnx_export(model), model.noise(4, seed=3), *label.values()), expected)


@pytest.mark.slow  # likewise
def test_dcgan_draws_its_samples_in_onnxruntime_and_the_file_says_what_it_is() -> None:
    model = shaken(tiny_gan())
    made = onnx_export(model)
    close(computed(made, model.noise(3, seed=2)), model.sample(3, seed=2))
    facts = ort.InferenceSession(made.content).get_modelmeta().custom_metadata_map
    assert facts["diorama.model"] == model_hash(model)
    assert facts["DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert "synthetic" in facts["synthetic"]
    assert made.difference <= 1e-4


@pytest.mark.slow  # likewise
@pytest.mark.parametrize(
    ("network", "sides"),
    [
        (CycleGANGeneratorConfig(width=2, blocks=1), (20, 24)),
        pytest.param(Pix2PixGeneratorConfig(width=2, halvings=5, dropout=False), (32, 64), marks=pytest.mark.long),
        pytest.param(RRDBNetConfig(features=2, growth=2, blocks=1), (5, 9), marks=pytest.mark.long),
    ],
)
def test_pictures_of_any_sides_become_the_same_in_onnxruntime(
    network: PictureNetworkConfig, sides: tuple[int, int]
) -> None:
    model = picture(network)
    given = torch.rand(3, 3, *sides) * 2 - 1
    close(computed(onnx_export(model), given), model.of_picture(given, tile=None))


@pytest.mark.long  # the shorter tests show that networks are traced; this one that the prior is among them
def test_the_decoder_of_a_vae_draws_its_samples_in_onnxruntime_from_its_learned_prior() -> None:
    model = shaken(tiny_vae(prior=True))
    close(computed(onnx_export(model), model.noise(3, seed=2)), model.sample(3, seed=2))


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (tiny_diffusion, {}, "this is a diffusion model; its weights can be written --to diffusers-unet2d"),
        (tiny_video_gan, {}, "and this is a GAN of clips"),
        (tiny_gan, {"psi": 0.5}, "psi: this model's generator, a DCGANGenerator, cannot be truncated"),
        (tiny_gan, {"noise": "none"}, "noise: the layers of this generator add none"),
        (tiny_vae, {"psi": 0.5}, "psi: generators of GANs alone have that, and this is a VAE"),
        (lambda: gan(BIGGAN, 32), {"psi": 0.5}, "draw every value of z anew until all are within ±0.5"),
        (lambda: gan(STYLEGAN2, 8), {"psi": float("nan")}, "psi must be a number"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_line(
    make: Callable[[], Synthesizer], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput) as refused:
        onnx_export(make(), **options)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


class Scaled(torch.nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(factor))

    def forward(self, z: Tensor) -> Tensor:
        return z * self.factor


@pytest.mark.slow  # likewise
def test_a_file_that_differs_is_refused_with_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, z = (OnnxInput(name="z"),), torch.tensor([[1.0, -2.0], [0.5, 1.0]])
    content = to_onnx(Scaled(1.0).eval(), inputs, "picture", (z,), {})
    assert largest_difference(content, Scaled(1.0), inputs, [(z,)]) == 0
    assert largest_difference(content, Scaled(1.25), inputs, [(z,)]) == pytest.approx(0.2)
    assert largest_difference(content, Scaled(float("nan")), inputs, [(z,)]) == float("inf")
    monkeypatch.setattr(module, "to_onnx", lambda *_: content)
    monkeypatch.setattr(module, "largest_difference", lambda *_: 3e-3)
    with pytest.raises(BadInput, match=r"differs from PyTorch by 3.0e-03 of the largest value, more than 0.0001"):
        onnx_export(tiny_gan())


@pytest.mark.slow  # likewise
def test_a_batch_that_the_trace_took_for_fixed_is_found() -> None:
    class Fixed(torch.nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return z * len(z)

    inputs, z = (OnnxInput(name="z"),), torch.ones(2, 3)
    with pytest.raises(BadInput, match=r"no ONNX file can be made of it|onnxruntime cannot run the file"):
        largest_difference(to_onnx(Fixed(), inputs, "picture", (z,), {}), Fixed(), inputs, [(torch.ones(4, 3),)])
