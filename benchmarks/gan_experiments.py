"""What ``gan_trainings.py`` trains: for each experiment its data, its trainings, and what is measured of them.

Sources are the folders of the shared data sets, ``lfw_faces``, ``cats_dogs128`` and so on. A rehearsal (``tiny``) takes
smaller pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from diorama.core.contracts import DataInfo
from diorama.data.dataset import Dataset, open_dataset
from diorama.data.pack import pack_arrays
from diorama.data.prepare import prepare
from diorama.data.prepare_options import PrepareOptions
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.growth import Growth
from diorama.methods.adversarial.pix2pix import Pix2PixConfig
from diorama.networks.adversarial.r3gan import R3GANDiscriminatorConfig, R3GANGeneratorConfig
from diorama.training.recipe import AverageConfig, Recipe

FEW, OTHERS = 200, 1_000
"""Faces that ADA is trained on, and those that it is measured on."""
L1_ALONE = 1e6
"""Weight beside which the game of pix2pix counts for nothing."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training of an experiment.

    Args:
        recipe: a shipped recipe.
        small: what a rehearsal takes in its place; empty for the recipe's own small one.
        change: what is other than in the recipe.
        labelled: the recipe is told of the classes of the data.
        start: the training of the same experiment whose model it starts from.
    """

    recipe: str
    small: str = ""
    change: Callable[[Recipe], Recipe] = lambda recipe: recipe
    labelled: bool = False
    start: str = ""

    def seen(self, info: DataInfo) -> DataInfo:
        """The data as the recipe is told of them."""
        return info if self.labelled else replace(info, classes=())


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Several trainings on one data set.

    Args:
        about: what it is to show, in a line.
        data: (folder of all sources, folder to write, whether it is a rehearsal) -> the prepared set.
        trainings: by name; one that starts from another stands behind it.
        against: the split that samples are held against.
        metrics: of :func:`diorama.evaluation.run.evaluate`.
        measures: names of further measurements, of ``gan_measures.py``.
    """

    about: str
    data: Callable[[Path, Path, bool], Dataset]
    trainings: Mapping[str, Training]
    against: str | None = None
    metrics: tuple[str, ...] = ("fd@lite", "recall@lite")
    measures: tuple[str, ...] = field(default=())


def ready(source: Path, out: Path, options: PrepareOptions) -> Dataset:
    """The source, prepared once."""
    if not (out / "dataset.json").is_file():
        for _ in prepare(source, out, options):
            pass
    return open_dataset(out)


def pictures(file: str, side: int, **options: Any) -> Callable[[Path, Path, bool], Dataset]:
    """A set as it is prepared by ``--size``; a rehearsal has sides of 32."""
    return lambda sources, out, tiny: ready(sources / file, out, PrepareOptions(size=32 if tiny else side, **options))


def few_faces(sources: Path, out: Path, tiny: bool) -> Dataset:
    """200 faces to train on, and 1,000 of other persons as ``val``."""
    side = 32 if tiny else 64
    split = ready(
        sources / "lfw_faces/lfw_faces.tar.gz", out.with_name(f"lfw{side}"), PrepareOptions(size=side)
    ).training
    order = np.random.default_rng(0).permutation(len(split))
    persons = split.read(np.arange(len(split)), ["label"])["label"].numpy()
    train = order[:FEW]
    others = order[~np.isin(persons[order], persons[train])][:OTHERS]
    return pack_arrays(
        out,
        {"train": split.stored(np.sort(train)), "val": split.stored(np.sort(others))},
        split.info.media,
        name=f"{FEW} faces",
    )


def retina(sources: Path, out: Path, tiny: bool) -> Dataset:
    """Photographs of the retina beside the maps of their vessels, made square by black."""
    folder = sources / "med_retina_vessels"
    side = 32 if tiny else 256
    options = PrepareOptions(size=side, fit="pad", table=folder / "index.csv", pair="vessels", group="subject")
    return ready(folder / "med_retina_vessels.zip", out, options)


