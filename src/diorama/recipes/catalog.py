"""Names of the recipes, as strings: looking a recipe up imports nothing until it is called for."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal
from zlib import crc32

from diorama.core.errors import BadConfig, BadInput
from diorama.evaluation.catalog.entries import ExtractorEntry, MetricEntry

if TYPE_CHECKING:
    from diorama.core.contracts import DataInfo
    from diorama.training.recipe import Recipe

    RecipeFunction = Callable[[DataInfo], Recipe]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A recipe that ships with Diorama.

    Args:
        name: what ``diorama train`` is given.
        where: ``"module:function"``; the function takes a :class:`~diorama.core.contracts.DataInfo`.
        title: the system in a few words.
        summary: one line on what it is for.
        about: what the system is, for a reader who has not met it.
        kind: the media it trains on.
        references: keys in :mod:`diorama.core.references`, the main paper first.
        small: the recipe's counterpart for machines without a GPU.
    """

    name: str
    where: str
    title: str
    summary: str
    about: str
    kind: Literal["image", "video"] = "image"
    references: tuple[str, ...]
    small: str | None = None


_ABOUT_DCGAN = (
    "Two convolutional networks play against each other: one draws pictures from noise in a single pass, the other "
    "learns to tell them from real ones. Drawing is fast and edges are crisp; training can lose part of the data's "
    "variety."
)
_ABOUT_VAE = (
    "An encoder squeezes a picture into a few numbers that follow a known distribution, a decoder draws it again. "
    "Training is steady, one pass draws a sample and the likelihood has a bound; pictures come out soft."
)
_ABOUT_DDPM = (
    "A network learns to remove noise of every strength; a sample starts as pure noise and is cleaned in many small "
    "steps, here taken along the deterministic DDIM path. Quality and variety are high, drawing is slow."
)
_ABOUT_MOCOGAN = (
    "A clip is drawn from one code for what it shows and a sequence of codes for how it moves, frame by frame; one "
    "discriminator judges frames, another whole clips."
)
_ABOUT_LITE = (
    "A network learns features of pictures without labels: to tell pictures apart, to know how damaged they are and "
    "to keep what they look like. The package's own weights measure fd@lite."
)
_DCGAN, _VAE = ("radford2016dcgan",), ("kingma2014vae",)
_GUIDED = ("ho2020ddpm", "song2021ddim", "ho2022guidance")
_DDPM, _MOCOGAN = ("ho2020ddpm", "song2021ddim"), ("tulyakov2018mocogan",)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="dcgan",
        where="diorama.recipes.dcgan:dcgan",
        title="DCGAN",
        summary="convolutional GAN at the paper's size",
        about=_ABOUT_DCGAN,
        references=_DCGAN,
        small="dcgan_cpu",
    ),
    Entry(
        name="dcgan_cpu",
        where="diorama.recipes.dcgan:dcgan_cpu",
        title="DCGAN (small)",
        summary="DCGAN for a CPU: useful within minutes",
        about=_ABOUT_DCGAN,
        references=_DCGAN,
    ),
    Entry(
        name="vae",
        where="diorama.recipes.vae:vae",
        title="VAE",
        summary="convolutional variational autoencoder",
        about=_ABOUT_VAE,
        references=_VAE,
        small="vae_cpu",
    ),
    Entry(
        name="vae_cpu",
        where="diorama.recipes.vae:vae_cpu",
        title="VAE (small)",
        summary="VAE for a CPU: useful within minutes",
        about=_ABOUT_VAE,
        references=_VAE,
    ),
    Entry(
        name="ddpm",
        where="diorama.recipes.ddpm:ddpm",
        title="DDPM",
        summary="denoising diffusion at the paper's size, drawn by DDIM",
        about=_ABOUT_DDPM,
        references=_DDPM,
        small="ddpm_cpu",
    ),
    Entry(
        name="ddpm_cpu",
        where="diorama.recipes.ddpm:ddpm_cpu",
        title="DDPM (small)",
        summary="denoising diffusion for a CPU: useful within minutes",
        about=_ABOUT_DDPM,
        references=_DDPM,
    ),
    Entry(
        name="ddpm_class",
        where="diorama.recipes.ddpm:ddpm_class",
        title="DDPM with labels",
        summary="denoising diffusion of labelled pictures, with classifier-free guidance",
        about=_ABOUT_DDPM,
        references=_GUIDED,
        small="ddpm_class_cpu",
    ),
    Entry(
        name="ddpm_class_cpu",
        where="diorama.recipes.ddpm:ddpm_class_cpu",
        title="DDPM with labels (small)",
        summary="denoising diffusion of labelled pictures for a CPU",
        about=_ABOUT_DDPM,
        references=_GUIDED,
    ),
    Entry(
        name="mocogan",
        where="diorama.recipes.mocogan:mocogan",
        title="MoCoGAN",
        summary="video GAN with separate motion and content, at the paper's size",
        about=_ABOUT_MOCOGAN,
        kind="video",
        references=_MOCOGAN,
        small="mocogan_cpu",
    ),
    Entry(
        name="mocogan_cpu",
        where="diorama.recipes.mocogan:mocogan_cpu",
        title="MoCoGAN (small)",
        summary="video GAN for a CPU: useful within minutes",
        about=_ABOUT_MOCOGAN,
        kind="video",
        references=_MOCOGAN,
    ),
    Entry(
        name="lite",
        where="diorama.recipes.lite:lite",
        title="Lite features",
        summary="the feature network behind fd@lite, from colour pictures without labels",
        about=_ABOUT_LITE,
        references=("chen2020simclr", "bardes2022vicreg"),
    ),
    Entry(
        name="dcgan_toy",
        where="diorama.recipes.toy:dcgan_toy",
        title="DCGAN (toy)",
        summary="DCGAN that trains in about a minute on two cores",
        about=_ABOUT_DCGAN,
        references=_DCGAN,
    ),
    Entry(
        name="vae_toy",
        where="diorama.recipes.toy:vae_toy",
        title="VAE (toy)",
        summary="VAE that trains in about a minute on two cores",
        about=_ABOUT_VAE,
        references=_VAE,
    ),
    Entry(
        name="ddpm_toy",
        where="diorama.recipes.toy:ddpm_toy",
        title="DDPM (toy)",
        summary="denoising diffusion that trains in about a minute on two cores",
        about=_ABOUT_DDPM,
        references=_DDPM,
    ),
    Entry(
        name="mocogan_toy",
        where="diorama.recipes.toy:mocogan_toy",
        title="MoCoGAN (toy)",
        summary="video GAN that trains in about a minute on two cores",
        about=_ABOUT_MOCOGAN,
        kind="video",
        references=_MOCOGAN,
    ),
)


