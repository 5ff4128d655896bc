"""Publishers of checkpoints, by name: listing them imports nothing of PyTorch until a layout is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from diorama.core.errors import BadConfig

if TYPE_CHECKING:
    from diorama.interop.layout import Layout, Shapes

    Layouts = tuple[Layout[Any, Any], ...]


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Who publishes networks in layouts of their own.

    Args:
        name: what ``diorama export --to`` is given.
        about: what it is, in a few words.
        layouts: imports and returns its networks; of two that share their tensors the one that needs more comes first.
        also: another name that it is found by.
        read_only: why models are read of it and never written; empty where they are written too.
    """

    name: str
    about: str
    layouts: Callable[[], Layouts]
    also: str = ""
    read_only: str = ""


def _dcgan() -> Layouts:
    from diorama.interop.pytorch_examples_dcgan import LAYOUTS

    return LAYOUTS


def _biggan() -> Layouts:
    from diorama.interop.biggan import LAYOUTS

    return LAYOUTS


def _cyclegan() -> Layouts:
    from diorama.interop import cyclegan_discriminators, cyclegan_generators

    return (*cyclegan_generators.LAYOUTS, *cyclegan_discriminators.LAYOUTS)


def _pix2pixhd() -> Layouts:
    from diorama.interop.pix2pixhd import LAYOUTS

    return LAYOUTS


def _esrgan_2018() -> Layouts:
    from diorama.interop.esrgan import RRDB_2018

    return (RRDB_2018,)


def _esrgan() -> Layouts:
    from diorama.interop.esrgan import RRDB_2019

    return (RRDB_2019,)


def _basicsr() -> Layouts:
    from diorama.interop.basicsr import LAYOUTS

    return LAYOUTS


def _gan_zoo() -> Layouts:
    from diorama.interop.gan_zoo import LAYOUTS

    return LAYOUTS


def _r3gan() -> Layouts:
    from diorama.interop.r3gan import LAYOUTS

    return LAYOUTS


def _mocogan() -> Layouts:
    from diorama.interop.mocogan import LAYOUTS

    return LAYOUTS


def _unet2d() -> Layouts:
    from diorama.interop.diffusers_unet2d import LAYOUTS

    return LAYOUTS


def _consistency_models() -> Layouts:
    from diorama.interop.consistency_models import LAYOUTS

    return LAYOUTS


def _guided_diffusion() -> Layouts:
    from diorama.interop.guided_diffusion import LAYOUTS

    return LAYOUTS


def _edm() -> Layouts:
    from diorama.interop.edm_models import EDM_LAYOUTS

    return EDM_LAYOUTS


def _edm2() -> Layouts:
    from diorama.interop.edm_models import EDM2_LAYOUTS

    return EDM2_LAYOUTS


def _score_sde() -> Layouts:
    from diorama.interop.score_sde import LAYOUTS

    return LAYOUTS


def _stylegan1() -> Layouts:
    from diorama.interop.stylegan1 import LAYOUTS

    return LAYOUTS


def _stylegan2() -> Layouts:
    from diorama.interop.stylegan2 import LAYOUTS

    return LAYOUTS


def _stylegan3() -> Layouts:
    from diorama.interop.stylegan3 import LAYOUTS

    return LAYOUTS


def _inception() -> Layouts:
    from diorama.interop.inception_fid import LAYOUTS

    return LAYOUTS


PUBLISHERS = (
    Publisher(name="dcgan-pytorch-examples", about="DCGAN of the PyTorch examples", layouts=_dcgan),
    Publisher(name="mocogan", about="MoCoGAN as its authors published it", layouts=_mocogan),
    Publisher(
        name="biggan-pytorch",
        about="BigGAN and BigGAN-deep of their authors' PyTorch code",
        layouts=_biggan,
        also="biggan",
    ),
    Publisher(name="cyclegan", about="CycleGAN and pix2pix as their authors published them", layouts=_cyclegan),
    Publisher(name="pix2pixhd", about="NVIDIA's pix2pixHD", layouts=_pix2pixhd),
    Publisher(name="gan-zoo", about="Progressive GAN of pytorch_GAN_zoo", layouts=_gan_zoo),
    Publisher(name="esrgan-2018", about="ESRGAN's generator as its authors published it first", layouts=_esrgan_2018),
    Publisher(name="esrgan", about="ESRGAN's generator as its authors published it in 2019", layouts=_esrgan),
    Publisher(
        name="basicsr",
        about="RRDBNet, SRResNet, the compact network and the discriminators of BasicSR and Real-ESRGAN",
        layouts=_basicsr,
        also="real-esrgan",
    ),
    Publisher(name="r3gan", about="R3GAN of its authors", layouts=_r3gan),
    Publisher(name="diffusers-unet2d", about="UNet2DModel of the diffusers library", layouts=_unet2d, also="diffusers"),
    Publisher(
        name="consistency-models",
        about="consistency models and their teachers as their authors published them",
        layouts=_consistency_models,
    ),
    Publisher(
        name="guided-diffusion",
        about="ADM's U-Nets and classifiers as their authors published them",
        layouts=_guided_diffusion,
    ),
    Publisher(name="edm", about="SongUNet and DhariwalUNet of NVIDIA's EDM", layouts=_edm),
    Publisher(
        name="score-sde",
        about="NCSN++, DDPM++ and DDPM of Song's score SDEs",
        layouts=_score_sde,
        read_only="its config says process and sampler, which may be others",
    ),
    Publisher(name="edm2", about="the U-Net of NVIDIA's EDM2", layouts=_edm2),
    Publisher(name="stylegan1-pytorch", about="StyleGAN of the widespread PyTorch port", layouts=_stylegan1),
    Publisher(name="stylegan2", about="StyleGAN2 of NVIDIA's PyTorch code, of both generations", layouts=_stylegan2),
    Publisher(name="stylegan3", about="StyleGAN3's generator of NVIDIA's code", layouts=_stylegan3),
    Publisher(
        name="inception-fid",
        about="the FID network as pytorch-fid publishes it",
        layouts=_inception,
        read_only="it draws nothing",
    ),
)


def writable(name: str, others: Sequence[str] = ()) -> Publisher:
    """A publisher in whose layouts models are written, by name.

    Args:
        name: of it, or its other name.
        others: further words that may be meant, for the message.

    Raises:
        BadConfig: there is none, or its layouts are read alone; the message has the nearest name and all of them.
    """
    found = next((publisher for publisher in PUBLISHERS if name and name in (publisher.name, publisher.also)), None)
    if found is not None and not found.read_only:
        return found
    names = [*(publisher.name for publisher in PUBLISHERS if not publisher.read_only), *others]
    if found is not None:
        raise BadConfig(f"{found.name} is read and not written: {found.read_only}; written are {', '.join(names)}")
    # Half a name says more than letters that happen to be alike.
    close = [known for known in names if name and name in known] or get_close_matches(name, names, n=1)
    near = f" (did you mean {close[0]!r}?)" if close else ""
    raise BadConfig(f"there is no layout {name!r}{near}; known are {', '.join(names)}")


def all_layouts() -> Iterator[Layout[Any, Any]]:
    """Every published network, in the order in which a file is compared with them."""
    for publisher in PUBLISHERS:
        yield from publisher.layouts()


def recognise(shapes: Shapes, published: Mapping[str, Any]) -> Layout[Any, Any] | None:
    """The network that tensors of these names and shapes are, with this published config if any."""
    return next((layout for layout in all_layouts() if layout.recognises(shapes, published)), None)