def cifar(sources: Path, out: Path, tiny: bool) -> Dataset:
    """CIFAR-10; a rehearsal trains on its test pictures alone."""
    train, test = (sources / "cifar10" / f"{name}.tar.gz" for name in ("train", "test"))
    if tiny:
        return ready(test, out, PrepareOptions(size=32, split=(0.8, 0.1, 0.1)))
    return ready(train, out, PrepareOptions(size=32, test=(test,)))


def photographs(sources: Path, out: Path, tiny: bool) -> Dataset:
    """Photographs and smaller ones of them, a quarter as large."""
    large = 64 if tiny else 192
    return ready(sources / "sr_bsd100_crops/train.zip", out, PrepareOptions(size=large, small=large // 4))


def with_method(recipe: Recipe, **changes: Any) -> Recipe:
    """The recipe with other values of its method."""
    return replace(recipe, method=replace(recipe.method, **changes))


def quick_ada(recipe: Recipe) -> Recipe:
    """Augmentation that follows five times as fast as in a run of millions of pictures."""
    assert isinstance(recipe.method, GANConfig)
    assert isinstance(recipe.method.augment, AdaptiveAugmentationConfig)
    return with_method(recipe, augment=replace(recipe.method.augment, images=100_000))


def narrow_r3gan(width: int, peak: float) -> Callable[[Recipe], Recipe]:
    """R3GAN of that width in all stages, with other rates and an average for minutes; rehearsals keep their own."""

    def change(recipe: Recipe) -> Recipe:
        method = recipe.method
        assert isinstance(method, GANConfig)
        assert isinstance(method.generator, R3GANGeneratorConfig)
        assert isinstance(method.discriminator, R3GANDiscriminatorConfig)
        if max(method.generator.widths) <= width:
            return recipe
        stages = len(method.generator.widths)
        widths: dict[str, Any] = {"widths": (width,) * stages, "groups": (width // 8,) * stages}
        changed = with_method(
            recipe,
            generator=replace(method.generator, **widths),
            discriminator=replace(method.discriminator, **widths),
        )
        return for_minutes(with_rates(changed, lambda _: peak))

    return change


def narrow_stylegan2(width: int, batch: int) -> Callable[[Recipe], Recipe]:
    """StyleGAN2 of so many channels at most, in larger batches with rates that go with their square root, and with
    augmentation and an average for minutes."""

    def change(recipe: Recipe) -> Recipe:
        method = recipe.method
        assert isinstance(method, GANConfig)
        if getattr(method.generator, "channel_max", 0) <= width:
            return quick_ada(recipe)
        narrower = with_method(
            recipe,
            generator=replace(method.generator, channel_max=width),  # type: ignore[call-arg]
            discriminator=replace(method.discriminator, channel_max=width),  # type: ignore[call-arg]
        )
        times = (batch / recipe.batch_size) ** 0.5
        return for_minutes(quick_ada(with_rates(replace(narrower, batch_size=batch), lambda peak: peak * times)))

    return change


def with_rates(recipe: Recipe, peak_of: Callable[[float], float]) -> Recipe:
    """The recipe with another peak of each rate, made of its own."""
    optimizers = {
        name: replace(each, rate=replace(each.rate, peak=peak_of(each.rate.peak)))
        for name, each in recipe.optimizers.items()
    }
    return replace(recipe, optimizers=optimizers)


def for_minutes(recipe: Recipe) -> Recipe:
    """The recipe with an average of the generator over its last twentieth, which follows from the start."""
    half_life = max(recipe.batch_size, recipe.images // 20)
    average = AverageConfig(half_life=half_life, ramp_up=0.05, buffers="copied")
    return replace(recipe, averages={recipe.exported_average: average})


def two_growths(recipe: Recipe) -> Recipe:
    """Growth from a quarter of the side on, each span a sixth of the run: the last one is twice as long."""
    method = recipe.method
    assert isinstance(method, GANConfig)
    scales = len(method.generator.widths)  # type: ignore[union-attr]
    span = recipe.images // 6
    return with_method(recipe, growth=Growth(first=scales - 3, steady=span, fading=span))


def of_maps(recipe: Recipe) -> Recipe:
    """The photograph is drawn of the map beside it."""
    return with_method(recipe, direction="to_record")


def l1_alone(recipe: Recipe) -> Recipe:
    """The same, with no game to speak of."""
    assert isinstance(recipe.method, Pix2PixConfig)
    return with_method(of_maps(recipe), l1=L1_ALONE)


PLAIN = Training(recipe="stylegan2_ada", change=lambda recipe: with_method(recipe, augment=None))
CATS_DOGS, FACES = "cats_dogs128/cats_dogs128.zip", "utkface/utkface.tar.gz"

EXPERIMENTS: Mapping[str, Experiment] = {
    "ada": Experiment(
        about="200 faces: with ADA a run does not end far above its best",
        data=few_faces,
        trainings={"plain": PLAIN, "ada": Training(recipe="stylegan2_ada", change=quick_ada)},
        against="val",
    ),
    "few": Experiment(
        about="1,800 cats and dogs: what is made for few pictures, against dcgan and ddpm",
        data=pictures(CATS_DOGS, 128),
        trainings={name: Training(recipe=name) for name in ("fastgan", "r3gan", "dcgan", "ddpm")},
    ),
    "faces": Experiment(
        about="4,000 faces: four GANs under one budget",
        data=pictures(FACES, 64),
        trainings={
            "stylegan2": Training(recipe="stylegan2_ada", change=quick_ada),
            **{name: Training(recipe=name) for name in ("r3gan", "fastgan", "dcgan")},
        },
        measures=("inversion",),
    ),
    "vae_gan": Experiment(
        about="4,000 faces: an autoencoder with and without a game",
        data=pictures(FACES, 64),
        trainings={name: Training(recipe=name) for name in ("vae_gan", "vae")},
    ),
    "cifar": Experiment(
        about="CIFAR-10 without labels in minutes",
        data=cifar,
        trainings={
            "r3gan": Training(recipe="r3gan"),
            "stylegan2": Training(recipe="stylegan2_cifar", small="stylegan2_cpu"),
            "biggan": Training(recipe="biggan"),
            "dcgan": Training(recipe="dcgan"),
            "r3gan_384": Training(recipe="r3gan", change=narrow_r3gan(384, 3e-4)),
            "r3gan_256": Training(recipe="r3gan", change=narrow_r3gan(256, 5e-4)),
            "stylegan2_256": Training(
                recipe="stylegan2_cifar", small="stylegan2_cpu", change=narrow_stylegan2(256, 128)
            ),
            "stylegan2_128": Training(
                recipe="stylegan2_cifar", small="stylegan2_cpu", change=narrow_stylegan2(128, 256)
            ),
        },
    ),
    "cifar_labels": Experiment(
        about="CIFAR-10 by label in minutes",
        data=cifar,
        trainings={name: Training(recipe=name, labelled=True) for name in ("biggan", "r3gan")},
    ),
    "progressive": Experiment(
        about="faces through two growths: better at the end than before the second",
        data=pictures(FACES, 64),
        trainings={"progressive": Training(recipe="progressive", change=two_growths)},
        measures=("before_last_growth",),
    ),
    "cats_to_dogs": Experiment(
        about="cats made dogs: nearer to dogs than untouched cats",
        data=pictures(CATS_DOGS, 128, unpaired="dog"),
        trainings={"cyclegan": Training(recipe="cyclegan")},
        against="test",
        metrics=("fd@lite",),
        measures=("untouched",),
    ),
    "retina": Experiment(
        about="vessels made photographs: against the mean photograph, and against L1 alone",
        data=retina,
        trainings={
            "pix2pix": Training(recipe="pix2pix", change=of_maps),
            "l1": Training(recipe="pix2pix", change=l1_alone),
        },
        against="test",
        metrics=("fd@lite", "ssim"),
        measures=("mean_photograph",),
    ),
    "enlarge": Experiment(
        about="photographs four times larger: the PSNR stage, then the game",
        data=photographs,
        trainings={
            "rrdb_psnr": Training(recipe="rrdb_psnr"),
            "esrgan": Training(recipe="esrgan", start="rrdb_psnr"),
        },
        metrics=(),
        measures=("enlarged",),
    ),
    "inpaint": Experiment(
        about="holes in faces: against biharmonic filling",
        data=pictures(FACES, 64),
        trainings={"inpaint_gan": Training(recipe="inpaint_gan")},
        metrics=(),
        measures=("filled",),
    ),
}
