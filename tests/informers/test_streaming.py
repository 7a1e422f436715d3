"""Lists item by item and watches line by line, whatever the chunks (contracts R18, P2, P3)."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from informers.streaming import decode_list, lines

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


CUTS = st.lists(st.integers(0, 10**6), max_size=20)


@given(st.lists(JSON, max_size=6), CUTS)
def test_lines_are_whole_whatever_the_chunks(objects, cuts):  # contract R18
    data = b"".join(json.dumps(o, ensure_ascii=False).encode() + b"\n" for o in objects)
    assert [json.loads(line) for line in lines(pieces(data, cuts))] == objects


def test_last_part_without_a_newline_is_dropped_and_blank_lines_say_nothing():
    assert list(lines([b"1\n\n", b" \r\n2", b"2\n", b"", b"3"])) == [b"1", b"22"]


@given(
    st.lists(JSON, max_size=6), st.dictionaries(st.sampled_from(["kind", "metadata", "x"]), JSON), st.booleans(), CUTS
)
def test_list_is_decoded_whatever_the_chunks(items, rest, items_first, cuts):  # contract P2
    whole = {"items": items, **rest} if items_first else {**rest, "items": items}
    taken = []
    found = decode_list(pieces(json.dumps(whole, ensure_ascii=False).encode(), cuts), taken.append)
    assert (taken, found) == (items, rest)


@pytest.mark.parametrize(
    ("text", "items", "rest"),
    [
        ("{}", [], {}),
        (' { "items" : [ ] , "n" : 12 } ', [], {"n": 12}),
        ('{"items": null, "kind": "X"}', [], {"items": None, "kind": "X"}),
        ('{"n": 1, "items": [1, 2.5, -3]}', [1, 2.5, -3], {"n": 1}),
    ],
)
def test_odd_lists(text, items, rest):  # contract P2
    taken = []
    assert decode_list([bytes([byte]) for byte in text.encode()], taken.append) == rest
    assert taken == items


@pytest.mark.parametrize(
    "text",
    ["", "[]", "<html>", "null", '{"items": [1, 2', '{"items": [1 2]}', '{"a" 1}', '{"a": 1', '{"a": tru}', '"a"'],
)
def test_what_is_no_list_or_breaks_off_is_an_error(text):  # contract R9
    with pytest.raises(ValueError, match=r".+"):
        decode_list([text.encode()], lambda _: None)


def test_text_that_is_no_utf8_is_an_error():
    with pytest.raises(ValueError, match="utf-8"):
        decode_list([b'{"a": "\xff"}'], lambda _: None)


def test_watch_line_of_5_mb():  # contracts R18, P3
    big = json.dumps({"a": "x" * 5_000_000}).encode()
    chunks = [big[i : i + 1000] for i in range(0, len(big), 1000)]
    (line,) = lines([*chunks, b"\n"])
    assert line == big


def test_item_of_5_mb_in_small_chunks():  # contract P2
    big = json.dumps({"items": [{"a": "x" * 5_000_000}, 1]}).encode()
    taken = []
    decode_list([big[i : i + 1000] for i in range(0, len(big), 1000)], taken.append)
    assert (len(taken[0]["a"]), taken[1]) == (5_000_000, 1)
