"""Labels by name and by number, and that a number is a name where class names are numbers."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pytest
import torch

from diorama.core.contracts import ConditionSpec
from diorama.core.errors import BadInput
from diorama.synthesis.labels import class_number, how_taken, label_tensor, numbers_are_names
from tests.synthesis.models import tiny_diffusion, tiny_gan

WORDS = ConditionSpec(key="label", names=("cat", "dog"), null=2)
DIGITS = ConditionSpec(key="label", names=("3", "7"), null=2)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("cat", "dog"), False),
        (("3", "7"), True),
        (("cat", "7"), True),
        (("007",), True),
        (("-1", "+1"), True),
        (("1.5", "2,5"), True),
        (("v2", "3 dogs", "c3", ""), False),
    ],
)
def test_class_names_that_are_numbers_are_seen(names: tuple[str, ...], expected: bool) -> None:
    assert numbers_are_names(names) is expected


def test_a_number_is_an_index_only_where_no_class_name_is_one() -> None:
    assert class_number(WORDS.names, "1") == 1
    assert class_number(DIGITS.names, "7") == 1
    assert class_number(("cat", "0"), "0") == 1
    for asked in ("0", "1", "2", "03", "-3"):
        with pytest.raises(BadInput, match="a number is always a name; it knows 3, 7, or all"):
            class_number(DIGITS.names, asked)


def test_what_is_no_class_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"label 'dgo' \(did you mean 'dog'\?\): the model knows cat, dog, or their n"):
        class_number(WORDS.names, "dgo")
    with pytest.raises(BadInput, match="0 to 1"):
        class_number(WORDS.names, "2")
    many = tuple(f"class {chr(97 + i)}" for i in range(26))
    with pytest.raises(BadInput, match="class l and 14 more, or their numbers, 0 to 25"):
        class_number(many, "zebra")


def test_an_accent_may_be_typed_in_either_way() -> None:
    composed, decomposed = (unicodedata.normalize(form, "éclair") for form in ("NFC", "NFD"))
    assert class_number((decomposed, "pie"), composed) == class_number((composed, "pie"), decomposed) == 0


def test_what_a_label_was_taken_for_is_said_where_it_could_be_doubted() -> None:
    assert how_taken(WORDS.names, "1") == "label '1' is class number 1, 'dog'"
    assert how_taken(("all", "none"), "all") == "label 'all' is the class of that name, not the classes in turn"
    assert [how_taken(WORDS.names, "dog"), how_taken(WORDS.names, "all"), how_taken(DIGITS.names, "7")] == ["", "", ""]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("dog", [1, 1, 1]),
        (["dog"], [1, 1, 1]),
        (("cat", "dog", "cat"), [0, 1, 0]),
        (1, [1, 1, 1]),
        ([1], [1, 1, 1]),
        ([0, 1, 2], [0, 1, 2]),
        (["cat", 1, "1"], [0, 1, 1]),
        (np.int64(1), [1, 1, 1]),
        (np.array([0, 1, 0]), [0, 1, 0]),
        (np.array(["dog", "cat", "dog"]), [1, 0, 1]),
        (torch.tensor([1, 0, 1]), [1, 0, 1]),
        (range(3), [0, 1, 2]),
        ("all", [1, 0, 1]),
    ],
)
def test_labels_are_given_as_people_write_them(given: Any, expected: list[int]) -> None:
    assert label_tensor(WORDS, given, 3, first=5).tolist() == expected


def test_numbers_in_a_list_are_names_where_class_names_are_numbers() -> None:
    assert label_tensor(DIGITS, [3, 7, 3], 3).tolist() == [0, 1, 0]
    assert label_tensor(DIGITS, 7, 2).tolist() == [1, 1]
    # A tensor or an array holds class numbers, as everywhere.
    assert label_tensor(DIGITS, torch.tensor([1, 0]), 2).tolist() == [1, 0]
    for wrong in (1, [0, 1], "1"):
        with pytest.raises(BadInput, match="a number is always a name"):
            label_tensor(DIGITS, wrong, 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["cat", "dog"], "3 samples are given 3 labels, or one for all, got 2"),
        ([], "got 0"),
        (None, "is a class name, its number, a list of them, or an int64 tensor, got None"),
        (1.0, "got 1.0"),
        ({"cat"}, "got set"),
        ([None], "None is neither a class name nor a class number"),
        ([True], "True is neither"),
        (["cta"], "did you mean 'cat'"),
    ],
)
def test_what_is_no_label_is_refused(given: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        label_tensor(WORDS, given, 3)


def test_a_model_draws_the_class_that_is_named() -> None:
    model = tiny_diffusion(("cat", "dog"))
    expected = model.sample(3, condition={"label": torch.tensor([1, 1, 1])})
    assert not torch.equal(expected, model.sample(3))
    for given in ("dog", ["dog"], 1, [1], ["dog", "dog", 1], "1"):
        assert torch.equal(model.sample(3, condition={"label": given}), expected)
    whole = model.sample(4, condition={"label": "all"})
    # Processors multiply batches of three and of four in another order.
    torch.testing.assert_close(model.sample(3, first=1, condition={"label": "all"}), whole[1:], rtol=1e-4, atol=1e-5)


def test_a_model_refuses_what_it_is_not_given() -> None:
    model = tiny_diffusion(("cat", "dog"))
    with pytest.raises(BadInput, match=r"'lable' \(did you mean 'label'\?\): this model is given label"):
        model.sample(1, condition={"lable": ["cat"]})
    with pytest.raises(BadInput, match="label must be in 0 … 1, for cat, dog"):
        model.sample(1, condition={"label": [5]})
    with pytest.raises(BadInput, match="'label': this model was trained without any condition"):
        tiny_gan().sample(1, condition={"label": ["cat"]})
    # A whole batch may be handed on.
    batch = {"label": torch.tensor([1]), "index": torch.tensor([0])}
    assert torch.equal(model.sample(1, condition=batch), model.sample(1, condition={"label": "dog"}))
