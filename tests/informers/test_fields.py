"""Reading fields whose types nobody has checked: the value, its default, or what is wrong, word for word."""

import re

import pytest

from informers import fields
from informers.fields import HIGHEST_INT64
from informers.types import FieldError

LONG = "x" * 100


@pytest.mark.parametrize(
    ("read", "absent", "value"),
    [
        (fields.mapping, {}, {"a": 1}),
        (fields.items, [], [{"a": 1}, {}]),
        (fields.texts, (), ["a", ""]),
        (fields.labels, {}, {"a": "b"}),
        (fields.text, "", "a"),
        (fields.whole, 0, 7),
    ],
)
def test_field_is_its_value_or_the_default(read, absent, value):
    assert read({}, "f", "spec.") == absent
    assert read({"f": None, "g": value}, "f", "spec.") == absent
    found = read({"f": value}, "f", "spec.")
    assert (list(found) if isinstance(found, tuple) else found) == value


@pytest.mark.parametrize(
    ("read", "value", "wrong"),
    [
        (fields.mapping, [1], "spec.f must be an object, not a list"),
        (fields.mapping, LONG, f"spec.f must be an object, not {LONG[:80]!r}"),
        (fields.items, {}, "spec.f must be a list, not an object"),
        (fields.items, [{}, 7], "spec.f[1] must be an object, not 7"),
        (fields.texts, True, "spec.f must be a list, not True"),
        (fields.texts, ["a", 1], "spec.f must be a list of texts"),
        (fields.labels, "a", "spec.f must be an object, not 'a'"),
        (fields.labels, {"a": 1}, "spec.f must hold nothing but texts"),
        (fields.text, 7.5, "spec.f must be a string, not 7.5"),
        (fields.text, HIGHEST_INT64 + 1, "spec.f must be a string, not a larger number"),
        (fields.text, -HIGHEST_INT64 - 1, "spec.f must be a string, not a smaller number"),
        (fields.text, HIGHEST_INT64, f"spec.f must be a string, not {HIGHEST_INT64}"),
    ],
)
def test_value_of_another_type_is_named_with_its_place(read, value, wrong):
    with pytest.raises(FieldError, match=f"^{re.escape(wrong)}$"):
        read({"f": value}, "f", "spec.")


@pytest.mark.parametrize(("value", "found"), [(1, 1), (9, 9), (3.0, 3), (None, 5)])
def test_whole_number_lies_within_its_bounds(value, found):
    assert fields.whole({"f": value}, "f", "", default=5, lowest=1, highest=9) == found


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (10, "10"), (3.5, "3.5"), (True, "True"), ("3", "'3'"), (float("inf"), "inf")]
)
def test_what_is_no_whole_number_within_the_bounds_is_refused(value, shown):
    with pytest.raises(FieldError, match=f"^f must be a whole number between 1 and 9, not {re.escape(shown)}$"):
        fields.whole({"f": value}, "f", "", lowest=1, highest=9)


@pytest.mark.parametrize("value", [0, HIGHEST_INT64])
def test_whole_number_without_bounds_is_one_of_64_bits(value):
    assert fields.whole({"f": value}, "f", "") == value
    with pytest.raises(FieldError):
        fields.whole({"f": -1 if value == 0 else value + 1}, "f", "")
