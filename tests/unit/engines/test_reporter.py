from __future__ import annotations

import json
from collections.abc import Iterator
from math import nan
from pathlib import Path

import pytest

from headway.domain.artifacts import Checkpoint, Standing
from headway.domain.manifest import Manifest
from headway.domain.states import State
from headway.engines import reporter as reporting
from headway.engines.base import Stopped
from headway.engines.logwriter import LogWriter
from headway.engines.reporter import FileReporter
from headway.wire.attempts import StopRequest, Verb
from headway.wire.lines import Line, LineKind, read_lines
from headway.wire.rundir import RunDir, find_checkpoint, hash_file
from tests.fakes.clock import SettableTime

_CANCEL = StopRequest(Verb.CANCEL, "someone", "asked to", "2026-01-01T00:00:00.000000Z")


class Stage:
    """A reporter over a real run directory, and what it has said."""

    def __init__(self, folder: Path) -> None:
        self.run = RunDir(folder)
        self.attempt = self.run.attempt(1)
        self.attempt.create()
        self.log = LogWriter(self.attempt.events)
        self.reporter = FileReporter(self.run, self.log)
        self._closed = False

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.log.close()

    def heard(self, kind: LineKind | None = None) -> list[Line]:
        """What was said, once nothing more will be."""
        self.close()
        lines = read_lines(self.attempt.events.read_bytes()).lines
        return [line for line in lines if kind in (None, line.kind)]


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> SettableTime:
    settable = SettableTime()
    monkeypatch.setattr(reporting, "time", settable)
    return settable


@pytest.fixture
def stage(tmp_path: Path, time: SettableTime) -> Iterator[Stage]:
    opened = Stage(tmp_path / "tr")
    yield opened
    opened.close()


# words


def test_what_an_engine_says_is_in_the_log_in_its_order(stage: Stage) -> None:
    said = stage.reporter
    said.enter(State.PREFLIGHT, "reading candles")
    said.note("no depth", level="warning")
    said.enter(State.TRAINING, "epoch 1")
    said.metrics(1, {"train/loss": 0.5, "train/kl": nan})
    said.enter(State.EVALUATING, "test window")

    assert [line.kind for line in stage.heard()] == [
        LineKind.PHASE,
        LineKind.NOTE,
        LineKind.PHASE,
        LineKind.NOTE,
        LineKind.METRICS,
        LineKind.PHASE,
    ]
    first, note, *_ = stage.heard()
    assert first.data == {"state": "preflight", "text": "reading candles"}
    assert note.data == {"level": "warning", "text": "no depth"}
    assert stage.heard(LineKind.METRICS)[0].data == {"rows": [[1, {"train/loss": 0.5}]]}


def test_the_manifest_is_written_whole(stage: Stage) -> None:
    stage.reporter.manifest(Manifest("tr", 1, "now", 7, {}, {"headway": "1"}, {}, {}))
    assert json.loads(stage.run.manifest.read_text(encoding="utf-8"))["seed"] == 7


def test_a_file_is_told_with_its_size_and_hash(stage: Stage) -> None:
    path = stage.run.path / "artifacts" / "model.zip"
    path.parent.mkdir()
    path.write_bytes(b"weights")

    found = stage.reporter.artifact(path, "model")

    assert (found.path, found.kind, found.size_bytes) == ("artifacts/model.zip", "model", 7)
    assert found.sha256 == hash_file(path)
    assert stage.heard(LineKind.ARTIFACT)[0].data == found.to_json()


# progress


def test_progress_is_told_of_the_whole_run_with_all_that_is_known(stage: Stage) -> None:
    stage.reporter.enter(State.TRAINING, "epoch 1")
    stage.reporter.advance(0.5, text="epoch 2/4", step=50, steps_total=100, epoch=2, epochs_total=4)

    (line,) = stage.heard(LineKind.PROGRESS)
    assert line.data == {
        "fraction": pytest.approx(0.5),
        "phase": "epoch 2/4",
        "step": 50,
        "steps_total": 100,
        "epoch": 2,
        "epochs_total": 4,
        "rate_per_s": None,
        "eta_s": None,
    }


