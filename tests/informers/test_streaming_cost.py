"""What decoding costs: nothing is held longer, or looked at more often, than it must be (contracts R18, P1 to P3)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from informers import streaming
from informers.streaming import decode_list, lines


class CountingDecoder:
    """Counts how often decoding is tried, and over how much text."""

    def __init__(self, decoder):
        self.decoder = decoder
        self.characters = 0
        self.tries = 0

    def raw_decode(self, text, at):
        self.tries += 1
        self.characters += len(text) - at
        return self.decoder.raw_decode(text, at)


@pytest.fixture
def decoder(monkeypatch):
    it = CountingDecoder(json.JSONDecoder())
    monkeypatch.setattr(streaming, "_DECODER", it)
    return it


def cut(data, size):
    return [data[i : i + size] for i in range(0, len(data), size)]


def test_item_of_any_size_is_decoded_in_linear_time(decoder):  # contracts R18, P2
    big = json.dumps({"items": [{"a": "x" * 1_000_000}]}).encode()
    taken = []
    decode_list(cut(big, 1000), taken.append)
    assert len(taken[0]["a"]) == 1_000_000
    assert decoder.tries < 30
    assert decoder.characters < 4 * len(big)


def test_items_are_handed_on_as_they_arrive():  # contracts P1, P2
    taken = []

    def chunks():
        yield b'{"kind": "L", "items": ['
        for n in range(100):
            assert len(taken) == n
            yield f'{{"n": {n}}}{"," if n < 99 else ""}'.encode()
        yield b'], "metadata": {"resourceVersion": "7"}}'

    assert decode_list(chunks(), taken.append) == {"kind": "L", "metadata": {"resourceVersion": "7"}}
    assert taken == [{"n": n} for n in range(100)]


def test_lines_are_handed_on_as_they_arrive():  # contract P3
    seen = []

    def chunks():
        for n in range(10):
            assert len(seen) == n
            yield f"{n}\n".encode()

    seen.extend(lines(chunks()))
    assert seen == [str(n).encode() for n in range(10)]


def test_text_before_an_item_is_let_go():  # contract P2
    text = streaming._Text(iter([b'{"items": [' + b"1, " * 1000, b"2]}"]))
    text.expect("{")
    assert text.value() == "items"
    text.expect(":")
    text.expect("[")
    for _ in range(1000):
        assert text.value() == 1
        text.expect(",")
    assert text.value() == 2
    assert len(text._buffer) < 10


@given(st.integers(1, 7), st.text(max_size=20), st.text(max_size=20))
def test_characters_of_several_bytes_may_be_cut_anywhere(size, first, second):  # contract R18
    items = [{first: second}, second]
    whole = json.dumps({"items": items, "metadata": first}, ensure_ascii=False).encode()
    taken = []
    assert decode_list(cut(whole, size), taken.append) == {"metadata": first}
    assert taken == items
    several = b"\n".join(json.dumps(item, ensure_ascii=False).encode() for item in items) + b"\n"
    assert [json.loads(line) for line in lines(cut(several, size))] == items


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.integers(1, 3))
def test_numbers_may_be_cut_anywhere(real, whole, size):  # contract R18
    taken = []
    rest = decode_list(cut(json.dumps({"n": real, "items": [whole, real]}).encode(), size), taken.append)
    assert (rest, taken) == ({"n": real}, [whole, real])


@given(st.binary(max_size=200), st.integers(1, 20))
def test_bytes_without_sense_are_an_error_and_never_anything_else(data, size):  # contracts R9, R18
    taken = []
    try:
        found = decode_list(cut(data, size), taken.append)
    except ValueError:
        return
    assert isinstance(found, dict)


@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b" ")), max_size=6), st.binary(max_size=5))
def test_every_line_arrives_whole_and_what_has_no_end_never(whole, tail):  # contract R18
    data = b"".join(line + b"\n" for line in whole)
    for size in (1, 3, 1000):
        found = list(lines(cut(data + tail.replace(b"\n", b""), size)))
        assert found == [line for line in whole if line.strip()]
