"""Scenes in English."""

from __future__ import annotations

from diorama.data.synthetic.scene import Scene, WorldObject

_SURFACES = {"plain": "", "striped": "striped ", "dotted": "dotted ", "checked": "checked ", "shaded": "shaded "}
_BACKDROPS = {
    "dawn": "under a dawn sky",
    "fog": "in fog",
    "spotlight": "in a spotlight",
}
_MOTIONS = {"bounce": "bouncing off the walls", "gravity": "bouncing under gravity"}
_SLOW = 0.035
"""Speed in sides per frame that separates "slowly" from "fast"."""


def _phrase(thing: WorldObject, law: str | None) -> str:
    noun = f"a {thing.size} {_SURFACES[thing.texture]}{thing.colour} {thing.shape}"
    if law is None:
        return f"{noun} {thing.place}"
    pace = "slowly" if sum(v * v for v in thing.velocity) < _SLOW**2 else "fast"
    return f"{noun} moving {pace}" if law == "bounce" else noun


def caption(scene: Scene) -> str:
    """One sentence that names every object with its factors, the background and the motion."""
    things = [_phrase(thing, scene.law) for thing in scene.objects]
    listed = things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
    backdrop = _BACKDROPS.get(scene.background, f"on a {scene.background} background")
    motion = f" {_MOTIONS[scene.law]}" if scene.law else ""
    return f"{listed}{motion} {backdrop}"
