"""One player: a network that finds the clean sample in a noisy one.

It trains through the values that its synthesizer draws with: what goes into the network, what should come out of it and
how an output is understood are derived in one place, the preconditioning.

Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, algorithm 1; with a preconditioned network T. Karras et al.,
arXiv:2206.00364, equation 2; with a learned variance A. Nichol, P. Dhariwal, arXiv:2102.09672, section 3.1; on the
path of a flow Y. Lipman et al., arXiv:2210.02747, equation 14; on latents R. Rombach et al., arXiv:2112.10752,
equation 2; with learned uncertainty T. Karras et al., arXiv:2312.02696, equation 16; with augmented pictures T. Karras
et al., arXiv:2206.00364, appendix F.2; with dispersed features R. Wang, K. He, arXiv:2506.09027, equation 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn

from diorama.core.config import LATER, WORDS
from diorama.core.contracts import NOTHING_GIVEN, Batch, Condition, Level, Loss, Moment
from diorama.losses.uncertainty import uncertain
from diorama.methods.base import NO_PARTS, MethodConfig, Phase
from diorama.methods.diffusion.augmentation import NUMBERS, altered, check_augmentable, drawn_alteration
from diorama.methods.diffusion.bound import bound_of, check_bound, without_gradient_of_mean
from diorama.methods.diffusion.coupling import Coupling, matched
from diorama.methods.diffusion.denoiser import DenoiserMethod, Reduction, broadcast, reduced
from diorama.methods.diffusion.dispersion import DISPERSIONS, DispersiveConfig, check_dispersible
from diorama.methods.diffusion.from_scratch import codec_wanted, from_scratch
from diorama.networks.denoisers.augmented import told_of_augmentation
from diorama.networks.denoisers.uncertainty import UncertaintyConfig
from diorama.processes.catalog import AnyTimes, AnyWeighting
from diorama.processes.gaussian import Target, noised, target_of
from diorama.processes.precondition import halves
from diorama.processes.times import StepTimes
from diorama.processes.weighting import OUTPUT_WEIGHTINGS, LikelihoodWeighting, UniformWeighting
from diorama.synthesis.conditions import draws_partners, dropped
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig

Objective = Literal["error", "hybrid", "bound"]


@dataclass(frozen=True, kw_only=True)
class DiffusionMethodConfig(MethodConfig):
    """Training of a diffusion or flow model.

    Args:
        synthesizer: the model: network, process, preconditioning, conditions, and the sampler it will be used with.
            If it has a codec, the frozen part ``codec`` takes its place, whose latents must have the same shape.
        times: at which times of the process training looks.
        space: in which the squared error is taken: of the network's output, or of what the output says of the noise,
            the clean sample, the velocity, the score or the flow.
        weighting: of levels, in that space.
        objective: what is descended: that squared error; it and the variational bound, whose gradient then moves the
            variance alone (a network that learns one needs this or the next); or the bound alone.
        bound_weight: of the bound in bits per dimension, beside the squared error.
        reduction: of the squared errors to one number.
        coupling: which noise a sample meets, see :data:`~diorama.methods.diffusion.coupling.Coupling`; only noises
            of samples that are given the same label, caption and all else change places.
        uncertainty: a head, trained along and needed in training alone, that learns how large errors are at a level;
            they are divided by that, so that levels count alike. ``None`` for none.
        augment: probability of each alteration of training pictures, see
            :func:`~diorama.methods.diffusion.augmentation.drawn_alteration`. The network gets a layer that is told of
            them, so that it draws unaltered ones. The paper's is 0.12 for CIFAR-10 and 0.15 for faces; 0 for none.
        dispersion: a term that keeps the network's features of the samples of a micro-batch apart, see
            :func:`~diorama.methods.diffusion.dispersion.dispersive_loss`; ``None`` for none.
    """

    synthesizer: DiffusionSynthesizerConfig
    times: AnyTimes = field(default_factory=StepTimes)
    space: Literal["output"] | Target = "output"
    weighting: AnyWeighting = field(default_factory=UniformWeighting)
    objective: Objective = field(default="error", metadata={LATER: True})
    bound_weight: float = field(default=1e-3, metadata={LATER: True})
    reduction: Reduction = field(default="mean", metadata={LATER: True})
    coupling: Coupling = field(default="independent", metadata={LATER: True})
    uncertainty: UncertaintyConfig | None = field(default=None, metadata={LATER: True})
    augment: float = field(default=0.0, metadata={LATER: True})
    dispersion: DispersiveConfig | None = field(default=None, metadata={LATER: True, WORDS: DISPERSIONS})

    def __post_init__(self) -> None:
        if isinstance(self.weighting, OUTPUT_WEIGHTINGS) and self.space != "output":
            raise ValueError(
                f"space: this recipe's weighting is of errors of the network's output, not of its {self.space}; leave "
                "it at 'output'"
            )
        if isinstance(self.weighting, LikelihoodWeighting) and self.weighting.process != self.synthesizer.process:
            raise ValueError("weighting.process: must be the model's own, synthesizer.process")
        if not 0 < self.bound_weight < math.inf:
            raise ValueError(f"bound_weight must be positive, got {self.bound_weight}")
        learned = self.synthesizer.preconditioning.variance
        if self.objective == "error" and learned != "none":
            raise ValueError("objective: a squared error trains no variance; let it be 'hybrid' or 'bound'")
        if self.objective == "hybrid" and learned == "none":
            raise ValueError("objective: 'hybrid' is for networks that learn a variance; let it be 'error' or 'bound'")
        if self.objective != "error" and self.uncertainty is not None:
            raise ValueError("uncertainty: divides squared errors, and no bound; let the objective be 'error'")
        if self.objective != "error":
            check_bound(self.synthesizer, self.times)
        if not 0 <= self.augment <= 1:
            raise ValueError(f"augment must be in [0, 1], got {self.augment}")
        if self.augment:
            check_augmentable(self.synthesizer)
        if self.dispersion is not None:
            check_dispersible(self.synthesizer.denoiser)
        if self.coupling == "minibatch" and self.of_partners:
            raise ValueError(
                "coupling: noises that are matched across a batch would foretell the picture that the model is given; "
                "let it be 'independent'"
            )

    def parts_wanted(self) -> Mapping[str, str]:
        """``codec``, of a model that draws latents."""
        return codec_wanted(self.synthesizer)

    @property
    def of_partners(self) -> bool:
        """Where the model is given pictures."""
        return draws_partners(self.synthesizer.media, self.synthesizer.conditions)

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> DiffusionMethod:
        """The method with a freshly initialised network."""
        return DiffusionMethod(self, frozen)


class DiffusionMethod(DenoiserMethod):
    """See :class:`DiffusionMethodConfig`."""

    def __init__(self, config: DiffusionMethodConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        model = config.synthesizer
        if config.augment:
            model = replace(model, denoiser=told_of_augmentation(model.denoiser, NUMBERS))
        super().__init__(*from_scratch(model, frozen), codec_part="codec", frozen=NO_PARTS)
        self.config = config
        self.uncertainty = None if config.uncertainty is None else config.uncertainty.build()

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``denoiser``: the network, what reads the conditions for it, and the head that says how uncertain it is."""
        players = super().players()
        head = [] if self.uncertainty is None else list(self.uncertainty.parameters())
        return {"denoiser": [*players["denoiser"], *head]}

    def phases(self) -> Sequence[Phase]:
        """One turn; matching noises waits for the device, and comes before it."""
        prepare = self.coupled if self.config.coupling == "minibatch" else None
        return [Phase("loss", "denoiser", self.loss, recorded=True, sharded=True, prepare=prepare)]

    def coupled(self, batch: Batch) -> Batch:
        """A batch with noises that are matched to its clean samples, altered ones where training alters them."""
        clean, alteration = self._altered(batch)
        given = {spec.key: batch[spec.key] for spec in self.model.conditions}
        noise = matched(torch.randn_like(clean), clean, given)
        return {**batch, self.clean_key: clean, **alteration, "noise": noise}

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Mean weighted squared error at random times, over its learned variance where there is such a head; the
        variational bound, or both; and the dispersion of features. A batch of coupled noises comes from
        :meth:`coupled`."""
        config, process, preconditioning = self.config, self.model.process, self.model.preconditioning
        clean, alteration = self._altered(batch)
        t = config.times.draw(process, len(clean), clean.device)
        level = broadcast(process.at(t), clean.dim())
        noise = batch["noise"] if config.coupling == "minibatch" else torch.randn_like(clean)
        told = preconditioning.time(level).reshape(-1).float()
        given = {**self.encoded_condition(dropped(self.model.conditions, batch)), **alteration}
        scaled = preconditioning.input(level) * noised(clean, noise, level)
        if config.dispersion is None:
            return self._loss_of(self.denoiser(scaled, told, given), clean, noise, level)
        output, features = self.denoiser(scaled, told, given, features=True)
        loss = self._loss_of(output, clean, noise, level)
        return config.dispersion.added(loss, features, "bound" if config.objective == "bound" else "error")

    def _loss_of(self, output: Tensor, clean: Tensor, noise: Tensor, level: Level) -> Loss:
        """The loss of a network's output for samples with this noise at these levels, dispersion left out."""
        config, preconditioning, output = self.config, self.model.preconditioning, output.float()
        if config.objective == "bound":
            return Loss(self._bound(output, clean, noise, level))
        predicted, _ = halves(output, preconditioning.variance)
        weighted = config.weighting.weight(level, preconditioning) * self._error(predicted, clean, noise, level)
        error = reduced(weighted, config.reduction)
        if self.uncertainty is not None:
            told = preconditioning.time(level).reshape(-1).float()
            log_variance = self.uncertainty(told).float().reshape(-1, *[1] * (clean.dim() - 1))
            return Loss(reduced(uncertain(weighted, log_variance), config.reduction), {"error": error})
        if config.objective == "error":
            return Loss(error)
        # What the bound says of the mean is left to the squared error.
        bound = self._bound(without_gradient_of_mean(output), clean, noise, level)
        return Loss(error + config.bound_weight * bound, {"error": error, "bound": bound})

    def _bound(self, output: Tensor, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
        """The variational bound in bits per dimension, shape ()."""
        return bound_of(output, clean, noised(clean, noise, level), level.t.flatten(), self.model)

    def _altered(self, batch: Batch) -> tuple[Tensor, Condition]:
        """Clean samples, altered where training alters them, and what the network is told of that."""
        clean = self.clean_samples(batch)
        if not self.config.augment:
            return clean, NOTHING_GIVEN
        if "augment" in batch:
            # They were altered before noises were matched to them.
            return clean, {"augment": batch["augment"]}
        how = drawn_alteration(len(clean), self.config.augment, clean.device)
        return altered(clean, how), {"augment": how.numbers()}

    def _error(self, predicted: Tensor, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
        """Squared, in the config's space, of each pixel."""
        space, preconditioning = self.config.space, self.model.preconditioning
        if space == "output":
            return (predicted - preconditioning.target(clean, noise, level)).square()
        x = noised(clean, noise, level)
        found = preconditioning.clean(predicted, x, level)
        # What the prediction says of the noise is what it leaves of x.
        left = (x - level.alpha * found) / level.sigma
        return (target_of(space, found, left, level) - target_of(space, clean, noise, level)).square()
