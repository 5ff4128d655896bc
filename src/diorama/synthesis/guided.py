"""One trained model guided by another."""

from __future__ import annotations

import copy
from dataclasses import replace

from diorama.core.errors import BadInput
from diorama.samplers.guidance.autoguidance import Autoguidance
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.guides import DenoiserGuideConfig


def guided_by(model: Synthesizer, guide: Synthesizer) -> DiffusionSynthesizer:
    """A model with another one as its guide, sharing the weights of both: autoguidance.

    Saved like any model (:func:`diorama.synthesis.store.save`), it has the guide in its folder.

    Args:
        model: what draws.
        guide: a smaller or an earlier model of the same media, conditions and noise process, on the same device.

    Returns:
        The model at its own scale of guidance; :meth:`Synthesizer.resampled` sets another.

    Raises:
        BadInput: one of them is no diffusion model, or the guide draws something else, has another noise process, or
            is given what the model is not.

    Reference: T. Karras et al., arXiv:2406.02507.
    """
    for each, name in ((model, "model"), (guide, "guide")):
        if not isinstance(each, DiffusionSynthesizer):
            raise BadInput(f"{name}: is a {type(each).__name__}, and must be a diffusion model")
    assert isinstance(model, DiffusionSynthesizer)
    assert isinstance(guide, DiffusionSynthesizer)
    config, other = model.config, guide.config
    if other.drawn.shape != config.drawn.shape:
        raise BadInput(f"guide: draws {_size(guide)}, and the model {_size(model)}")
    if other.process != config.process:
        raise BadInput(f"guide: its noise process is {other.process}, and the model's {config.process}")
    if other.codec != config.codec:
        raise BadInput("guide: draws latents of another codec than the model")
    try:
        changed = replace(
            config,
            guide=DenoiserGuideConfig(
                conditions=other.conditions,
                encoder=other.encoder,
                denoiser=other.denoiser,
                preconditioning=other.preconditioning,
            ),
            guidance_kind=Autoguidance(),
        )
    except ValueError as problem:
        raise BadInput(str(problem)) from problem
    built = copy.copy(model)
    # A module of its own, since a shallow copy shares the table of submodules with the model.
    built._modules = dict(model._modules)
    built.config = changed
    assert changed.guide is not None
    built.guide = changed.guide.build().to(model.device).eval().requires_grad_(False)
    built.guide.denoiser.load_state_dict(guide.denoiser.state_dict())
    if built.guide.encoder is not None and guide.encoder is not None:
        built.guide.encoder.load_state_dict(guide.encoder.state_dict())
    return built


def require_guidance(model: DiffusionSynthesizer, sampling: Sampling) -> None:
    """See that the guide of a model is asked.

    Args:
        model: of :func:`guided_by`.
        sampling: how it is drawn from.

    Raises:
        BadInput: the scale is 1, or another kind of guidance is asked for.
    """
    asked = model.resampled(sampling).config
    if asked.guidance == 1:
        raise BadInput("guide: at a guidance of 1 it changes nothing; give --guidance above 1 (2, say)")
    if asked.guidance_kind.weaker != "guide":
        raise BadInput(f"guide: {sampling.guidance_kind} asks no guide; leave --guide or --guidance-kind away")


def _size(model: DiffusionSynthesizer) -> str:
    """What a model draws, in words: latents where it has a codec."""
    if model.config.codec is None:
        return model.config.media.in_words()
    return f"latents of {' x '.join(map(str, model.config.drawn.shape))}"
