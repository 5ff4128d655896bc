"""Models as ONNX files: the generators of GANs, networks from picture to picture, and the decoders of VAEs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from diorama.core.contracts import Condition
from diorama.core.errors import BadInput
from diorama.interop.onnx_file import TOLERANCE, FreeSides, OnnxInput, largest_difference, to_onnx
from diorama.media.stamp import TRAINED
from diorama.nn.standing import batch_norms
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.export import layouts_for
from diorama.synthesis.gan import GANSynthesizer
from diorama.synthesis.picture import PictureSynthesizer
from diorama.synthesis.store import model_hash
from diorama.synthesis.vae import VAESynthesizer
from diorama.synthesis.vae_gan import VAEGANSynthesizer

OutNoise = Literal["stored", "none"]
"""The noise of a generator's layers in a file: as the generator stores it, or none."""

_BATCHES = (1, 2, 3)
_EXAMPLE = 2
"""Samples of the batch that is traced; one alone would be taken for an axis that is always one long."""
_SIDE = 16
"""Least side of the pictures that are traced."""
_NOTICE = "What this network draws is synthetic: it says so by the IPTC digital source type trainedAlgorithmicMedia."


@dataclass(frozen=True, kw_only=True)
class OnnxExport:
    """A checked ONNX file.

    Args:
        content: the file.
        difference: from PyTorch, see :func:`~diorama.interop.onnx_file.largest_difference`.
        inputs: what it takes, in words.
        output: what it returns, in words.
        notes: what the file leaves out, for people.
    """

    content: bytes
    difference: float
    inputs: tuple[str, ...]
    output: str
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    """A network as the file has it.

    Args:
        network: the wrapped network.
        inputs: what it takes.
        words: the inputs in words.
        batch: so many samples' inputs, of batch number ``i``.
        notes: what is left out.
        psi: truncation by styles that the network has; ``None`` for none.
    """

    network: nn.Module
    inputs: tuple[OnnxInput, ...]
    words: tuple[str, ...]
    batch: Callable[[int, int], tuple[Tensor, ...]]
    notes: tuple[str, ...] = ()
    psi: float | None = None


def onnx_export(model: Synthesizer, *, psi: float | None = None, noise: OutNoise | None = None) -> OnnxExport:
    """A model as an ONNX file, which onnxruntime computes as PyTorch does.

    Args:
        model: a GAN, a VAE, a VAE-GAN or a network from picture to picture, in evaluation mode on the CPU.
        psi: truncation by styles, which the file then always has; ``None`` for the model's own.
        noise: of a generator's layers; ``None`` for what is stored, and none where nothing is.

    Raises:
        BadInput: there is no ONNX of such a model, an option does not fit it, a package is missing, or onnxruntime is
            further than :data:`~diorama.interop.onnx_file.TOLERANCE` from PyTorch; the message has the number.
    """
    drawing = _drawing(model, psi, noise)
    facts = _facts(model, drawing)
    content = to_onnx(drawing.network, drawing.inputs, "picture", drawing.batch(_EXAMPLE, 0), facts)
    batches = [drawing.batch(count, number) for number, count in enumerate(_BATCHES, 1)]
    difference = largest_difference(content, drawing.network, drawing.inputs, batches)
    if difference > TOLERANCE:
        raise BadInput(
            f"onnxruntime differs from PyTorch by {difference:.1e} of the largest value, more than {TOLERANCE:g}; "
            "no file was written"
        )
    height, width = model.config.media.height, model.config.media.width
    sides = "sides as given" if drawing.inputs[0].free else f"{height} x {width}"
    return OnnxExport(
        content=content,
        difference=difference,
        inputs=drawing.words,
        output=f"picture ({model.config.media.channels} channels, {sides}, in [-1, 1])",
        notes=drawing.notes,
    )


def _drawing(model: Synthesizer, psi: float | None, noise: OutNoise | None) -> _Drawing:
    if isinstance(model, GANSynthesizer):
        return _generator(model, psi, noise)
    for name, value in (("psi", psi), ("noise", noise)):
        if value is not None:
            raise BadInput(f"{name}: generators of GANs alone have that, and this is a {model.kind}; leave that out")
    if isinstance(model, PictureSynthesizer):
        return _picture(model)
    if isinstance(model, (VAESynthesizer, VAEGANSynthesizer)):
        shape = model.noise_shape
        return _Drawing(
            network=_Decoder(model).eval(),
            inputs=(OnnxInput(name="z"),),
            words=(f"z (batch, {', '.join(map(str, shape))}), standard normal",),
            batch=lambda count, number: (model.noise(count, seed=number).cpu(),),
            notes=("its encoder is not written",),
        )
    able = layouts_for(model.config)
    instead = f"; its weights can be written --to {' or '.join(able)}" if able else ""
    raise BadInput(
        f"onnx holds networks that draw in one pass (generators of GANs, decoders of VAEs, networks from picture to "
        f"picture), and this is a {model.kind}{instead}"
    )


