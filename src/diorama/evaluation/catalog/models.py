"""Metrics that only a model can be asked for: how well it draws records or partners, how many bits it needs."""

from __future__ import annotations

from diorama.evaluation.catalog.entries import MetricEntry, ModelMetric

PSNR = ModelMetric(
    name="psnr",
    title="PSNR",
    meaning="Closeness of reconstructions, or of what is drawn in place of partners, in decibels.",
    better="higher",
    function="diorama.evaluation.models:psnr_of_pairs",
    needs=("held-out reals", "pairs"),
    dtype="uint8",
)
SSIM = ModelMetric(
    name="ssim",
    title="SSIM",
    meaning="Structural closeness of reconstructions, or of what is drawn in place of partners.",
    better="higher",
    function="diorama.evaluation.models:ssim_of_pairs",
    needs=("held-out reals", "pairs"),
    dtype="uint8",
)
BITS_PER_DIM = ModelMetric(
    name="bpd",
    title="Bits per dimension",
    meaning="A bound on the bits that the model needs for a value of the data.",
    better="lower",
    function="diorama.evaluation.models:bits_per_dim",
    needs=("held-out reals", "bound"),
)

FLOW_BITS_PER_DIM = ModelMetric(
    name="bpd_flow",
    title="Bits per dimension (flow)",
    meaning="The bits that the model needs for a value of the data, by the density along its probability-flow path.",
    better="lower",
    function="diorama.evaluation.models:flow_bits_per_dim",
    needs=("held-out reals", "density"),
    how="uniform dequantisation, one draw a record; path and divergence by RK45 to 1e-5, one probe",
)

ENTRIES: tuple[MetricEntry, ...] = (PSNR, SSIM, BITS_PER_DIM, FLOW_BITS_PER_DIM)
