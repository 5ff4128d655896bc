"""What the factor reader tells of pictures of the built-in world, and the metrics that are taken of it."""

from __future__ import annotations

from diorama.evaluation.catalog.entries import CatalogEntry, ExtractorEntry, SampleMetric

LEAST_SIDE = 32
"""Pixels of a side from which on the reader reads square colour pictures."""

READER = ExtractorEntry(
    name="factors",
    load="diorama.evaluation.factor_features:load",
    views=("modes", "values", "colours"),
)

FACTOR_COVERAGE = SampleMetric(
    name="factor_coverage",
    title="Factor coverage",
    meaning="Share of the world's factor values that were drawn.",
    better="higher",
    function="diorama.evaluation.world:factor_coverage",
    extractor=READER.name,
    view="values",
)
MODES = SampleMetric(
    name="modes",
    title="Modes",
    meaning="Combinations of the world's factors that were drawn.",
    better="higher",
    function="diorama.evaluation.world:modes",
    extractor=READER.name,
    view="modes",
)
CAPTION_COLOURS = SampleMetric(
    name="caption_colours",
    title="Colours of the caption",
    meaning="Share of samples in which an object is found of every colour that their caption names.",
    better="higher",
    function="diorama.evaluation.world:caption_colours",
    needs=("texts",),
    least=2,
    extractor=READER.name,
    view="colours",
)
OTHER_CAPTION_COLOURS = SampleMetric(
    name="other_caption_colours",
    title="Colours of another caption",
    meaning="The same share, of the colours that the caption of another sample names: what chance alone gives.",
    better="lower",
    function="diorama.evaluation.world:other_caption_colours",
    needs=("texts",),
    least=2,
    extractor=READER.name,
    view="colours",
)

ENTRIES: tuple[CatalogEntry, ...] = (READER, FACTOR_COVERAGE, MODES, CAPTION_COLOURS, OTHER_CAPTION_COLOURS)
