"""Configs of Y. Song's published score SDEs (2021), as JSON of their ``ml_collections`` dict, and our networks' configs.

Sections and settings that say how a network was trained or is measured are left aside; what says how it is built or
drawn from is followed or refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from diorama.core.errors import BadInput
from diorama.interop.score_sde_schedule import EquationArguments, SamplingArguments
from diorama.networks.denoisers.score_unet import ScoreUNetConfig, SigmaSeries
from diorama.nn.activations import ActivationName

_MOST_BLOCKS = 64
"""Of a level; a config from anybody may ask for any number of modules."""
DDPM_GROUPS = 32
"""Of all normalisations of the published DDPM."""

_ACTIVATIONS: dict[str, ActivationName] = {"swish": "silu", "elu": "elu", "relu": "relu", "lrelu": "leaky_relu"}
_PUBLISHED_NAMES = {
    "size": "data.image_size",
    "in_channels": "data.num_channels",
    "width": "model.nf",
    "growth": "model.ch_mult",
    "depth": "model.num_res_blocks",
    "dropout": "model.dropout",
    "taps": "model.fir_kernel",
    "resampling": "model.fir, model.resamp_with_conv",
}


@dataclass(frozen=True, kw_only=True)
class DataArguments:
    """The section ``data``.

    Args:
        image_size: side of the pictures.
        num_channels: of the pictures.
        centered: their values lie in [-1, 1], else in [0, 1].
    """

    image_size: int
    num_channels: int = 3
    centered: bool = False


@dataclass(frozen=True, kw_only=True)
class TrainingArguments:
    """The section ``training``: of which equation, and whether at all times."""

    sde: Literal["vpsde", "subvpsde", "vesde"] = "vesde"
    continuous: bool = True


@dataclass(frozen=True, kw_only=True)
class ModelArguments:
    """The section ``model``. What the published networks do not read, or only to draw new weights, changes nothing.

    Args:
        name: ``ddpm`` or ``ncsnpp``; which of the others are read depends on it.
    """

    name: str = "ncsnpp"
    nf: int = 128
    ch_mult: tuple[int, ...]
    num_res_blocks: int
    attn_resolutions: tuple[int, ...]
    resamp_with_conv: bool = True
    conditional: bool = True
    fir: bool = False
    fir_kernel: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)
    skip_rescale: bool = True
    resblock_type: str = "biggan"
    progressive: str = "none"
    progressive_input: str = "none"
    progressive_combine: str = "sum"
    embedding_type: str = "fourier"
    fourier_scale: float = 16.0
    scale_by_sigma: bool = False
    nonlinearity: str = "swish"
    dropout: float = 0.1
    sigma_min: float = 0.01
    sigma_max: float = 50.0
    num_scales: int = 1_000
    beta_min: float = 0.1
    beta_max: float = 20.0
    attention_type: str = "ddpm"
    conv_size: int = 3
    ema_rate: float = 0.999
    init_scale: float = 0.0
    normalization: str = "GroupNorm"


@dataclass(frozen=True, kw_only=True)
class ScoreSDEArguments:
    """What is read of a config."""

    data: DataArguments
    model: ModelArguments
    training: TrainingArguments = TrainingArguments()
    sampling: SamplingArguments = SamplingArguments()

    @property
    def equation(self) -> EquationArguments:
        """The published equation, of pictures as the config has them."""
        model = self.model
        return EquationArguments(
            sde=self.training.sde,
            continuous=self.training.continuous,
            num_scales=model.num_scales,
            beta_min=model.beta_min,
            beta_max=model.beta_max,
            sigma_min=model.sigma_min,
            sigma_max=model.sigma_max,
        )

    def ncsnpp(self) -> ScoreUNetConfig:
        """The network of ``models.ncsnpp``.

        Raises:
            BadInput: the published code cannot run it, or there can be none; the message names the setting.
        """
        model = self.model
        block = _choice("model.resblock_type", model.resblock_type, {"biggan": True, "ddpm": False})
        shown = _choice(
            "model.progressive_input",
            model.progressive_input,
            {"none": "standard", "input_skip": "skip", "residual": "residual"},
        )
        beside = _choice("model.progressive_combine", model.progressive_combine, {"sum": False, "cat": True})
        if model.progressive.lower() == "residual":
            raise BadInput("model.progressive: 'residual' is not followed; the published code cannot run it")
        return self._made(
            taps=model.fir_kernel if model.fir else None,
            resampling="residual" if block else "conv" if model.resamp_with_conv else "plain",
            encoder="skip_beside" if shown == "skip" and beside else shown,
            decoder=_choice("model.progressive", model.progressive, {"none": "standard", "output_skip": "skip"}),
            rescale=model.skip_rescale,
            groups=None,
            time=_choice(
                "model.embedding_type", model.embedding_type, {"positional": "sinusoidal", "fourier": "fourier"}
            ),
            fourier_scale=model.fourier_scale,
            conditional=model.conditional,
        )

    def ddpm(self) -> ScoreUNetConfig:
        """The network of ``models.ddpm``, which reads fewer settings.

        Raises:
            BadInput: there can be no such network; the message names the setting.
        """
        return self._made(
            taps=None,
            resampling="conv" if self.model.resamp_with_conv else "plain",
            encoder="standard",
            decoder="standard",
            rescale=False,
            groups=DDPM_GROUPS,
            time="sinusoidal",
            conditional=True,
        )

    def _made(self, **fields: Any) -> ScoreUNetConfig:
        data, model = self.data, self.model
        if not 1 <= model.num_res_blocks <= _MOST_BLOCKS:
            raise BadInput(f"model.num_res_blocks: must be from 1 to {_MOST_BLOCKS}, got {model.num_res_blocks}")
        divide: Literal["nothing", "told"] | SigmaSeries = "nothing"
        try:
            if model.scale_by_sigma:
                series = SigmaSeries(first=model.sigma_max, last=model.sigma_min, count=model.num_scales)
                divide = "told" if fields["time"] == "fourier" else series
            return ScoreUNetConfig(
                size=data.image_size,
                in_channels=data.num_channels,
                out_channels=data.num_channels,
                width=model.nf,
                growth=model.ch_mult,
                depth=model.num_res_blocks,
                attention=tuple(
                    data.image_size // 2**level in model.attn_resolutions for level in range(len(model.ch_mult))
                ),
                act=_choice("model.nonlinearity", model.nonlinearity, _ACTIVATIONS),
                dropout=model.dropout,
                divide_by=divide,
                centre_input=not data.centered,
                **fields,
            )
        except ValueError as problem:
            names, _, what = str(problem).partition(": ")
            raise BadInput(f"{', '.join(_PUBLISHED_NAMES.get(n, n) for n in names.split(', '))}: {what}") from problem


def arguments_of(config: ScoreUNetConfig) -> ScoreSDEArguments:
    """The published config of a network of ours; of equation and sampler the published defaults."""
    sums = config.encoder == "skip_beside"
    encoders = {"standard": "none", "skip": "input_skip", "skip_beside": "input_skip", "residual": "residual"}
    activations = {ours: theirs for theirs, ours in _ACTIVATIONS.items()}
    if config.act not in activations:
        raise BadInput(f"act: the published networks have {', '.join(activations)}, not {config.act}")
    if config.in_channels != config.out_channels:
        raise BadInput("in_channels, out_channels: the published networks have as many of one as of the other")
    model = ModelArguments(
        name="ncsnpp" if config.groups is None else "ddpm",
        nf=config.width,
        ch_mult=config.growth,
        num_res_blocks=config.depth,
        attn_resolutions=tuple(config.size >> level for level, attends in enumerate(config.attention) if attends),
        resamp_with_conv=config.resampling != "plain",
        conditional=config.conditional,
        fir=config.taps is not None,
        fir_kernel=config.taps or (1.0, 3.0, 3.0, 1.0),
        skip_rescale=config.rescale,
        resblock_type="biggan" if config.resampling == "residual" else "ddpm",
        progressive="output_skip" if config.decoder == "skip" else "none",
        progressive_input=encoders[config.encoder],
        progressive_combine="cat" if sums else "sum",
        embedding_type="fourier" if config.time == "fourier" else "positional",
        fourier_scale=config.fourier_scale,
        scale_by_sigma=config.divide_by != "nothing",
        nonlinearity=activations[config.act],
        dropout=config.dropout,
    )
    if isinstance(config.divide_by, SigmaSeries):
        series = config.divide_by
        model = replace(model, sigma_max=series.first, sigma_min=series.last, num_scales=series.count)
    data = DataArguments(image_size=config.size, num_channels=config.in_channels, centered=not config.centre_input)
    return ScoreSDEArguments(data=data, model=model)


def _choice(name: str, given: str, known: dict[str, Any]) -> Any:
    if given.lower() not in known:
        raise BadInput(f"{name}: {given!r} is none of {', '.join(known)}")
    return known[given.lower()]