def _generator(model: GANSynthesizer, psi: float | None, noise: OutNoise | None) -> _Drawing:
    network = model.config.generator
    if network.truncation == "latent" and psi is not None:
        raise BadInput(
            "psi: this generator is truncated by what it is given and not in the file; draw every value of z anew "
            f"until all are within ±{psi:g}, and leave that out"
        )
    if psi is not None:
        model = _resampled(model, psi)
    others = [spec.key for spec in model.config.conditions if spec.key != "label"]
    if others:
        raise BadInput(f"onnx has no place for {', '.join(others)}, which this generator reads")
    if noise is not None and not network.layer_noise:
        raise BadInput("noise: the layers of this generator add none; leave that out")
    if noise == "stored" and not network.stores_noise:
        raise BadInput("noise: this generator stores none for its layers; use --noise none")
    if model.config.standing is not None and batch_norms(model.generator):
        model.sample(1, condition={"label": 0} if network.classes else None)  # which takes the statistics
    label = bool(network.classes)

    def batch(count: int, number: int) -> tuple[Tensor, ...]:
        z = model.noise(count, seed=number).cpu()
        return (z, (torch.arange(count) + number) % network.classes) if label else (z,)

    words = [f"z (batch, {network.latent}), standard normal"]
    if label:
        words.append(f"label (batch,), whole numbers below {network.classes}")
    return _Drawing(
        network=_Generator(model, noise or ("stored" if network.stores_noise else "none")).eval(),
        inputs=tuple(OnnxInput(name=name) for name in ("z", "label")[: len(words)]),
        words=tuple(words),
        batch=batch,
        notes=tuple(_generator_notes(model, noise)),
        psi=model.config.psi if network.truncation == "styles" else None,
    )


def _resampled(model: GANSynthesizer, psi: float) -> GANSynthesizer:
    try:
        asked = Sampling(psi=psi)
    except ValueError as problem:
        raise BadInput(str(problem)) from problem
    return model.resampled(asked)


def _generator_notes(model: GANSynthesizer, noise: OutNoise | None) -> Iterator[str]:
    network = model.config.generator
    if network.truncation == "latent" and model.config.psi is not None:
        limit = f"±{model.config.psi:g}"
        yield f"its truncation is not in the file: draw every value of z anew until all are within {limit}"
    if network.layer_noise and noise is None:
        kept = "is the one that it stores, the same for all samples" if network.stores_noise else "is left out"
        yield f"the noise of its layers {kept}"


def _picture(model: PictureSynthesizer) -> _Drawing:
    network, (spec,) = model.config.picture, model.config.conditions
    assert spec.shape is not None
    channels, height, width = spec.shape
    least, multiple = max(network.least, network.multiple), network.multiple

    def batch(count: int, number: int) -> tuple[Tensor, ...]:
        # Where a network halves its sides down to one pixel, the trace would take that for an axis of always one.
        base = max(least, multiple * max(2, -(-_SIDE // multiple)))
        sides = ((base, base + multiple), (base + multiple, base), (least, least))[number % 3]
        generator = torch.Generator().manual_seed(number)
        return (torch.rand((count, channels, *sides), generator=generator) * 2 - 1,)

    return _Drawing(
        network=_Picture(model).eval(),
        inputs=(OnnxInput(name="given", free=FreeSides(multiple=multiple)),),
        words=(
            f"given (batch, {channels}, height, width), in [-1, 1], sides multiples of {multiple} and at least {least};"
            f" usual are {height} x {width}",
        ),
        batch=batch,
        notes=() if model.config.back is None else ("its network of the other way is not written",),
    )


class _Generator(nn.Module):
    """(z) or (z, label) to pictures in [-1, 1]."""

    def __init__(self, model: GANSynthesizer, noise: OutNoise) -> None:
        super().__init__()
        self.generator, self.noise = model.generator, noise
        network, config = model.config.generator, model.config
        self.layer_noise = network.layer_noise
        styled = network.truncation == "styles" and config.psi is not None
        self.truncation: dict[str, Any] = {"psi": config.psi, "cutoff": config.cutoff} if styled else {}

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        condition: Condition = {} if label is None else {"label": label}
        given = dict(self.truncation)
        if self.layer_noise:
            none = [z.new_zeros(z.shape[0], *shape) for shape in self.layer_noise]
            given["noise"] = "const" if self.noise == "stored" else none
        drawn: Tensor = self.generator(z, condition, **given)
        return drawn.clamp(-1, 1)


class _Decoder(nn.Module):
    """What a VAE or a VAE-GAN draws from the prior: z to pictures in [-1, 1]."""

    def __init__(self, model: VAESynthesizer | VAEGANSynthesizer) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        (stage,) = self.model.stages(z, {})
        return stage.x.clamp(-1, 1)


class _Picture(nn.Module):
    """Pictures in [-1, 1] to others, whole."""

    def __init__(self, model: PictureSynthesizer) -> None:
        super().__init__()
        self.picture, self.span = model.picture, model.config.picture.span

    def forward(self, given: Tensor) -> Tensor:
        low, high = self.span
        drawn: Tensor = self.picture((given + 1) * ((high - low) / 2) + low, {})
        return ((drawn - low) * (2 / (high - low)) - 1).clamp(-1, 1)


def _facts(model: Synthesizer, drawing: _Drawing) -> dict[str, str]:
    """The metadata of the file."""
    media = model.config.media
    facts = {
        "diorama.model": model_hash(model),
        "diorama.inputs": "; ".join(drawing.words),
        "diorama.classes": json.dumps(list(model.config.classes), ensure_ascii=False),
        "diorama.stored": json.dumps({"dtype": media.dtype, "low": media.low, "high": media.high}),
        "synthetic": _NOTICE,
        "DigitalSourceType": TRAINED,
    }
    return facts if drawing.psi is None else facts | {"diorama.psi": f"{drawing.psi:g}"}
