from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.errors import CorruptRunFile
from headway.domain.json import Json
from headway.wire.lines import Line, LineKind, decode_line, encode_line, read_lines

_AT = "2026-01-01T00:00:00.000000Z"
_WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_OBJECTS = st.dictionaries(_WORDS, st.none() | st.booleans() | _NUMBERS | _WORDS, max_size=5)


def _line(seq: int, text: str = "hello") -> bytes:
    return encode_line(seq, _AT, LineKind.NOTE, {"level": "info", "text": text})


@given(st.integers(1, 2**53), st.sampled_from(LineKind), _OBJECTS)
def test_a_line_comes_back_as_it_was_said(seq: int, kind: LineKind, data: dict[str, Json]) -> None:
    raw = encode_line(seq, _AT, kind, data)

    assert raw.count(b"\n") == 1
    assert decode_line(raw) == Line(seq, _AT, kind, data)


@given(st.lists(_WORDS, max_size=6), st.data())
def test_a_log_that_is_cut_anywhere_and_read_on_loses_nothing(texts: list[str], draw: st.DataObject) -> None:
    log = b"".join(_line(seq, text) for seq, text in enumerate(texts, 1))
    cut = draw.draw(st.integers(0, len(log)))

    first = read_lines(log[:cut])
    second = read_lines(log[first.consumed_bytes :])

    assert [line.data["text"] for line in first.lines + second.lines] == texts
    assert first.rejected + second.rejected == []
    assert first.consumed_bytes + second.consumed_bytes == len(log)


def test_a_torn_last_line_is_left_for_the_next_reading() -> None:
    torn = _line(1) + _line(2)[:-1]

    reading = read_lines(torn)

    assert [line.seq for line in reading.lines] == [1]
    assert reading.consumed_bytes == len(_line(1))
    assert reading.rejected == []


def test_nothing_is_read_from_nothing() -> None:
    for chunk in (b"", b'{"seq": 1'):
        reading = read_lines(chunk)
        assert (reading.lines, reading.consumed_bytes, reading.rejected) == ([], 0, [])


@pytest.mark.parametrize(
    "garbage",
    [
        b"Traceback (most recent call last):",
        b"",
        b"[1, 2]",
        b"null",
        b"7",
        b"\xff\xfe\x00",
        b'{"seq": 1, "at": "now", "kind": "note"}',
        b'{"seq": 1, "at": "now", "kind": "gossip", "data": {}}',
        b'{"seq": "one", "at": "now", "kind": "note", "data": {}}',
        b'{"seq": null, "at": "now", "kind": "note", "data": {}}',
        b'{"seq": 1, "at": "now", "kind": "note", "data": 5}',
        b'{"seq": 1, "at": "now", "kind": "note", "data": {"x": NaN}}',
        b'{"seq": 1e999, "at": "now", "kind": "note", "data": {}}',
        b"[" * 100_000,
    ],
)
def test_garbage_is_named_and_the_lines_around_it_are_read(garbage: bytes) -> None:
    with pytest.raises(CorruptRunFile, match="not a log line"):
        decode_line(garbage)

    reading = read_lines(_line(1) + garbage + b"\n" + _line(2))

    assert [line.seq for line in reading.lines] == [1, 2]
    assert len(reading.rejected) == 1
    assert "not a log line" in reading.rejected[0]


def test_the_name_of_a_long_garbage_line_is_short() -> None:
    (rejected,) = read_lines(b"x" * 100_000 + b"\n").rejected
    assert len(rejected) < 300


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_not_a_number_never_reaches_the_log(value: float) -> None:
    with pytest.raises(ValueError):
        encode_line(1, _AT, LineKind.METRICS, {"rows": [[1, {"train/loss": value}]]})


def test_breaks_of_lines_inside_a_text_do_not_break_the_line() -> None:
    text = "one\ntwo\r\nthree\rfour\u2028five\x85six\x0cseven"
    reading = read_lines(_line(1, text) + _line(2))

    assert [line.data["text"] for line in reading.lines] == [text, "hello"]


@pytest.mark.parametrize("seq", [0, -1, 2**53 + 1, 2**80])
def test_a_number_that_no_log_counts_to_is_no_line(seq: int) -> None:
    with pytest.raises(CorruptRunFile, match="seq"):
        decode_line(b'{"seq": %d, "at": "now", "kind": "note", "data": {}}' % seq)
