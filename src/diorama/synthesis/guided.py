"""One trained model guided by another."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from diorama.core.contracts import ConditionSpec
from diorama.core.errors import BadInput, WrongValue
from diorama.samplers.guidance.autoguidance import Autoguidance
from diorama.samplers.guidance.classifier import ClassifierGuidance
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.classifier import NoisyClassifier, NoisyClassifierConfig
from diorama.synthesis.conditions import SampleConditions
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.synthesis.guides import DenoiserGuideConfig, other_process


def guided_by(model: Synthesizer, guide: Synthesizer) -> DiffusionSynthesizer:
    """A model with another one as its guide, sharing the weights of both.

    Saved like any model (:func:`diorama.synthesis.store.save`), it has the guide in its folder.

    Args:
        model: what draws.
        guide: a smaller or an earlier model of the same media, conditions and noise process (autoguidance), or a
            classifier of noisy pictures (classifier guidance), on the same device. A model that reads no label can be
            asked for the classifier's from then on.

    Returns:
        The model at its own scale of guidance; :meth:`Synthesizer.resampled` sets another.

    Raises:
        BadInput: they are no such models, or the guide draws something else, has another noise process, or is given
            what the model is not.

    Reference: T. Karras et al., arXiv:2406.02507; P. Dhariwal, A. Nichol, arXiv:2105.05233.
    """
    if not isinstance(model, DiffusionSynthesizer):
        raise BadInput(f"model: is a {model.kind}, and must be a diffusion model")
    config = model.config
    try:
        if isinstance(guide, NoisyClassifier):
            changed = _with_classifier(config, guide.config)
        elif isinstance(guide, DiffusionSynthesizer):
            changed = _with_denoiser(model, guide)
        else:
            raise BadInput(f"guide: is a {guide.kind}, and must be a diffusion model or a noisy classifier")
    except ValueError as problem:
        raise BadInput(str(problem)) from problem
    assert changed.guide is not None
    built = copy.copy(model)
    # A table of its own, since a shallow copy shares that of the submodules with the model.
    built._modules = dict(model._modules)
    built.config = changed
    part = changed.guide.build().to(model.device).eval().requires_grad_(False)
    wanted = part.state_dict()
    part.load_state_dict({name: tensor for name, tensor in guide.state_dict().items() if name in wanted})
    built.guide = part
    return built


def _with_classifier(
    config: DiffusionSynthesizerConfig, classifier: NoisyClassifierConfig
) -> DiffusionSynthesizerConfig:
    names = classifier.names
    label = () if config.classes else (ConditionSpec(key="label", names=names, null=len(names)),)
    return replace(
        config, conditions=(*config.conditions, *label), guide=classifier, guidance_kind=ClassifierGuidance()
    )


def _with_denoiser(model: DiffusionSynthesizer, guide: DiffusionSynthesizer) -> DiffusionSynthesizerConfig:
    config, other = model.config, guide.config
    if other.drawn.shape != config.drawn.shape:
        raise BadInput(f"guide: draws {_size(guide)}, and the model {_size(model)}")
    if other.process != config.process:
        raise BadInput(f"guide: {other_process(other.process, config.process)}")
    if other.codec != config.codec:
        raise BadInput("guide: draws latents of another codec than the model")
    part = DenoiserGuideConfig(
        conditions=other.conditions,
        encoder=other.encoder,
        denoiser=other.denoiser,
        preconditioning=other.preconditioning,
    )
    return replace(config, guide=part, guidance_kind=Autoguidance())


def require_guidance(model: DiffusionSynthesizer, sampling: Sampling) -> None:
    """See that the guide of a model is asked.

    Args:
        model: of :func:`guided_by`.
        sampling: how it is drawn from.

    Raises:
        WrongValue: the scale is 1, or another kind of guidance is asked for.
    """
    asked = model.resampled(sampling).config
    if asked.guidance == 1:
        raise WrongValue("guide: at a guidance of 1 it changes nothing; give --guidance above 1 (2, say)")
    if asked.guidance_kind.beside not in ("guide", "classifier"):
        raise WrongValue(f"guide: {sampling.guidance_kind} asks no guide; leave --guide or --guidance-kind away")


def idle_guidance(asked: Sampling, model: Synthesizer, given: SampleConditions) -> str:
    """What is said where guidance is asked for that changes nothing; empty where it does.

    Args:
        asked: of a model.
        model: the model, as it draws then.
        given: what samples are given.
    """
    kind = asked.guidance_kind
    if kind is not None and asked.guidance is None and model.sampling.guidance == 1:
        return f"guidance-kind: {kind} changes nothing at a guidance of 1; give --guidance above 1 (2, say)"
    if asked.guidance is None or not isinstance(model, DiffusionSynthesizer) or model.config.guidance == 1:
        return ""
    beside = model.config.guidance_kind.beside
    if beside in ("unconditional", "classifier") and not given.words:
        what = "a label (--label CLASS, or all)" if model.config.classes else "what the model draws by (--prompt TEXT)"
        return f"guidance: a scale of {asked.guidance:g} changes nothing where samples are given nothing; give {what}"
    if beside == "guide" and _is_its_own_guide(model):
        return "guide: is the model itself, so that it changes nothing; take a smaller or an earlier model"
    return ""


def _is_its_own_guide(model: DiffusionSynthesizer) -> bool:
    if model.guide is None:
        return False
    own, guides = model.state_dict(), model.guide.state_dict()
    alike = (name in own and own[name].shape == guides[name].shape for name in guides)
    return all(alike) and all(torch.equal(own[name], guides[name]) for name in guides)


def _size(model: DiffusionSynthesizer) -> str:
    """What a model draws, in words: latents where it has a codec."""
    if model.config.codec is None:
        return model.config.media.in_words()
    return f"latents of {' x '.join(map(str, model.config.drawn.shape))}"
