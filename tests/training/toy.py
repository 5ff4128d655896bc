"""Two methods small enough to train in tests: players with a lazy penalty, and a flow of one phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.core.contracts import Batch, Condition, Loss, MediaSpec, Moment, Stage
from diorama.data.pack import pack_arrays
from diorama.methods.base import NO_PARTS, Method, MethodConfig, Phase
from diorama.synthesis import store
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from diorama.synthesis.parts import ModelRef
from diorama.synthesis.provenance import Provenance
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

MEDIA = MediaSpec(kind="image", channels=3, height=4, width=4)
_PIXELS = 3 * 4 * 4
_LATENT = 4


class Generator(nn.Module):
    """Latent (b, 4) to pictures (b, 3, 4, 4), with state of every kind: weights, running statistics, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(_LATENT, 16)
        self.norm = nn.BatchNorm1d(16)
        self.drop = nn.Dropout(0.1)
        self.outer = nn.Conv2d(1, 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        hidden = self.drop(F.relu(self.norm(self.inner(z))))
        return torch.tanh(self.outer(hidden.view(-1, 1, 4, 4)))


def discriminator() -> nn.Module:
    """Pictures (b, 3, 4, 4) to logits (b, 1)."""
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Softplus(), nn.Flatten(), nn.Linear(64, 1))


@dataclass(frozen=True, kw_only=True)
class ToySynthesizerConfig(SynthesizerConfig):
    media: MediaSpec = MEDIA

    def build(self) -> ToySynthesizer:
        return ToySynthesizer(self)


class ToySynthesizer(Synthesizer):
    def __init__(self, config: ToySynthesizerConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = Generator()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (_LATENT,)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        yield Stage(x=self.generator(noise))


@dataclass(frozen=True, kw_only=True)
class ToyGANConfig(MethodConfig):
    """Args:
    penalty: weight of R1.
    poison: step at which the generator's loss is not finite.
    """

    penalty: float = 1.0
    poison: int = -1

    def build(self) -> ToyGAN:
        return ToyGAN(self)


class ToyGAN(Method):
    def __init__(self, config: ToyGANConfig) -> None:
        super().__init__()
        self.config = config
        self.generator, self.discriminator = Generator(), discriminator()
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("jitter", torch.zeros(()))

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        return {
            "generator": list(self.generator.parameters()),
            "discriminator": list(self.discriminator.parameters()),
        }

    def phases(self) -> Sequence[Phase]:
        return (
            Phase("discriminator", "discriminator", self.judge),
            Phase("discriminator.r1", "discriminator", self.r1, interval=4, weight=4.0, second_order=True),
            Phase("generator", "generator", self.draw_loss),
        )

    def averaged(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator}

    def synthesizer(self) -> ToySynthesizerConfig:
        return ToySynthesizerConfig()

    def after_step(self, moment: Moment) -> None:
        self.seen.fill_(moment.images)
        self.jitter.add_(torch.randn(()))

    def draw(self, batch: Batch) -> Tensor:
        return self.generator(torch.randn(len(batch["image"]), _LATENT, device=batch["image"].device))

    def judge(self, batch: Batch, moment: Moment) -> Loss:
        with torch.no_grad():
            drawn = self.draw(batch)
        real, fake = self.discriminator(batch["image"]), self.discriminator(drawn)
        return Loss((F.softplus(fake) + F.softplus(-real)).mean(), {"real": real.mean()})

    def r1(self, batch: Batch, moment: Moment) -> Loss:
        x = batch["image"].detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.discriminator(x).sum(), x, create_graph=True)
        return Loss(self.config.penalty * gradient.square().sum((1, 2, 3)).mean())

    def draw_loss(self, batch: Batch, moment: Moment) -> Loss:
        value = F.softplus(-self.discriminator(self.draw(batch))).mean()
        return Loss(value * float("nan") if moment.step == self.config.poison else value)


@dataclass(frozen=True, kw_only=True)
class ToyFlowConfig(MethodConfig):
    def build(self) -> ToyFlow:
        return ToyFlow()


class ToyFlow(Method):
    """One player: a generator that is pulled towards the data's mean, so that its loss must fall."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = Generator()

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        return {"generator": list(self.generator.parameters())}

    def phases(self) -> Sequence[Phase]:
        return (Phase("flow", "generator", self.loss, sharded=True),)

    def averaged(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator}

    def synthesizer(self) -> ToySynthesizerConfig:
        return ToySynthesizerConfig()

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        x = batch["image"]
        return Loss((self.generator(torch.randn(len(x), _LATENT, device=x.device)) - x).square().mean())


@dataclass(frozen=True, kw_only=True)
class ToySteadyConfig(MethodConfig):
    def build(self) -> ToySteady:
        return ToySteady()


class ToySteady(ToyFlow):
    """A flow that draws nothing and keeps no statistics, with a weight that has no axes."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        return {"generator": [*self.generator.parameters(), self.gain]}

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        x = batch["image"]
        self.generator.eval()
        return Loss((self.gain * self.generator(x.flatten(1)[:, :_LATENT]) - x).square().mean())


@dataclass(frozen=True, kw_only=True)
class ToyFitConfig(MethodConfig):
    def build(self) -> ToyFit:
        return ToyFit()