def test_progress_is_told_a_few_times_a_second_however_often_it_is_said(
    stage: Stage, time: SettableTime
) -> None:
    stage.reporter.enter(State.TRAINING, "epoch 1")
    for batch in range(1000):
        stage.reporter.advance(batch / 1000, step=batch)
        time.advance(1 / 256)

    told = stage.heard(LineKind.PROGRESS)
    assert len(told) == 8  # a thousand batches take 3.9 seconds
    assert told[0].data["step"] == 0


def test_the_end_of_a_phase_and_the_first_word_of_the_next_are_always_told(stage: Stage) -> None:
    stage.reporter.enter(State.TRAINING, "epoch 1")
    stage.reporter.advance(0.1)
    stage.reporter.advance(0.2)
    stage.reporter.advance(1.0)
    stage.reporter.enter(State.EVALUATING, "test window")
    stage.reporter.advance(0.1)

    told = [line.data["fraction"] for line in stage.heard(LineKind.PROGRESS)]
    assert told == pytest.approx([0.14, 0.95, 0.955])


def test_what_is_left_follows_from_the_pace(stage: Stage, time: SettableTime) -> None:
    stage.reporter.enter(State.TRAINING, "epoch 1")
    time.advance(100)  # before the first batch: compiling, not training
    stage.reporter.advance(0.0, step=0)
    time.advance(10)
    stage.reporter.advance(0.25, step=50)
    time.advance(10)
    stage.reporter.advance(0.5, step=100)
    time.advance(20)
    stage.reporter.advance(1.0, step=200)

    told = [line.data["eta_s"] for line in stage.heard(LineKind.PROGRESS)]
    assert told[0] is None
    assert told[1:] == pytest.approx([30.0, 20.0, 0.0])


def test_the_pace_of_a_resumed_training_counts_from_where_it_began(stage: Stage, time: SettableTime) -> None:
    stage.reporter.enter(State.TRAINING, "resumed")
    stage.reporter.advance(0.8, step=800)
    time.advance(10)
    stage.reporter.advance(0.9, step=900)

    first, second = (line.data["eta_s"] for line in stage.heard(LineKind.PROGRESS))
    assert first is None
    assert second == pytest.approx(10.0)


def test_a_phase_has_a_pace_of_its_own(stage: Stage, time: SettableTime) -> None:
    stage.reporter.enter(State.TRAINING, "epoch 1")
    stage.reporter.advance(0.0)
    time.advance(1000)
    stage.reporter.advance(1.0)
    stage.reporter.enter(State.EVALUATING, "test window")
    stage.reporter.advance(0.0)
    time.advance(2)
    stage.reporter.advance(0.5)

    assert stage.heard(LineKind.PROGRESS)[-1].data["eta_s"] == pytest.approx(2.0)


def test_the_rate_is_that_of_the_last_seconds(stage: Stage, time: SettableTime) -> None:
    stage.reporter.enter(State.TRAINING, "epoch 1")
    step = 0
    for rate, seconds in ((100, 10), (500, 20)):
        for _ in range(seconds):
            stage.reporter.advance(0.5, step=step)
            time.advance(1)
            step += rate
    rates = [line.data["rate_per_s"] for line in stage.heard(LineKind.PROGRESS)]

    assert rates[0] is None
    assert rates[1] == rates[9] == pytest.approx(100.0)
    assert rates[-1] == pytest.approx(500.0)


def test_progress_without_steps_has_no_rate(stage: Stage, time: SettableTime) -> None:
    stage.reporter.enter(State.PREFLIGHT, "reading")
    stage.reporter.advance(0.1)
    time.advance(5)
    stage.reporter.advance(0.5)
    assert [line.data["rate_per_s"] for line in stage.heard(LineKind.PROGRESS)] == [None, None]


# stopping


def test_an_engine_that_was_not_asked_to_stop_goes_on(stage: Stage) -> None:
    stage.reporter.check()
    assert stage.reporter.stop_requested is None


def test_an_engine_is_stopped_at_its_next_check_by_the_first_request(stage: Stage) -> None:
    stage.reporter.request_stop(_CANCEL)
    stage.reporter.request_stop(StopRequest(Verb.MEMORY, "supervisor", "too much", "later"))

    assert stage.reporter.stop_requested is _CANCEL
    for _ in range(2):
        with pytest.raises(Stopped, match="asked to") as caught:
            stage.reporter.check()
        assert caught.value.request is _CANCEL


