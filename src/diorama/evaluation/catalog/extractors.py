"""The feature networks."""

from __future__ import annotations

from diorama.evaluation.catalog.entries import CLIP, ExtractorEntry

LITE = ExtractorEntry(
    name="lite",
    load="diorama.evaluation.extractors:lite_extractor",
    resize="none from 32 to 128 px, else bilinear to the nearer",
)
LITE2 = ExtractorEntry(
    name="lite2",
    load="diorama.evaluation.extractors:lite2_extractor",
    resize=LITE.resize,
)
INCEPTION = ExtractorEntry(
    name="inception",
    load="diorama.evaluation.extractors:inception_extractor",
    resize="bilinear to 299 px without antialias (pytorch-fid)",
    views=("", CLIP, "logits"),
)

ENTRIES: tuple[ExtractorEntry, ...] = (LITE, LITE2, INCEPTION)
