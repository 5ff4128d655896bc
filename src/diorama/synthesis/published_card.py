"""The model card of an imported checkpoint."""

from __future__ import annotations

import json

from diorama.core.numbers import counted
from diorama.synthesis.base import SynthesizerConfig
from diorama.synthesis.classifier import NoisyClassifierConfig
from diorama.synthesis.picture import PictureSynthesizerConfig
from diorama.synthesis.published import PublishedModel


def card(model: PublishedModel) -> str:
    """The card, Markdown."""
    published = model.provenance.published
    assert published is not None, "what was published says so"
    notes = "".join(f"* {note}\n" for note in model.notes)
    return f"""# {published.network}, published in the layout {published.publisher}

{_drawn(model.config)} Nothing was trained here: the weights are those of the file below, whose
licence and origin its publisher knows.

| | |
|---|---|
| file | `{published.file}` |
| SHA-256 | `{published.sha256}` |
| config | `{json.dumps(published.config)}` |

{notes}
What it draws is synthetic, and the files that Diorama writes say so in their metadata.
"""


def _drawn(config: SynthesizerConfig) -> str:
    media = config.media
    if isinstance(config, PictureSynthesizerConfig):
        network = config.picture
        larger = f"{network.scale} times as high and wide" if network.scale > 1 else "as large"
        return f"Makes pictures of {network.outputs} channels of given ones of {network.inputs}, {larger}."
    if isinstance(config, NoisyClassifierConfig):
        told = counted(len(config.names), "label")
        return f"Tells {told} of noisy {media.width}×{media.height} pictures apart, and guides a model that draws such."
    what = f"{media.width}×{media.height} {'clips' if media.kind == 'video' else 'pictures'}"
    return f"Draws {what} of {media.channels} channels."
