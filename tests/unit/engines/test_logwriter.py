from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from math import inf, nan
from pathlib import Path

import pytest

from headway.engines import logwriter
from headway.engines.logwriter import LogWriter, Pace
from headway.wire.lines import Line, LineKind, Reading, encode_line, read_lines
from tests.waiting import eventually


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def log(path: Path) -> Iterator[LogWriter]:
    """A writer that is closed by the test, or afterwards."""
    writer = LogWriter(path)
    yield writer
    if not writer._file.closed:
        writer.close()


def _read(path: Path) -> Reading:
    content = path.read_bytes()
    reading = read_lines(content)
    assert reading.rejected == []
    assert reading.consumed_bytes == len(content)
    return reading


def _lines(path: Path) -> list[Line]:
    return _read(path).lines


def _note(text: str) -> dict[str, str]:
    return {"level": "info", "text": text}


def _rows(path: Path) -> list[list[object]]:
    return [row for line in _lines(path) if line.kind is LineKind.METRICS for row in line.data["rows"]]


def test_what_was_handed_over_is_in_the_file_once_the_log_is_closed(log: LogWriter, path: Path) -> None:
    log.add(LineKind.NOTE, _note("one"))
    log.add(LineKind.NOTE, _note("two"), at_once=False)
    log.close()

    assert [(line.seq, line.data["text"]) for line in _lines(path)] == [(1, "one"), (2, "two")]
    assert all(line.at.endswith("Z") for line in _lines(path))


def test_a_log_of_nothing_is_an_empty_file(log: LogWriter, path: Path) -> None:
    log.close()
    assert path.read_bytes() == b""


def test_a_line_is_written_while_the_log_is_open(log: LogWriter, path: Path) -> None:
    written = threading.Event()
    original = logwriter._write_all

    def tell(descriptor: int, content: bytes) -> None:
        original(descriptor, content)
        if content:
            written.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logwriter, "_write_all", tell)
        log.add(LineKind.NOTE, _note("now"))
        assert written.wait(10)
    assert [line.data["text"] for line in _lines(path)] == ["now"]


def test_lines_and_rows_stay_in_the_order_in_which_they_were_said(log: LogWriter, path: Path) -> None:
    said: list[object] = []
    for step in range(300):
        log.add_metrics(step, {"a/b": float(step)})
        said.append(step)
        if step % 7 == 0:
            log.add(LineKind.NOTE, _note(f"after {step}"))
            said.append(f"after {step}")
    log.close()

    read: list[object] = []
    for line in _lines(path):
        read += (
            [row[0] for row in line.data["rows"]] if line.kind is LineKind.METRICS else [line.data["text"]]
        )
    assert read == said
    assert [line.seq for line in _lines(path)] == list(range(1, len(_lines(path)) + 1))


def test_rows_travel_together_but_a_line_holds_no_more_than_it_may(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logwriter, "_ROWS_A_LINE", 10)
    log = LogWriter(path)
    for step in range(95):
        log.add_metrics(step, {"a/b": 1.0})
    log.close()

    sizes = [len(line.data["rows"]) for line in _lines(path)]
    assert sum(sizes) == 95
    assert max(sizes) <= 10


def test_rows_of_many_numbers_make_no_line_that_the_store_would_not_take(path: Path) -> None:
    row = {f"a_group_of_many/number_{number:04d}": 1.0 / 3.0 for number in range(400)}
    log = LogWriter(path)
    for step in range(200):
        log.add_metrics(step, row)
    log.close()

    assert [step for step, _ in _rows(path)] == list(range(200))
    assert max(map(len, path.read_bytes().splitlines())) < 1 << 20


def test_whatever_stops_the_writing_is_told_to_who_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int, content: bytes) -> None:
        if content:
            raise MemoryError

    monkeypatch.setattr(logwriter, "_write_all", fail)
    log = LogWriter(path)
    log.add(LineKind.NOTE, _note("one"))
    with pytest.raises(MemoryError):
        log.sync()
    log._file.close()


