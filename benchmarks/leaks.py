"""What ``diorama prepare`` finds of planted leaks, and what it accuses where there are none.

    python benchmarks/leaks.py [--data ../shared/data] [--out benchmarks/results/leaks.md] [--seed 0]

Leaks are planted by giving altered copies of clips as a test set: recompressed, mirrored, begun some frames later, all
three at once, each through one of eight codecs, and every second frame alone. A leak counts as found when the audit
lists the pair of files. Every other pair is counted as well, by the file that an altered copy was made from.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import platform
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np
from PIL import Image

from diorama.core.files import write_text
from diorama.data.audit import Audit
from diorama.data.clip_duplicates import SIDE, near_clips
from diorama.data.duplicates import signatures, small_colours
from diorama.data.prepare import PrepareOptions, prepare

PLANTED = 100
ALTERED = ("recompressed", "mirrored", "begun later", "all three", "every second frame")
LATEST = 16
PICTURES = ("cats_dogs128", "utkface", "med_chest_xray128", "open_mix64", "lfw_faces", "mnist_png", "cifar10")


def strip(clip: np.ndarray, path: Path, quality: int) -> None:
    """A film strip, in the format of the suffix."""
    frames, height, width, channels = clip.shape
    flat = clip.transpose(1, 0, 2, 3).reshape(height, frames * width, channels)
    Image.fromarray(flat).save(path, quality=quality)


def film(clip: np.ndarray, path: Path, codec: str, settings: dict[str, str]) -> None:
    """A video of 25 frames a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=settings)
        stream.height, stream.width, stream.pix_fmt = clip.shape[1], clip.shape[2], "yuv420p"
        for frame in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())


CODECS: dict[str, tuple[str, Callable[[np.ndarray, Path], None]]] = {
    "JPEG, quality 90": (".jpg", partial(strip, quality=90)),
    "JPEG, quality 50": (".jpg", partial(strip, quality=50)),
    "JPEG, quality 30": (".jpg", partial(strip, quality=30)),
    "WebP, quality 50": (".webp", partial(strip, quality=50)),
    "H.264, crf 23": (".mp4", partial(film, codec="libx264", settings={"crf": "23"})),
    "H.264, crf 30": (".mp4", partial(film, codec="libx264", settings={"crf": "30"})),
    "H.264, crf 35": (".mp4", partial(film, codec="libx264", settings={"crf": "35"})),
    "VP9, crf 40": (".webm", partial(film, codec="libvpx-vp9", settings={"crf": "40", "b": "0", "cpu-used": "4"})),
}


def clips_of(data: Path, archive: str) -> dict[str, np.ndarray]:
    """(t, 64, 64, 3) of every strip of an archive, by its name."""
    clips = {}
    with zipfile.ZipFile(data / archive) as opened:
        for name in sorted(opened.namelist()):
            if name.endswith((".png", ".jpg")):
                flat = np.asarray(Image.open(io.BytesIO(opened.read(name))).convert("RGB"))
                clips[name] = flat.reshape(64, -1, 64, 3).transpose(1, 0, 2, 3)
    return clips


def altered(clip: np.ndarray, how: str, later: int) -> np.ndarray:
    """A copy that shows the same."""
    if how in ("begun later", "all three"):
        clip = clip[later:]
    if how in ("mirrored", "all three"):
        clip = clip[:, :, ::-1]
    return clip[::2] if how == "every second frame" else clip


