"""``diorama morph``: a film through the latents of several samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from diorama.cli.arguments import Appended, WrongArguments, parse, sampling_asked, shown_as
from diorama.cli.latents import LatentArguments, ModelInput, opened, samples_asked
from diorama.cli.progress import display
from diorama.core.errors import BadConfig


@dataclass(frozen=True, kw_only=True)
class _Own(ModelInput):
    """Its own options.

    Args:
        out: the film, a file ending in .mp4, .webm or .gif; or a folder for its frames; new, empty, or of older
            samples, which are replaced.
        seeds: the samples that it goes through, in order: SEED for the first sample of a seed, or SEED:NUMBER for
            another, as `diorama sample` numbers them.
        frames: of the whole film.
        along: z goes from noise to noise on an arc, which keeps its length; w from style to style of a StyleGAN on a
            straight line.
        loop: go back to the first sample, so that the film can be played in a loop.
        fps: frames a second of the film.
        prompt: a text that all frames are given.
        sampler: of a diffusion model, any that `diorama sample` takes; what it draws on its way is the same for all
            frames.
        steps: of the sampler, in place of the model's own number.
        guidance: scale of the guidance, 1 for none, in place of the model's own.
    """

    out: Path
    seeds: Annotated[tuple[str, ...], shown_as("SEED[:NUMBER]", "0 1 2 3")] = ("0", "1", "2", "3")
    frames: Annotated[int | None, shown_as("N", "24 from each sample to the next")] = None
    along: Annotated[Literal["z", "w"] | None, shown_as("z|w", "w where there is one")] = None
    loop: bool = False
    fps: float = 24.0
    prompt: Appended = ()
    sampler: Annotated[str | None, shown_as("NAME")] = None
    steps: Annotated[int | None, shown_as("N")] = None
    guidance: Annotated[float | None, shown_as("SCALE")] = None


@dataclass(frozen=True, kw_only=True)
class Arguments(LatentArguments, _Own):
    """Draw a film that goes from sample to sample of a GAN, a VAE or a diffusion model of pictures.

    The film, or each of its frames, says that it is synthetic and how it was drawn.
    """


def main(words: Sequence[str]) -> None:
    """Draw the film, with progress."""
    arguments = parse(Arguments, "morph", words)

    from diorama.tasks.latents import latent_space
    from diorama.tasks.morph import Film, check_film, morphed

    samples = samples_asked("seeds", arguments.seeds)
    try:
        film = Film(samples=samples, frames=arguments.frames, closed=arguments.loop, fps=arguments.fps)
    except BadConfig as problem:
        raise WrongArguments(f"--{problem}") from problem
    as_clip = check_film(arguments.out)
    sampling = sampling_asked(
        arguments.sampler, arguments.steps, arguments.guidance, psi=arguments.psi, cutoff=arguments.cutoff
    )
    ready = opened(arguments, sampling, arguments.prompt)
    space = latent_space(ready.model, ready.conditions, arguments.along, "morph")
    with display() as shown:
        doing = f"morph: {arguments.model}"
        shown.update(doing)
        for step in morphed(space, film, arguments.out, ready.stamp(film.samples[0].seed)):
            shown.update(doing, step.done / step.count, f"{step.done:,} of {step.count:,}")
    where = f"{film.count:,} frames in {arguments.out}"
    seconds = f", {film.count / film.fps:.1f} seconds" if as_clip else ""
    print(f"{where}{seconds}, through {len(film.samples)} samples along {space.along}")
