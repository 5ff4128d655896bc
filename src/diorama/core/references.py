"""Papers as data: what is cited, without importing anything heavy."""

from __future__ import annotations

from dataclasses import dataclass


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
        """The BibTeX entry."""
        rows = [("title", f"{{{self.title}}}"), ("author", " and ".join(self.authors)), ("year", str(self.year))]
        rows += [("booktitle", self.venue)] if self.venue else []
        rows += [("eprint", self.arxiv), ("archivePrefix", "arXiv")] if self.arxiv else []
        fields = ",\n".join(f"  {name} = {{{value}}}" for name, value in rows)
        return f"@inproceedings{{{self.key},\n{fields}\n}}"


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
MOCOGAN = Reference(
    key="tulyakov2018mocogan",
    title="MoCoGAN: Decomposing Motion and Content for Video Generation",
    authors=("Sergey Tulyakov", "Ming-Yu Liu", "Xiaodong Yang", "Jan Kautz"),
    year=2018,
    venue="CVPR",
    arxiv="1707.04993",
)