class ToyFit(Method):
    """Draws nothing and keeps no statistics, so that its weights are a function of the data alone."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.reader = Generator(), discriminator()
        self.unused = nn.Parameter(torch.ones(3))

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        return {"reader": [*self.reader.parameters(), self.unused]}

    def phases(self) -> Sequence[Phase]:
        return (Phase("fit", "reader", self.fit), Phase("slope", "reader", self.slope, interval=2, second_order=True))

    def averaged(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator}

    def synthesizer(self) -> ToySynthesizerConfig:
        return ToySynthesizerConfig()

    def fit(self, batch: Batch, moment: Moment) -> Loss:
        x = batch["image"]
        return Loss((self.reader(x)[:, 0] - x.mean((1, 2, 3))).square().mean())

    def slope(self, batch: Batch, moment: Moment) -> Loss:
        x = batch["image"].detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.reader(x).sum(), x, create_graph=True)
        return Loss(0.01 * gradient.square().sum((1, 2, 3)).mean())


@dataclass(frozen=True, kw_only=True)
class ToyStudentSynthesizerConfig(SynthesizerConfig):
    """Draws with a network of its own and a codec of somebody else's."""

    codec: ToySynthesizerConfig
    media: MediaSpec = MEDIA

    def build(self) -> ToyStudentSynthesizer:
        return ToyStudentSynthesizer(self)


class ToyStudentSynthesizer(Synthesizer):
    def __init__(self, config: ToyStudentSynthesizerConfig) -> None:
        super().__init__()
        self.config = config
        self.student = nn.Linear(_LATENT, _LATENT)
        self.codec = config.codec.build()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (_LATENT,)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        yield Stage(x=self.codec.generator(self.student(noise)))


@dataclass(frozen=True, kw_only=True)
class ToyStudentConfig(MethodConfig):
    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> ToyStudent:
        return ToyStudent(frozen)

    def parts_wanted(self) -> Mapping[str, str]:
        return {"codec": "a toy that decodes", "teacher": "a toy that is imitated"}


class ToyStudent(Method):
    """Imitates a frozen teacher through a frozen codec; of both the codec alone is needed to draw."""

    def __init__(self, frozen: Mapping[str, nn.Module]) -> None:
        super().__init__(frozen)
        self.student = nn.Linear(_LATENT, _LATENT)

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        return {"student": list(self.student.parameters())}

    def phases(self) -> Sequence[Phase]:
        return (Phase("imitation", "student", self.loss),)

    def averaged(self) -> Mapping[str, nn.Module]:
        return {"student": self.student}

    def synthesizer(self) -> ToyStudentSynthesizerConfig:
        codec = self.frozen["codec"]
        assert isinstance(codec, ToySynthesizer)
        return ToyStudentSynthesizerConfig(codec=codec.config)

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        codec, teacher = self.frozen["codec"], self.frozen["teacher"]
        assert isinstance(codec, ToySynthesizer)
        assert isinstance(teacher, ToySynthesizer)
        z = torch.randn(len(batch["image"]), _LATENT, device=batch["image"].device)
        return Loss((codec.generator(self.student(z)) - teacher.generator(z)).square().mean())


CATALOG = (ToySynthesizerConfig, ToyStudentSynthesizerConfig)


def optimizer(peak: float = 1e-2, clip: float | None = 5.0) -> OptimizerConfig:
    return OptimizerConfig(rate=RateConfig(peak=peak, warmup=32), betas=(0.5, 0.99), clip=clip)


def gan_recipe() -> Recipe:
    """Forty steps of sixteen pictures, saved every eighty pictures."""
    return Recipe(
        name="toy_gan",
        method=ToyGANConfig(),
        optimizers={"generator": optimizer(), "discriminator": optimizer()},
        images=640,
        batch_size=16,
        micro_batch=8,
        flip=True,
        precision="fp32",
        averages={"ema": AverageConfig(half_life=100)},
        evaluation=EvaluationConfig(samples=0),
        checkpoint_every=80,
        log_every=48,
        seed=3,
    )


def flow_recipe() -> Recipe:
    return replace(
        gan_recipe(), name="toy_flow", method=ToyFlowConfig(), optimizers={"generator": optimizer()}, images=320
    )


def steady_recipe() -> Recipe:
    """Twenty steps that are the same for any number of processes, with gradients that are always clipped."""
    players = {"generator": optimizer(clip=0.05)}
    return replace(
        flow_recipe(), name="toy_steady", method=ToySteadyConfig(), optimizers=players, micro_batch=4, keep=10
    )


def measured_recipe() -> Recipe:
    """Four steps whose last model is measured; one resume state is kept, and written anew with what was measured."""
    evaluation = EvaluationConfig(metric="fd@lite", samples=20)
    return replace(flow_recipe(), name="toy_measured", images=64, keep=1, evaluation=evaluation)


def fit_recipe() -> Recipe:
    players = {"reader": optimizer()}
    return replace(gan_recipe(), name="toy_fit", method=ToyFitConfig(), optimizers=players, images=320, micro_batch=4)


def student_recipe(parts: Mapping[str, ModelRef]) -> Recipe:
    """Twenty steps with frozen parts."""
    players = {"student": optimizer()}
    return replace(flow_recipe(), name="toy_student", method=ToyStudentConfig(), optimizers=players, frozen=parts)


def write_model(folder: Path, seed: int) -> ModelRef:
    """A toy model of initial weights, with running statistics that training would move."""
    torch.manual_seed(seed)
    model = ToySynthesizerConfig().build()
    nn.init.normal_(model.generator.norm.running_mean)
    store.save(folder, model.config, model.state_dict(), Provenance(recipe=f"toy {seed}"), "a card")
    return ModelRef(folder=str(folder))


def write_data(folder: Path) -> Path:
    """Sixty-four training pictures and thirty-two for validation."""
    draws = np.random.default_rng(0)
    splits = {"train": 64, "val": 32}
    pictures = {name: draws.integers(0, 256, (n, 4, 4, 3), dtype=np.uint8) for name, n in splits.items()}
    pack_arrays(folder, pictures, MEDIA, name="toy")
    return folder
