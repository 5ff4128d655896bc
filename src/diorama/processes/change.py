"""A denoiser of one process that is asked in the levels of another."""

from __future__ import annotations

from torch import Tensor

from diorama.core.contracts import Denoise, Level, Prediction, Process
from diorama.processes.gaussian import like


class ChangedProcess:
    """Asks a denoiser at the time of its own process at which the ratio of noise to signal is the same.

    A clean sample is the same in both processes, so that only the noisy one is scaled.

    Args:
        denoise: the denoiser.
        process: the one that it was trained for.

    Reference: Y. Lipman et al., "Flow Matching Guide and Code", arXiv:2412.06264, section 4.6.2 (post-training
    scheduler change).
    """

    def __init__(self, denoise: Denoise, process: Process) -> None:
        self.denoise, self.process = denoise, process

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """Predict the clean sample of x (b, ...) at a level of the other process.

        Raises:
            ValueError: the level has a second time, which is the other process's and cannot be translated.
        """
        if level.until is not None:
            raise ValueError("until: a model of two times keeps to its own process")
        own = self.process.at(self.process.time_of(level.sigma / level.alpha))
        # Both are lengths of (alpha, sigma), so that neither end divides by 0.
        scale = (own.alpha**2 + own.sigma**2).sqrt() / (level.alpha**2 + level.sigma**2).sqrt()
        return self.denoise(like(scale, x) * x, own)
