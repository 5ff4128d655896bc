"""The papers of what is measured."""

from __future__ import annotations

from diorama.core.references import Reference

TTUR = Reference(
    key="heusel2017ttur",
    title="GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
    authors=("Martin Heusel", "Hubert Ramsauer", "Thomas Unterthiner", "Bernhard Nessler", "Sepp Hochreiter"),
    year=2017,
    venue="NeurIPS",
    arxiv="1706.08500",
)
KERNEL_DISTANCE = Reference(
    key="binkowski2018kid",
    title="Demystifying MMD GANs",
    authors=("Mikołaj Bińkowski", "Danica J. Sutherland", "Michael Arbel", "Arthur Gretton"),
    year=2018,
    venue="ICLR",
    arxiv="1801.01401",
)
PRECISION_AND_RECALL = Reference(
    key="kynkaanniemi2019precision",
    title="Improved Precision and Recall Metric for Assessing Generative Models",
    authors=("Tuomas Kynkäänniemi", "Tero Karras", "Samuli Laine", "Jaakko Lehtinen", "Timo Aila"),
    year=2019,
    venue="NeurIPS",
    arxiv="1904.06991",
)
DENSITY_AND_COVERAGE = Reference(
    key="naeem2020density",
    title="Reliable Fidelity and Diversity Metrics for Generative Models",
    authors=("Muhammad Ferjad Naeem", "Seong Joon Oh", "Youngjung Uh", "Yunjey Choi", "Jaejun Yoo"),
    year=2020,
    venue="ICML",
    arxiv="2002.09797",
)

PAPERS: tuple[Reference, ...] = (TTUR, KERNEL_DISTANCE, PRECISION_AND_RECALL, DENSITY_AND_COVERAGE)