def plant(clips: dict[str, np.ndarray], folder: Path, seed: int) -> dict[str, tuple[str, str, str]]:
    """Write altered copies; the name of each with its origin, what was done, and its codec."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    names = [str(name) for name in rng.choice(list(clips), PLANTED, replace=len(clips) < PLANTED)]
    made = {}
    for number, name in enumerate(names):
        how, codec = ALTERED[number % len(ALTERED)], list(CODECS)[number // len(ALTERED) % len(CODECS)]
        suffix, write = CODECS[codec]
        path = folder / f"planted-{number:03d}{suffix}"
        write(altered(clips[name], how, int(rng.integers(1, LATEST + 1))), path)
        made[path.name] = (name, how, codec)
    return made


def prepared(source: Path, out: Path, options: PrepareOptions) -> tuple[Audit, float]:
    """What was found, and processor seconds of comparing all records."""
    comparing, audit = 0.0, None
    for progress in prepare([source], out, options):
        if progress.stage == "comparing":
            comparing = time.process_time()
        audit = progress.audit
    assert audit is not None
    return audit, time.process_time() - comparing


def pairs_in(audit: Audit) -> set[tuple[str, str]]:
    """Pairs of files of the leaks."""
    files = [sorted((one.partition("#")[0], other.partition("#")[0])) for one, other in audit.leaks]
    return {(one, other) for one, other in files}


def clip_rows(data: Path, name: str, archive: str, folder: Path, seed: int) -> tuple[list[str], list[str]]:
    """Rows of what is found where nothing is planted and where something is; and of each alteration and codec."""
    alone, seconds = prepared(data / name, folder / "alone", PrepareOptions(strip=True, size=64))
    row = f"| {name} | {alone.records:,} | {len(pairs_in(alone))} | {len(alone.duplicates)} |"
    clips = clips_of(data / name, archive)
    made = plant(clips, folder / "planted", seed)
    options = PrepareOptions(strip=True, size=64, test=(folder / "planted",))
    audit, _ = prepared(data / name, folder / "both", options)
    found = pairs_in(audit)
    hits: Counter[str] = Counter()
    for copy, (origin, how, codec) in made.items():
        hits.update({what: int((min(origin, copy), max(origin, copy)) in found) for what in (how, codec, "in all")})
    of_all = Counter(what for _, how, codec in made.values() for what in (how, codec, "in all"))
    same = {file: file for file in clips} | {copy: origin for copy, (origin, _, _) in made.items()}
    wrong = sum(same[one] != same[other] for one, other in found)
    row += f" {hits['in all']} of {PLANTED} | {wrong} | {1000 * seconds / alone.records:.2f} |"
    return [row], [f"| {what} | {hits[what]} of {of_all[what]} |" for what in ("in all", *ALTERED, *CODECS)]


def growth_rows(clips: np.ndarray) -> list[str]:
    """Processor seconds of the search alone, for more and more clips."""
    rows = []
    for count in (1000, 2000, 4000, 8000):
        found = np.concatenate([signatures(clips[i : i + 250]) for i in range(0, count, 250)])

        def small(number: int) -> np.ndarray:
            return small_colours(clips[number][None], SIDE)[0]

        before = time.process_time()
        near_clips(found, np.arange(count), np.zeros(count, np.intp), small)
        seconds = time.process_time() - before
        rows.append(f"| {count:,} | {seconds:.1f} | {1000 * seconds / count:.2f} |")
    return rows


def picture_rows(data: Path, folder: Path) -> list[str]:
    """What is found among pictures; of CIFAR-10, how many of the listed near-duplicates."""
    rows = []
    for name in PICTURES:
        audit, _ = prepared(data / name, folder / name, PrepareOptions(size=32 if name == "cifar10" else 64))
        listed = "–"
        if name == "cifar10":
            with (data / name / "near_duplicates.csv").open() as lines:
                wanted = [tuple(sorted((row["test_path"], row["train_path"]))) for row in csv.DictReader(lines)]
            listed = f"{sum(pair in pairs_in(audit) for pair in wanted)} of {len(wanted)}"
        rows.append(f"| {name} | {audit.records:,} | {len(audit.duplicates)} | {len(pairs_in(audit))} | {listed} |")
    return rows


def table(data: Path, seed: int) -> str:
    """All of it as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets = [("mocogan_shapes", "shapes.zip"), ("mocogan_actions_weizmann", "actions.zip")]
        summary, details = [], []
        for own, archive in sets:
            (folder / own).mkdir()
            rows, detail = clip_rows(data, own, archive, folder / own, seed)
            summary += rows
            details += ["", f"## Planted in {own}", "", "| copies | found |", "|---|---|", *detail]
        growth = growth_rows(np.stack(list(clips_of(data / "mocogan_shapes", "shapes.zip").values())))
        pictures = picture_rows(data, folder)
    lines = [
        "# Leaks and duplicates",
        "",
        f"`python benchmarks/leaks.py --seed {seed}` on {os.cpu_count()} cores of {platform.machine()}; "
        "seconds are processor time.",
        "",
        "| clips | records | leaks, none planted | duplicates, none planted | planted found | wrong beside them | "
        "seconds per 1,000 to compare, with the audit page |",
        "|---|---|---|---|---|---|---|",
        *summary,
        *details,
        "",
        "## Cost of the search alone",
        "",
        "| clips of 32 frames | seconds | seconds per 1,000 |",
        "|---|---|---|",
        *growth,
        "",
        "## Pictures",
        "",
        "| pictures | records | groups of duplicates | leaks | listed near-duplicates found |",
        "|---|---|---|---|---|",
        *pictures,
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DIORAMA_DATA", "../shared/data")))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of which clips are planted, and how much later they begin")
    options = parser.parse_args()
    text = table(options.data, options.seed)
    print(text)
    if options.out:
        write_text(options.out, text)


if __name__ == "__main__":
    main()
