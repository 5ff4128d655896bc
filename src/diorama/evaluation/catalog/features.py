"""Metrics that hold the features of samples against those of real records."""

from __future__ import annotations

from diorama.evaluation.catalog.entries import MetricEntry, SampleMetric

FD = SampleMetric(
    name="fd",
    title="Fréchet distance",
    meaning="How far the statistics of the samples' features are from the data's.",
    better="lower",
    function="diorama.evaluation.measures:fd",
    needs=("reals",),
    least=20,
    outside="A Fréchet distance of finite samples is biased upwards, as in the literature; its interval is for the "
    "true distance and may lie below the value.",
)
KID = SampleMetric(
    name="kid",
    title="Kernel distance",
    meaning="An unbiased distance between features of samples and data.",
    better="lower",
    function="diorama.evaluation.measures:kid",
    needs=("reals",),
    least=20,
    outside="A kernel distance is the mean over subsets, as in the literature, and its interval is taken from all "
    "pairs: the value may lie outside.",
)
PRECISION = SampleMetric(
    name="precision",
    title="Precision",
    meaning="Share of samples that lie among the real records.",
    better="higher",
    function="diorama.evaluation.measures:precision",
    needs=("reals",),
    least=4,
    most=10_000,
)
RECALL = SampleMetric(
    name="recall",
    title="Recall",
    meaning="Share of real records that lie among the samples.",
    better="higher",
    function="diorama.evaluation.measures:recall",
    needs=("reals",),
    least=4,
    most=10_000,
)
DENSITY = SampleMetric(
    name="density",
    title="Density",
    meaning="How densely real records surround the samples; may exceed 1.",
    better="higher",
    function="diorama.evaluation.measures:density",
    needs=("reals",),
    least=6,
    most=10_000,
)
COVERAGE = SampleMetric(
    name="coverage",
    title="Coverage",
    meaning="Share of real records that have a sample in their neighbourhood.",
    better="higher",
    function="diorama.evaluation.measures:coverage",
    needs=("reals",),
    least=6,
    most=10_000,
)
INCEPTION_SCORE = SampleMetric(
    name="is",
    title="Inception Score",
    meaning="Confidence and variety of a classifier's answers; no reference.",
    better="higher",
    function="diorama.evaluation.measures:inception_score",
    view="logits",
    least=10,
)

ENTRIES: tuple[MetricEntry, ...] = (FD, KID, PRECISION, RECALL, DENSITY, COVERAGE, INCEPTION_SCORE)
