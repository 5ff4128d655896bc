"""Sizes, sampling rates, cutoffs and filters of StyleGAN3's layers, all of which follow from a few numbers.

Reference: T. Karras, M. Aittala, S. Laine, E. Härkönen, J. Hellsten, J. Lehtinen, T. Aila, arXiv:2106.12423, section
3.2, figure 4 and appendices C and D.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from diorama.nn.filter_design import lowpass_filter


@dataclass(frozen=True, kw_only=True)
class Bands:
    """How frequencies grow over the layers.

    Args:
        num_layers: without the one that makes pictures.
        num_critical: the last layers, which sample critically.
        first_cutoff: of the first layer, in cycles per picture.
        first_stopband: where its transition band ends.
        last_stopband_rel: where that of the last ends, in multiples of its cutoff.
        margin_size: pixels around the picture, of every layer but the last two.
        filter_size: taps of a filter, for each place of the higher resolution.
        lrelu_upsampling: how much higher the resolution is that non-linearities are computed at.
        conv_kernel: side of the kernels.
        use_radial_filters: thin out by filters that are the same in all directions.
    """

    num_layers: int = 14
    num_critical: int = 2
    first_cutoff: float = 2.0
    first_stopband: float = 2**2.1
    last_stopband_rel: float = 2**0.3
    margin_size: int = 10
    filter_size: int = 6
    lrelu_upsampling: int = 2
    conv_kernel: int = 3
    use_radial_filters: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.num_layers > self.num_critical >= 0:
            raise ValueError(f"num_layers, num_critical: cannot be {self.num_layers} and {self.num_critical}")
        if min(self.filter_size, self.lrelu_upsampling, self.conv_kernel) < 1 or self.margin_size < 0:
            raise ValueError(f"filter_size, lrelu_upsampling, conv_kernel, margin_size: cannot be as in {self}")
        if not (0 < self.first_cutoff < self.first_stopband and self.last_stopband_rel >= 1):
            raise ValueError(f"first_cutoff, first_stopband, last_stopband_rel: cannot be as in {self}")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """What features are at a place between layers.

    Args:
        size: pixels of a side, with the margin.
        rate: pixels of the side of a picture.
        cutoff: the frequency at which half passes, in cycles per picture.
        half_width: of the transition band.
        channels: of the features.
    """

    size: int
    rate: int
    cutoff: float
    half_width: float
    channels: int


@dataclass(frozen=True, kw_only=True)
class LayerGeometry:
    """A layer between two places.

    Args:
        before: what goes in.
        after: what comes out.
        last: it makes pictures, without filters.
        critical: it samples critically.
        kernel: side of the kernel.
        rate: pixels of the side of a picture, where the non-linearity is computed.
        taps: of a filter, for each place of the higher resolution.
        radial: whether what thins out is the same in all directions.
    """

    before: Sampling
    after: Sampling
    last: bool
    critical: bool
    kernel: int
    rate: int
    taps: int
    radial: bool

    @property
    def up(self) -> int:
        """How many times it enlarges."""
        return round(self.rate / self.before.rate)

    @property
    def down(self) -> int:
        """How many times it thins out."""
        return round(self.rate / self.after.rate)

    @property
    def up_taps(self) -> int:
        """Taps of the filter that enlarges; one for none."""
        return self.taps * self.up if self.up > 1 and not self.last else 1

    @property
    def down_taps(self) -> int:
        """Taps of the filter that thins out; one for none."""
        return self.taps * self.down if self.down > 1 and not self.last else 1

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """(left, right, top, bottom) of the enlargement, of features that the convolution has grown."""
        total = (self.after.size - 1) * self.down + 1
        total -= (self.before.size + self.kernel - 1) * self.up
        total += self.up_taps + self.down_taps - 2
        # The middle of the picture stays where it is, whether sizes are even or odd.
        low = (total + self.up) // 2
        return low, total - low, low, total - low

    @property
    def up_filter(self) -> Tensor | None:
        """What keeps mirrored frequencies out when it enlarges."""
        return lowpass_filter(self.up_taps, self.before.cutoff, 2 * self.before.half_width, self.rate)

    @property
    def down_filter(self) -> Tensor | None:
        """What takes out frequencies that the lower rate cannot hold."""
        width = 2 * self.after.half_width
        return lowpass_filter(self.down_taps, self.after.cutoff, width, self.rate, radial=self.radial)


def places(bands: Bands, size: int, channels: int, channel_base: int, channel_max: int) -> tuple[Sampling, ...]:
    """What features are after each layer; the first is also what goes in.

    Args:
        bands: the frequencies.
        size: side of the pictures.
        channels: of the pictures.
        channel_base: channels of a layer, times twice its cutoff.
        channel_max: the most channels.
    """
    last_cutoff = size / 2
    steps = np.minimum(np.arange(bands.num_layers + 1) / (bands.num_layers - bands.num_critical), 1)
    cutoffs = bands.first_cutoff * (last_cutoff / bands.first_cutoff) ** steps
    last_stopband = last_cutoff * bands.last_stopband_rel
    stopbands = bands.first_stopband * (last_stopband / bands.first_stopband) ** steps
    rates = np.exp2(np.ceil(np.log2(np.minimum(stopbands * 2, size))))
    half_widths = np.maximum(stopbands, rates / 2) - cutoffs
    sizes = rates + 2 * bands.margin_size
    sizes[-2:] = size
    widths = np.rint(np.minimum(channel_base / 2 / cutoffs, channel_max))
    widths[-1] = channels
    return tuple(
        Sampling(
            size=int(sizes[i]),
            rate=int(rates[i]),
            cutoff=float(cutoffs[i]),
            half_width=float(half_widths[i]),
            channels=int(widths[i]),
        )
        for i in range(bands.num_layers + 1)
    )


def layers(bands: Bands, sampled: tuple[Sampling, ...]) -> tuple[LayerGeometry, ...]:
    """The layers between :func:`places`; the first begins where it ends."""
    made = []
    for i, after in enumerate(sampled):
        before, last = sampled[max(i - 1, 0)], i == bands.num_layers
        critical = i >= bands.num_layers - bands.num_critical
        made.append(
            LayerGeometry(
                before=before,
                after=after,
                last=last,
                critical=critical,
                kernel=1 if last else bands.conv_kernel,
                rate=max(before.rate, after.rate) * (1 if last else bands.lrelu_upsampling),
                taps=bands.filter_size,
                radial=bands.use_radial_filters and not critical,
            )
        )
    return tuple(made)
