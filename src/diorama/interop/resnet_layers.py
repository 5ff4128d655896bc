"""Names of the layers that CycleGAN's and pix2pixHD's generators share, in one sequence in which paddings, norms and
activations take a place each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from diorama.core.errors import BadInput
from diorama.interop.layout import Shapes
from diorama.interop.plain_norms import told_norm
from diorama.networks.adversarial.cyclegan import ResnetLayers

PaddingName = Literal["reflect", "replicate", "zero"]
_BLOCK = "conv_block"


@dataclass(frozen=True)
class ResnetFacts:
    """What the tensors tell of such a generator.

    Args:
        channels: of the pictures that are given.
        width: of the first map.
        outputs: of the last convolution of the sequence.
        halvings: how often the picture is halved.
        blocks: residual blocks.
        padding: ``zero``, or ``reflect`` where it may be ``replicate`` too; ``None`` without blocks.
        dropout: whether the blocks have a place for it.
    """

    channels: int
    width: int
    outputs: int
    halvings: int
    blocks: int
    padding: PaddingName | None
    dropout: bool


Rows = dict[str, str]
"""What our modules are called in the published layout."""


def convolutions(shapes: Shapes, sequence: str) -> list[int]:
    """The places, in their order, of the convolutions that lie in a sequence itself."""
    pattern = re.compile(rf"{re.escape(sequence)}\.(\d{{1,4}})\.weight")
    found = ((pattern.fullmatch(name), shape) for name, shape in shapes.items())
    return sorted(int(match[1]) for match, shape in found if match and len(shape) == 4)


def resnet_facts(shapes: Shapes, sequence: str, *, whole: bool = True) -> ResnetFacts | None:
    """Read the tensors of a sequence; ``None`` where they are of no such generator.

    Args:
        shapes: of the published tensors.
        sequence: the beginning of their names.
        whole: whether the last convolution is the one that draws the picture.
    """
    places = convolutions(shapes, sequence)
    if not places or places[0] != 1 or len(places) % 2 == whole:
        return None
    first, last = (shapes[f"{sequence}.{place}.weight"] for place in (places[0], places[-1]))
    if first[2:] != (7, 7) or (whole and last[2:] != (7, 7)):
        return None
    blocks = places_of_blocks(shapes, sequence)
    inside = convolutions(shapes, f"{sequence}.{blocks[0]}.{_BLOCK}") if blocks else []
    if blocks and (len(inside) != 2 or inside[0] not in (0, 1)):
        return None
    padded = bool(inside and inside[0])
    return ResnetFacts(
        channels=first[1],
        width=first[0],
        outputs=last[0],
        halvings=(len(places) - 1 - whole) // 2,
        blocks=len(blocks),
        padding=None if not inside else "reflect" if padded else "zero",
        dropout=bool(inside) and inside[1] - inside[0] == 4 + padded,
    )


def places_of_blocks(shapes: Shapes, sequence: str) -> list[int]:
    """The places, in their order, of the residual blocks that lie in a sequence."""
    pattern = re.compile(rf"{re.escape(sequence)}\.(\d{{1,4}})\.{_BLOCK}\..*")
    return sorted({int(match[1]) for match in map(pattern.fullmatch, shapes) if match})


def told_of_whole(shapes: Shapes, facts: ResnetFacts) -> dict[str, Any]:
    """The arguments that both projects' whole generators have, as far as the tensors tell them."""
    return {
        "input_nc": facts.channels,
        "output_nc": facts.outputs,
        "ngf": facts.width,
        "n_blocks": facts.blocks,
        "norm": told_norm(shapes, "model.1.bias", "model.2.weight"),
    } | ({} if facts.padding is None else {"padding_type": facts.padding})


def padding_taken(padding: PaddingName, blocks: int, given: Mapping[str, Any]) -> tuple[str, ...]:
    """What is said of the padding of residual blocks where neither tensors nor the config ``given`` tell it.

    Args:
        padding: as it was taken.
        blocks: how many residual blocks there are.
        given: the published config.
    """
    if not blocks or padding == "zero" or "padding_type" in given:
        return ()
    return (
        f"its tensors do not tell whether residual blocks reflect or replicate at the border: took {padding!r}, as the "
        "published programs do; padding_type in --config says it",
    )


def block_rows(ours: str, theirs: str, layers: ResnetLayers) -> Rows:
    """A residual block: what pads has a place before each convolution, but zeros have none."""
    padded = layers.padding != "zero"
    first = int(padded)
    second = first + 3 + layers.dropout + padded
    inner = f"{theirs}.{_BLOCK}"
    rows = {f"{ours}.first": f"{inner}.{first}", f"{ours}.first_norm": f"{inner}.{first + 1}"}
    return rows | {f"{ours}.second": f"{inner}.{second}", f"{ours}.second_norm": f"{inner}.{second + 1}"}


def layer_rows(ours: str, theirs: str, place: int) -> Rows:
    """A convolution and its norm, which follow one another."""
    return {f"{ours}.conv": f"{theirs}.{place}", f"{ours}.norm": f"{theirs}.{place + 1}"}


def body_rows(sequence: str, halvings: int, blocks: int, layers: ResnetLayers) -> tuple[Rows, int]:
    """The table of a body, and the place that follows it."""
    rows = layer_rows("body.first", sequence, 1)
    place = 4
    for step in range(halvings):
        rows |= layer_rows(f"body.downs.{step}", sequence, place)
        place += 3
    for block in range(blocks):
        rows |= block_rows(f"body.blocks.{block}", f"{sequence}.{place}", layers)
        place += 1
    for step in range(halvings):
        rows |= layer_rows(f"body.ups.{step}", sequence, place)
        place += 3
    return rows, place


def whole_table(halvings: int, blocks: int, layers: ResnetLayers) -> Rows:
    """The table of a generator in one sequence; the last convolution follows what pads for it."""
    rows, place = body_rows("model", halvings, blocks, layers)
    return {**rows, "head": f"model.{place + 1}"}


def refuse_many(counts: Iterable[tuple[str, int]], most: int) -> None:
    """Refuse counts that no network has: each doubles something.

    Raises:
        BadInput: the message names the argument.
    """
    for name, count in counts:
        if count > most:
            raise BadInput(f"{name}: {count} are more than {most}")
