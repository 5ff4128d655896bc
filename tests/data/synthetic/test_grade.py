"""The report of the reader: right, wrong and abstained add up, and nothing is counted in its favour."""

from __future__ import annotations

from dataclasses import replace

from diorama.data.synthetic.grade import GRADED, Grade, grade
from diorama.data.synthetic.readings import ObjectReading, SceneReading
from diorama.data.synthetic.scene import Scene, WorldObject

THING = WorldObject(shape="star", colour="red", size="small", texture="plain", x=0.3, y=0.4)
SCENE = Scene(background="sand", objects=(THING,))
READ = ObjectReading(
    colour="red", shape="star", size="small", texture="plain", x=0.301, y=0.399, visible=1.0, error=0.0
)
READING = SceneReading(background="sand", objects=(READ,), count=1, explained=1.0)


def test_a_perfect_reading_is_right_in_everything() -> None:
    grades = grade([SCENE], [READING])
    assert set(grades) == set(GRADED)
    assert all(result == Grade(right=1, wrong=0, abstained=0) for result in grades.values())


def test_mistakes_and_silence_are_told_apart() -> None:
    off = replace(READ, shape="circle", texture=None, x=0.4)
    grades = grade([SCENE], [replace(READING, objects=(off,), count=None)])
    assert grades["shape"] == Grade(right=0, wrong=1, abstained=0)
    assert grades["texture"] == Grade(right=0, wrong=0, abstained=1)
    assert grades["position"].wrong == 1
    assert grades["count"].abstention == 1.0
    assert grades["size"].accuracy == 1.0


def test_an_object_not_found_abstains_in_every_factor() -> None:
    grades = grade([SCENE], [replace(READING, objects=())])
    assert all(grades[factor].abstained == 1 for factor in ("colour", "shape", "size", "texture", "position"))


def test_hidden_objects_are_left_out() -> None:
    scene = replace(SCENE, objects=(replace(THING, visible=0.3),))
    grades = grade([scene], [READING])
    assert grades["shape"].asked == 0
    assert grades["count"].asked == 0
    assert grades["shape"].accuracy == 1.0
    assert grades["shape"].abstention == 0.0