def test_a_row_after_a_silence_does_not_wait_for_others(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logwriter, "_FIRST_PAUSE_S", 3600.0)
    log = LogWriter(path)
    log.add_metrics(1, {"a/b": 1.0})
    eventually(lambda: _rows(path), what="the row is in the file")

    log.add_metrics(2, {"a/b": 2.0})
    log.close()

    assert _rows(path) == [[1, {"a/b": 1.0}], [2, {"a/b": 2.0}]]


@pytest.mark.parametrize("interrupted_by", ["a silence", "a word that is urgent"])
def test_who_speaks_all_the_time_is_written_down_less_often(interrupted_by: str) -> None:
    pace, now = Pace(), 100.0
    waits = []
    for _ in range(5):
        waits.append(pace.wait_s(now))
        now += waits[-1]
        pace.wrote(now, urgent=False)
    if interrupted_by == "a silence":
        now += 1.0
        assert pace.wait_s(now) == pytest.approx(0.005)
    pace.wrote(now, urgent=interrupted_by != "a silence")

    assert waits == pytest.approx([0.005, 0.05, 0.1, 0.2, 0.2])
    assert pace.wait_s(now) == pytest.approx(0.05)


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_not_a_number_is_left_out_and_the_rest_of_the_row_kept(
    log: LogWriter, path: Path, value: float
) -> None:
    log.add_metrics(7, {"train/loss": value, "train/kl": 0.5})
    log.close()

    note, metrics = _lines(path)
    assert note.kind is LineKind.NOTE
    assert note.data["level"] == "warning"
    assert note.data["text"].startswith("train/loss is not a finite number at step 7")
    assert metrics.data == {"rows": [[7, {"train/kl": 0.5}]]}


def test_what_is_not_a_number_is_noted_once_a_name(log: LogWriter, path: Path) -> None:
    for step in range(50):
        log.add_metrics(step, {"train/loss": nan})
    log.add_metrics(50, {"train/kl": inf, "train/loss": nan})
    log.add_metrics(51, {"train/loss": 1.0})
    log.close()

    notes = [line.data["text"] for line in _lines(path) if line.kind is LineKind.NOTE]
    assert [text.split()[0] for text in notes] == ["train/loss", "train/kl"]
    assert _rows(path) == [[51, {"train/loss": 1.0}]]


def test_the_row_that_was_handed_over_is_the_one_that_is_written(log: LogWriter, path: Path) -> None:
    values = {"a/b": 1.0}
    log.add_metrics(1, values)
    values["a/b"] = 2.0
    log.add_metrics(2, values)
    log.close()
    assert _rows(path) == [[1, {"a/b": 1.0}], [2, {"a/b": 2.0}]]


def test_a_log_that_is_opened_again_goes_on_counting(path: Path) -> None:
    for text in ("one", "two"):
        log = LogWriter(path)
        log.add(LineKind.NOTE, _note(text))
        log.close()
    assert [(line.seq, line.data["text"]) for line in _lines(path)] == [(1, "one"), (2, "two")]


@pytest.mark.parametrize("cut", [1, 30, -1])
def test_a_torn_last_line_is_cut_off_and_its_number_given_again(path: Path, cut: int) -> None:
    whole = encode_line(1, "now", LineKind.NOTE, _note("one"))
    path.write_bytes(whole + encode_line(2, "now", LineKind.NOTE, _note("torn"))[:cut])

    log = LogWriter(path)
    log.add(LineKind.NOTE, _note("two"))
    log.close()

    assert [(line.seq, line.data["text"]) for line in _lines(path)] == [(1, "one"), (2, "two")]


def test_a_log_of_one_torn_line_begins_anew(path: Path) -> None:
    path.write_bytes(b'{"seq": 1, "at"')
    log = LogWriter(path)
    log.add(LineKind.NOTE, _note("one"))
    log.close()
    assert [line.seq for line in _lines(path)] == [1]


