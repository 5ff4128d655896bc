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


def _lpips(trunk: str, network: str) -> ModelMetric:
    return ModelMetric(
        name=f"lpips-{trunk}",
        title=f"LPIPS ({trunk})",
        meaning=f"How far apart the pictures of a pair look to {network}, weighed as people's judgements of pairs ask.",
        better="lower",
        function=f"diorama.evaluation.lpips:lpips_{trunk}",
        needs=("held-out reals", "pairs"),
        how="8-bit pictures at their own size, heads of version 0.1",
    )


LPIPS = (_lpips("alex", "AlexNet"), _lpips("vgg", "VGG16"), _lpips("squeeze", "SqueezeNet 1.1"))

ENTRIES: tuple[MetricEntry, ...] = (PSNR, SSIM, BITS_PER_DIM, FLOW_BITS_PER_DIM, *LPIPS)