def names() -> list[str]:
    """Names of all recipes that ship with Diorama."""
    return [entry.name for entry in ENTRIES]


def find(name: str) -> Entry | None:
    """The entry of a shipped recipe; ``None`` for a user's own."""
    return next((entry for entry in ENTRIES if entry.name == name), None)


def check(name: str) -> None:
    """Refuse a name that :func:`resolve` would not know, without importing anything.

    Raises:
        BadConfig: there is no such recipe; the nearest name is given.
        BadInput: the file of ``file.py:function`` is missing.
    """
    if ":" in name:
        path = Path(name.rpartition(":")[0])
        if not path.is_file():
            raise BadInput(f"{path}: there is no such Python file")
    elif find(name) is None:
        own = " A recipe of your own is written file.py:function." if name.endswith(".py") else ""
        raise BadConfig(f"there is no recipe {name!r}{nearest(name, names())}; `diorama recipes` lists them.{own}")


def resolve(name: str) -> RecipeFunction:
    """The function that makes a recipe of what the data is.

    Args:
        name: a shipped recipe's name, or ``file.py:function`` for one's own.

    Raises:
        BadConfig: no such name (the nearest is given), or no such function in the file.
        BadInput: the file is missing or cannot be run.
    """
    check(name)
    entry = find(name)
    if entry is not None:
        module_name, _, function = entry.where.partition(":")
        return getattr(import_module(module_name), function)
    path, _, function = name.rpartition(":")
    module = load_file(Path(path))
    found = getattr(module, function, None)
    if not callable(found):
        raise BadConfig(f"{path} has no function {function!r}{nearest(function, vars(module))}")
    return found


def catalog_of(files: Iterable[str | Path]) -> tuple[Any, ...]:
    """The config classes, metrics and extractors that users' files name in their ``CATALOG``.

    Args:
        files: paths of Python files; a ``file.py:function`` may be given as well.

    Raises:
        BadInput: a file is missing or cannot be run, or its ``CATALOG`` holds something else.
    """
    found: list[Any] = []
    for file in files:
        path = Path(str(file).partition(".py:")[0] + ".py") if ".py:" in str(file) else Path(file)
        named = getattr(load_file(path), "CATALOG", ())
        if not isinstance(named, (tuple, list)):
            raise BadInput(f"{path}: CATALOG must be a tuple of config classes and metrics, got {named!r}")
        for item in named:
            if not isinstance(item, (type, MetricEntry, ExtractorEntry)):
                raise BadInput(f"{path}: CATALOG must hold config classes, metrics and extractors, got {item!r}")
            found.append(item)
    return tuple(found)


def load_file(path: Path) -> ModuleType:
    """Run a user's Python file once and return it as a module.

    Raises:
        BadInput: the file is missing or raises while it runs.
    """
    if not path.is_file():
        raise BadInput(f"{path}: there is no such Python file")
    # One module per file, however often it is named: its classes must stay identical between uses.
    name = f"diorama_user_{path.stem}_{crc32(str(path.resolve()).encode()):08x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path}: is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # As for a script, files beside it can be imported.
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        del sys.modules[name]
        raise BadInput(f"{path}: {type(problem).__name__} while it ran: {problem}") from problem
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def nearest(name: str, known: Iterable[str]) -> str:
    """`` (did you mean …?)`` with the known name that is closest; empty when none is close."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