def test_many_threads_may_speak_and_no_line_is_lost_or_torn(log: LogWriter, path: Path) -> None:
    def speak(name: int) -> None:
        for number in range(200):
            log.add(LineKind.NOTE, _note(f"{name} {number}"), at_once=number % 10 == 0)

    threads = [threading.Thread(target=speak, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()

    texts = [line.data["text"] for line in _lines(path)]
    assert sorted(texts) == sorted(f"{name} {number}" for name in range(4) for number in range(200))
    for name in range(4):
        mine = [text for text in texts if text.startswith(f"{name} ")]
        assert mine == [f"{name} {number}" for number in range(200)]
    assert [line.seq for line in _lines(path)] == list(range(1, 801))


# a disk that is slow, and one that is full


def test_who_speaks_faster_than_the_disk_waits_and_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logwriter, "_MAX_WAITING", 50)
    original = logwriter._write_all
    disk, begun, spoken = threading.Event(), threading.Event(), threading.Event()

    def write_slowly(descriptor: int, content: bytes) -> None:
        begun.set()
        assert disk.wait(10)
        original(descriptor, content)

    monkeypatch.setattr(logwriter, "_write_all", write_slowly)
    log = LogWriter(path)

    def speak() -> None:
        for step in range(200):
            log.add_metrics(step, {"a/b": float(step)})
        spoken.set()

    speaker = threading.Thread(target=speak)
    log.add(LineKind.NOTE, {"level": "info", "text": "begun"})
    assert begun.wait(10)  # the writer has taken that line and waits for the disk
    speaker.start()
    eventually(lambda: len(log._waiting) > 50)
    assert not spoken.is_set()
    assert len(log._waiting) == 51

    disk.set()
    speaker.join(timeout=10)
    assert spoken.is_set()
    log.close()
    assert [row[0] for row in _rows(path)] == list(range(200))


def test_a_disk_that_is_full_is_told_at_the_next_check_and_at_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int, content: bytes) -> None:
        if content:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(logwriter, "_write_all", fail)
    log = LogWriter(path)
    log.require_healthy()
    log.add(LineKind.NOTE, _note("one"))
    log._thread.join(timeout=10)

    with pytest.raises(OSError, match="No space left"):
        log.require_healthy()
    with pytest.raises(OSError, match="No space left"):
        log.close()
    log._file.close()


def test_nobody_waits_for_a_disk_that_is_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int, content: bytes) -> None:
        if content:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(logwriter, "_write_all", fail)
    monkeypatch.setattr(logwriter, "_MAX_WAITING", 10)
    log = LogWriter(path)
    for step in range(100):
        log.add_metrics(step, {"a/b": 1.0})

    log._thread.join(timeout=10)
    with pytest.raises(OSError, match="No space left"):
        log.require_healthy()
    log._file.close()


def test_a_disk_that_takes_a_little_at_a_time_gets_the_whole_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, bytes(content)[:7]))
    log = LogWriter(path)
    log.add(LineKind.NOTE, _note("a rather long sentence"))
    log.close()
    monkeypatch.undo()
    assert [line.data["text"] for line in _lines(path)] == ["a rather long sentence"]


def test_after_a_sync_all_that_was_handed_over_is_in_the_file(path: Path, log: LogWriter) -> None:
    log.add_metrics(1, {"a/b": 1.0})
    log.add_metrics(2, {"a/b": 2.0})

    log.sync()

    assert [line.data["rows"] for line in _lines(path)] == [[[1, {"a/b": 1.0}], [2, {"a/b": 2.0}]]]


def test_a_sync_that_cannot_be_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(logwriter, "_write_all", fail)
    log = LogWriter(path)
    log.add_metrics(1, {"a/b": 1.0})

    with pytest.raises(OSError, match="No space left"):
        log.sync()
    log._file.close()
