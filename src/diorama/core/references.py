"""Papers as data: what is cited, without importing anything heavy."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from diorama.core.errors import BadConfig


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A paper.

    Args:
        key: BibTeX key, ``"ho2020ddpm"``.
        title: as printed.
        authors: ``("Jonathan Ho", ...)``.
        year: of publication.
        venue: journal, conference or ``"arXiv"``.
        arxiv: number, or empty.
    """

    key: str
    title: str
    authors: tuple[str, ...]
    year: int
    venue: str
    arxiv: str = ""

    def bibtex(self) -> str:
        """The BibTeX entry; a preprint is a ``misc``, what a conference printed an ``inproceedings``."""
        preprint = self.venue == "arXiv"
        rows = [("title", f"{{{self.title}}}"), ("author", " and ".join(self.authors))]
        rows += [] if preprint else [("booktitle", self.venue)]
        rows += [("year", str(self.year))]
        rows += [("eprint", self.arxiv), ("archivePrefix", "arXiv")] if self.arxiv else []
        fields = ",\n".join(f"  {name} = {{{value}}}" for name, value in rows)
        return f"@{'misc' if preprint else 'inproceedings'}{{{self.key},\n{fields}\n}}"

    def short(self) -> str:
        """``"Ho et al., NeurIPS 2020"``."""
        surnames = [author.split()[-1] for author in self.authors]
        who = " and ".join(surnames) if len(surnames) < 3 else f"{surnames[0]} et al."
        return f"{who}, {self.venue} {self.year}"

    @property
    def url(self) -> str:
        """Where the paper is read; empty when it has no arXiv number."""
        return f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else ""


DCGAN = Reference(
    key="radford2016dcgan",
    title="Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
    authors=("Alec Radford", "Luke Metz", "Soumith Chintala"),
    year=2016,
    venue="ICLR",
    arxiv="1511.06434",
)
VAE = Reference(
    key="kingma2014vae",
    title="Auto-Encoding Variational Bayes",
    authors=("Diederik P. Kingma", "Max Welling"),
    year=2014,
    venue="ICLR",
    arxiv="1312.6114",
)
DDPM = Reference(
    key="ho2020ddpm",
    title="Denoising Diffusion Probabilistic Models",
    authors=("Jonathan Ho", "Ajay Jain", "Pieter Abbeel"),
    year=2020,
    venue="NeurIPS",
    arxiv="2006.11239",
)
DDIM = Reference(
    key="song2021ddim",
    title="Denoising Diffusion Implicit Models",
    authors=("Jiaming Song", "Chenlin Meng", "Stefano Ermon"),
    year=2021,
    venue="ICLR",
    arxiv="2010.02502",
)
GUIDANCE = Reference(
    key="ho2022guidance",
    title="Classifier-Free Diffusion Guidance",
    authors=("Jonathan Ho", "Tim Salimans"),
    year=2022,
    venue="arXiv",
    arxiv="2207.12598",
)
MOCOGAN = Reference(
    key="tulyakov2018mocogan",
    title="MoCoGAN: Decomposing Motion and Content for Video Generation",
    authors=("Sergey Tulyakov", "Ming-Yu Liu", "Xiaodong Yang", "Jan Kautz"),
    year=2018,
    venue="CVPR",
    arxiv="1707.04993",
)

SIMCLR = Reference(
    key="chen2020simclr",
    title="A Simple Framework for Contrastive Learning of Visual Representations",
    authors=("Ting Chen", "Simon Kornblith", "Mohammad Norouzi", "Geoffrey Hinton"),
    year=2020,
    venue="ICML",
    arxiv="2002.05709",
)
VICREG = Reference(
    key="bardes2022vicreg",
    title="VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning",
    authors=("Adrien Bardes", "Jean Ponce", "Yann LeCun"),
    year=2022,
    venue="ICLR",
    arxiv="2105.04906",
)

MEASURES: tuple[Reference, ...] = (
    Reference(
        key="heusel2017ttur",
        title="GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
        authors=("Martin Heusel", "Hubert Ramsauer", "Thomas Unterthiner", "Bernhard Nessler", "Sepp Hochreiter"),
        year=2017,
        venue="NeurIPS",
        arxiv="1706.08500",
    ),
    Reference(
        key="binkowski2018kid",
        title="Demystifying MMD GANs",
        authors=("Mikołaj Bińkowski", "Danica J. Sutherland", "Michael Arbel", "Arthur Gretton"),
        year=2018,
        venue="ICLR",
        arxiv="1801.01401",
    ),
    Reference(
        key="kynkaanniemi2019precision",
        title="Improved Precision and Recall Metric for Assessing Generative Models",
        authors=("Tuomas Kynkäänniemi", "Tero Karras", "Samuli Laine", "Jaakko Lehtinen", "Timo Aila"),
        year=2019,
        venue="NeurIPS",
        arxiv="1904.06991",
    ),
    Reference(
        key="naeem2020density",
        title="Reliable Fidelity and Diversity Metrics for Generative Models",
        authors=("Muhammad Ferjad Naeem", "Seong Joon Oh", "Youngjung Uh", "Yunjey Choi", "Jaejun Yoo"),
        year=2020,
        venue="ICML",
        arxiv="2002.09797",
    ),
)
"""The papers of what reports measure."""

ALL: tuple[Reference, ...] = (DCGAN, VAE, DDPM, DDIM, GUIDANCE, MOCOGAN, SIMCLR, VICREG, *MEASURES)


def find(key: str) -> Reference:
    """The paper of a key.

    Raises:
        BadConfig: there is none; the nearest key is given.
    """
    for reference in ALL:
        if reference.key == key:
            return reference
    close = get_close_matches(key, [reference.key for reference in ALL], n=1)
    raise BadConfig(f"there is no paper {key!r}" + (f" (did you mean {close[0]!r}?)" if close else ""))
