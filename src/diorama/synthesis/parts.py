"""Trained models that another one uses as they are: codecs, text encoders, teachers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from diorama.core.errors import BadConfig, BadInput
from diorama.core.files import sha256_of
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.layout import shapes_of
from diorama.synthesis import store
from diorama.synthesis.published import published_model


@dataclass(frozen=True, kw_only=True)
class ModelRef:
    """Where a trained model is found: in a folder of ours, or in a file as somebody published it.

    Args:
        folder: a model folder or a run.
        publisher: whose layout the file has.
        file: the published file, where it lies here.
        sha256: of that file: what it is, wherever it lies.
    """

    folder: str | None = None
    publisher: str | None = None
    file: str | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        published = (self.publisher, self.file, self.sha256)
        whole = all(part is not None for part in published)
        if (self.folder is None) != whole or (not whole and any(part is not None for part in published)):
            raise ValueError(f"a model is named by its folder, or by publisher, file and sha256 together, got {self}")


@dataclass(frozen=True)
class FrozenPart:
    """A part that was loaded and is not trained, and the hash of what it is."""

    module: nn.Module
    sha256: str


def load_parts(
    refs: Mapping[str, ModelRef], wanted: Mapping[str, str], catalog: Sequence[object] = ()
) -> dict[str, FrozenPart]:
    """Load the parts that a method wants, on the CPU and in evaluation mode.

    Args:
        refs: where they are, by name.
        wanted: their names, with what each must be, in words.
        catalog: config classes of a user's own.

    Raises:
        BadConfig: as :func:`check_parts`.
        BadInput: one cannot be read; the message has its name and its path.
    """
    check_parts(refs, wanted)
    return {name: _load_part(name, ref, catalog) for name, ref in refs.items()}


def check_parts(refs: Mapping[str, ModelRef], wanted: Mapping[str, str]) -> None:
    """See that the parts that are given are those that are wanted, before any is loaded.

    Raises:
        BadConfig: one is missing, or none of those wanted; the message says how it is given.
    """
    for name in refs:
        if name not in wanted:
            known = ", ".join(wanted) or "none"
            raise BadConfig(f"frozen.{name}: the method of this recipe uses no such part; it uses {known}")
    missing = [name for name in wanted if name not in refs]
    if missing:
        told = "; ".join(f"--frozen.{name} FOLDER, {wanted[name]}" for name in missing)
        raise BadConfig(f"frozen: this recipe needs trained parts that are not given: {told}")


def require_folders(refs: Mapping[str, ModelRef]) -> None:
    """See that the parts that are folders hold models, without reading any.

    Raises:
        BadInput: one holds none; the message has its name and its path.
    """
    for name, ref in refs.items():
        if ref.folder is not None:
            with _named(name):
                store.require_model(Path(ref.folder))


def _load_part(name: str, ref: ModelRef, catalog: Sequence[object]) -> FrozenPart:
    with _named(name):
        if ref.folder is not None:
            return FrozenPart(store.load(ref.folder, catalog=catalog), store.model_hash(ref.folder))
        return _published_part(ref)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """What is wrong with a part becomes a message that begins with its name."""
    try:
        yield
    except (BadInput, BadConfig) as problem:
        raise BadInput(f"frozen.{name}: {problem}") from problem


def _published_part(ref: ModelRef) -> FrozenPart:
    assert ref.publisher is not None
    assert ref.file is not None
    assert ref.sha256 is not None
    path = Path(ref.file)
    try:
        found = sha256_of(path)
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror})") from problem
    if found != ref.sha256:
        raise BadInput(f"{path}: is another file than the one that is meant (SHA-256 {found}, not {ref.sha256})")
    module = read_published(ref.publisher, path).eval().requires_grad_(False)
    return FrozenPart(module, ref.sha256)


def read_published(publisher: str, path: Path) -> nn.Module:
    """A published generator as a synthesizer; any other published network by itself.

    Raises:
        BadInput: the file is not of that publisher, or something must be known that it does not say.
    """
    checkpoint = open_checkpoint(path)
    layout = checkpoint.layout
    if layout.publisher != publisher:
        raise BadInput(f"{path}: is in the layout of {layout.publisher!r}, not of {publisher!r}")
    if layout.role in ("generator", "denoiser"):
        model = published_model(checkpoint)
        synthesizer = model.config.build()
        synthesizer.load_state_dict(model.state)
        return synthesizer
    config = layout.read_config(checkpoint.config, shapes_of(checkpoint.tensors))
    network: nn.Module = config.build()
    network.load_state_dict(layout.import_state(config, checkpoint.tensors))
    return network
