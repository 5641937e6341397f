from __future__ import annotations

import pytest

from headway.client.sse import COMMENT, Frame, read_frames

STREAM = b'id: 1\nevent: run_queued\ndata: {"a":1}\n\n: keep-alive\n\nevent: progress\ndata: {}\n\n'
FRAMES = [Frame("run_queued", '{"a":1}', "1"), Frame(COMMENT, "keep-alive"), Frame("progress", "{}")]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_frames_are_the_same_wherever_the_bytes_are_cut(size: int, line_end: bytes) -> None:
    stream = STREAM.replace(b"\n", line_end)
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert list(read_frames(chunks)) == FRAMES


def test_a_line_separator_inside_json_does_not_end_the_line() -> None:
    text = '{"text":"a\u2028b\x85c"}'
    assert [frame.text for frame in read_frames([f"data: {text}\n\n".encode()])] == [text]


def test_a_frame_that_the_end_cuts_off_is_dropped() -> None:
    assert list(read_frames([b"data: 1\n\nid: 2\ndata: 2\n"])) == [Frame("message", "1")]


def test_data_lines_are_joined_and_an_id_alone_tells_nothing() -> None:
    assert list(read_frames([b"id: 7\n\n\xef\xbb\xbfdata:a\ndata: b\n\n"])) != []
    assert list(read_frames([b"\xef\xbb\xbfdata:a\ndata: b\n\nid: 7\n\ndata: c\n\n"])) == [
        Frame("message", "a\nb"),
        Frame("message", "c"),
    ]


def test_carriage_returns_alone_end_lines_too() -> None:
    assert list(read_frames([b"data: a\r\rdata: b\r\r", b": end\n"])) == [
        Frame("message", "a"),
        Frame("message", "b"),
        Frame(COMMENT, "end"),
    ]