def test_a_log_that_cannot_be_written_stops_the_engine_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int, content: bytes) -> None:
        if content:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("headway.engines.logwriter._write_all", fail)
    stage.reporter.note("one")
    stage.log._thread.join(timeout=10)

    with pytest.raises(OSError, match="No space left"):
        stage.reporter.check()
    with pytest.raises(OSError, match="No space left"):
        stage.close()
    stage.log._file.close()


# checkpoints


def _save(stage: Stage, step: int) -> None:
    with stage.reporter.draft(step) as folder:
        (folder / "model.zip").write_bytes(b"weights %d" % step)


def _break_off(stage: Stage, step: int) -> None:
    with stage.reporter.draft(step) as folder:
        (folder / "model.zip").write_bytes(b"half")
        raise ZeroDivisionError


def test_a_draft_becomes_a_checkpoint_that_is_told(stage: Stage) -> None:
    _save(stage, 100)

    (sealed,) = stage.reporter.checkpoints
    assert (sealed.step, sealed.path) == (100, "checkpoints/000000000100")
    assert find_checkpoint(stage.run) == sealed
    assert stage.heard(LineKind.CHECKPOINT)[0].data == {
        **sealed.to_json(), "epoch": None, "val_loss": None, "val_score": None,
    }  # fmt: skip


def test_a_checkpoint_is_told_with_how_good_it_is(stage: Stage) -> None:
    with stage.reporter.draft(7, standing=Standing(2, 0.5, 0.55)) as folder:
        (folder / "model.zip").write_bytes(b"weights")

    told = stage.heard(LineKind.CHECKPOINT)[0].data
    assert (told["epoch"], told["val_loss"], told["val_score"]) == (2, 0.5, 0.55)
    assert Checkpoint.from_json(told) == stage.reporter.checkpoints[0]


def test_only_the_newest_checkpoints_are_kept_but_all_were_told(stage: Stage) -> None:
    for step in range(1, 6):
        _save(stage, step)

    kept = sorted(folder.name for folder in stage.run.checkpoints.iterdir())
    assert kept == ["000000000003", "000000000004", "000000000005"]
    assert [checkpoint.step for checkpoint in stage.reporter.checkpoints] == [1, 2, 3, 4, 5]
    assert [line.data["step"] for line in stage.heard(LineKind.CHECKPOINT)] == [1, 2, 3, 4, 5]


def test_an_engine_says_which_checkpoints_stay(stage: Stage) -> None:
    for step, keep in ((1, (1,)), (2, (1,)), (3, (1,))):
        with stage.reporter.draft(step, keep=keep) as folder:
            (folder / "model.zip").write_bytes(b"weights")

    assert sorted(int(folder.name) for folder in stage.run.checkpoints.iterdir()) == [1, 3]


def test_a_draft_that_breaks_off_is_no_checkpoint_and_is_gone_with_the_next(stage: Stage) -> None:
    _save(stage, 1)
    with pytest.raises(ZeroDivisionError):
        _break_off(stage, 2)

    found = find_checkpoint(stage.run)
    assert found is not None
    assert found.step == 1
    _save(stage, 3)

    assert not list(stage.run.checkpoints.glob(".draft-*"))
    assert [line.data["step"] for line in stage.heard(LineKind.CHECKPOINT)] == [1, 3]


def test_a_checkpoint_of_the_same_step_replaces_the_one_of_a_killed_process(stage: Stage) -> None:
    abandoned = stage.run.checkpoints / ".draft-7"
    abandoned.mkdir(parents=True)
    (abandoned / "model.zip").write_bytes(b"half")

    _save(stage, 7)
    _save(stage, 7)

    assert [folder.name for folder in stage.run.checkpoints.iterdir()] == ["000000000007"]
    assert find_checkpoint(stage.run) == stage.reporter.checkpoints[-1]


def test_numbers_before_a_checkpoint_are_in_the_log_before_it_is_sealed(stage: Stage) -> None:
    stage.reporter.metrics(39, {"train/loss": 0.5})

    with pytest.raises(FileNotFoundError), stage.reporter.draft(40) as folder:
        folder.rmdir()  # so that it is never sealed

    lines = read_lines(stage.attempt.events.read_bytes()).lines
    assert [line.data["rows"] for line in lines] == [[[39, {"train/loss": 0.5}]]]
