"""What people call metrics elsewhere: names that mean ones that are here, and names of what is not."""

from __future__ import annotations

from collections.abc import Mapping

_INCEPTION_SCORE = ("is@inception",)
_FOUR = ("precision@lite", "recall@lite", "density@lite", "coverage@lite")

ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "fid": ("fd@inception",),
    "fid@inception": ("fd@inception",),
    "frechet inception distance": ("fd@inception",),
    "kid": ("kid@inception",),
    "kernel inception distance": ("kid@inception",),
    "is": _INCEPTION_SCORE,
    "isc": _INCEPTION_SCORE,
    "inception score": _INCEPTION_SCORE,
    "fd": ("fd@lite",),
    "frechet distance": ("fd@lite",),
    "precision": ("precision@lite",),
    "recall": ("recall@lite",),
    "density": ("density@lite",),
    "coverage": ("coverage@lite",),
    "prdc": _FOUR,
    "pr": _FOUR[:2],
    "prc": _FOUR[:2],
    "ipr": _FOUR[:2],
    "improved precision recall": _FOUR[:2],
    "precision recall": _FOUR[:2],
    "dc": _FOUR[2:],
    "density coverage": _FOUR[2:],
    "bits per dim": ("bpd",),
    "lpips": ("lpips-alex",),
    "bits per dimension": ("bpd",),
}
"""By what is typed, in lower case with spaces: what it means. Distances that bear Inception's name are of its features;
the others have ``lite``'s, which need no download."""

_OF_PAIRS = "it holds pictures against their originals, pair by pair, and a folder of samples has no pairs"
ABSENT: Mapping[str, tuple[str, str]] = {
    "fvd": ("is a distance of I3D features of clips, and that network is not here yet", "fd@lite-clip"),
    "kvd": ("is a distance of I3D features of clips, and that network is not here yet", "kid@lite-clip"),
    "dists": (f"is not here yet: it needs its trained network, and {_OF_PAIRS}", "lpips-alex"),
    "ms ssim": (f"is not here yet; {_OF_PAIRS}", "ssim"),
    "msssim": (f"is not here yet; {_OF_PAIRS}", "ssim"),
    "mse": (f"is not here; {_OF_PAIRS}", "psnr"),
    "l1": (f"is not here; {_OF_PAIRS}", "psnr"),
    "l2": (f"is not here; {_OF_PAIRS}", "psnr"),
    "mae": (f"is not here; {_OF_PAIRS}", "psnr"),
    "ppl": ("is not here yet: path length is asked of a model's latent space", "recall@lite"),
    "nll": ("is not here; of diffusion models it is in bits", "bpd_flow"),
    "sfid": ("is a distance of Inception's spatial features, which are not taken here", "fd@inception"),
    "fdd": ("is a distance of DINOv2 features, and that network is not here yet", "fd@inception"),
    "fd dinov2": ("is a distance of DINOv2 features, and that network is not here yet", "fd@inception"),
    "cmmd": ("is a distance of CLIP features, and that network is not here yet", "kid@inception"),
    "clip": ("holds pictures against their texts by CLIP, and that network is not here yet", "caption_colours"),
    "clip score": ("holds pictures against their texts by CLIP, and that network is not here yet", "caption_colours"),
    "clipscore": ("holds pictures against their texts by CLIP, and that network is not here yet", "caption_colours"),
    "fid@lite": ("is no such thing: FID is of Inception's features", "fd@inception"),
}
"""By what is typed: why it is not here, and the metric that comes nearest."""


def plain(typed: str) -> str:
    """What is looked up for what is typed: ``Inception_Score`` and ``inception-score`` are ``inception score``."""
    return " ".join(typed.lower().replace("_", " ").replace("-", " ").replace("é", "e").split())
