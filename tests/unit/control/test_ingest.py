from __future__ import annotations

import pytest

from headway.control import ingest as ingesting
from headway.control.ingest import drain, ingest, ingest_from
from headway.domain.artifacts import Artifact, Checkpoint
from headway.domain.clock import format_utc
from headway.domain.errors import StaleAttempt
from headway.domain.events import EventKind
from headway.domain.progress import overall_fraction
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import LogCursor
from headway.wire.lines import LineKind, encode_line
from tests.factories import moment
from tests.fakes.services import Services
from tests.unit.control.acts import begin, events, get, kinds, log_of, say, scribble


@pytest.fixture
def run(services: Services) -> Run:
    """A run whose attempt has started and said nothing."""
    return begin(services)


def _cursor(services: Services, run: Run) -> LogCursor:
    return services.context.store.read(lambda tx: tx.log_cursor(run.id, run.attempt))


def _enter(services: Services, run: Run, state: State) -> None:
    say(services, run, LineKind.PHASE, state=state.value, text=f"now {state.value}")


def _fraction(services: Services, run: Run, fraction: float) -> None:
    say(services, run, LineKind.PROGRESS, fraction=fraction, phase="epoch", step=int(fraction * 1000))


def _note(seq: int, text: str = "hello") -> bytes:
    return encode_line(seq, format_utc(moment(0)), LineKind.NOTE, {"level": "info", "text": text})


def _texts(services: Services, run: Run) -> list[object]:
    return [event.data["text"] for event in events(services, run) if event.kind is EventKind.NOTE_LOGGED]


# phases


def test_a_silent_attempt_has_nothing_new(services: Services, run: Run) -> None:
    assert ingest(services.context, run) is False
    log_of(services, run).touch()
    assert ingest(services.context, run) is False


def test_an_attempt_goes_through_its_phases(services: Services, run: Run) -> None:
    _enter(services, run, State.PREFLIGHT)
    ingest(services.context, run)
    assert get(services, run.id).state is State.PREFLIGHT
    assert get(services, run.id).progress.phase == "now preflight"

    services.clock.advance(7)
    _enter(services, run, State.TRAINING)
    ingest(services.context, run)
    training = get(services, run.id)
    assert (training.state, training.started_at) == (State.TRAINING, moment(7))

    services.clock.advance(7)
    _enter(services, run, State.EVALUATING)
    ingest(services.context, run)
    evaluating = get(services, run.id)
    assert (evaluating.state, evaluating.started_at) == (State.EVALUATING, moment(7))
    assert evaluating.progress.phase == "now evaluating"
    assert kinds(services, run)[-2:] == [EventKind.TRAINING_STARTED, EventKind.EVALUATION_STARTED]


def test_an_attempt_that_evaluates_at_once_has_also_trained(services: Services, run: Run) -> None:
    _enter(services, run, State.EVALUATING)
    ingest(services.context, run)

    assert get(services, run.id).state is State.EVALUATING
    assert get(services, run.id).started_at == moment(0)
    assert kinds(services, run)[-2:] == [EventKind.TRAINING_STARTED, EventKind.EVALUATION_STARTED]


def test_phases_never_go_back(services: Services, run: Run) -> None:
    for state in (State.EVALUATING, State.TRAINING, State.PREFLIGHT, State.EVALUATING):
        _enter(services, run, state)
    ingest(services.context, run)

    assert get(services, run.id).state is State.EVALUATING
    assert kinds(services, run).count(EventKind.TRAINING_STARTED) == 1
    assert kinds(services, run).count(EventKind.EVALUATION_STARTED) == 1


# progress


def test_progress_never_falls_back(services: Services, run: Run) -> None:
    seen = []
    for fraction in (0.1, 0.5, 0.3, 0.6):
        _fraction(services, run, fraction)
        ingest(services.context, run)
        seen.append(get(services, run.id).progress.fraction)

    assert seen == [0.1, 0.5, 0.5, 0.6]
    assert get(services, run.id).progress.step == 600


def test_progress_stays_where_it_is_when_a_phase_begins(services: Services, run: Run) -> None:
    _fraction(services, run, 0.4)
    _enter(services, run, State.TRAINING)
    ingest(services.context, run)
    assert get(services, run.id).progress.fraction == 0.4


def test_progress_is_kept_as_an_event_at_most_once_a_percent(services: Services, run: Run) -> None:
    for step in range(2001):
        scribble(
            services,
            run,
            encode_line(
                step + 1,
                format_utc(moment(0)),
                LineKind.PROGRESS,
                {"fraction": overall_fraction(State.TRAINING, step / 2000)},
            ),
        )
    drain(services.context, run)

    kept = [e.data for e in events(services, run) if e.kind is EventKind.PROGRESS_REPORTED]
    assert 85 <= len(kept) <= 95
    assert get(services, run.id).progress.fraction == pytest.approx(0.95)


# metrics and files


def test_metrics_are_stored_in_order_and_the_newest_shown(services: Services, run: Run) -> None:
    say(
        services,
        run,
        LineKind.METRICS,
        rows=[[1, {"train/loss": 3.0, "train/kl": 0.1}], [2, {"train/loss": 2.0}]],
    )
    say(services, run, LineKind.METRICS, rows=[[3, {"train/loss": 1.5}]])
    drain(services.context, run)

    series = services.context.store.read(lambda tx: tx.series(run.id, "train/loss"))
    assert [(b.first_step, b.min_value) for b in series] == [(1, 3.0), (2, 2.0), (3, 1.5)]
    assert get(services, run.id).latest == {"train/loss": 1.5, "train/kl": 0.1}
    assert services.context.store.read(lambda tx: tx.count_points(run.id)) == 4


def test_the_best_of_each_metric_is_kept_by_its_own_direction(services: Services, run: Run) -> None:
    rows = [[1, {"val/loss": 3.0, "val/f1": 0.2, "train/kl": 1.0}], [2, {"val/loss": 2.0, "val/f1": 0.4}]]
    say(services, run, LineKind.METRICS, rows=rows)
    say(services, run, LineKind.METRICS, rows=[[3, {"val/loss": 2.5, "val/f1": 0.3, "train/kl": 0.5}]])
    drain(services.context, run)

    assert get(services, run.id).best == {"val/loss": 2.0, "val/f1": 0.4}
    assert get(services, run.id).latest["val/loss"] == 2.5


def test_what_a_later_attempt_takes_the_place_of_is_no_best(services: Services, run: Run) -> None:
    say(
        services,
        run,
        LineKind.METRICS,
        rows=[[1, {"val/loss": 3.0}], [2, {"val/loss": 2.0}], [3, {"val/loss": 1.0}]],
    )
    drain(services.context, run)
    ended = get(services, run.id)
    resumed = ended.evolve(attempt=2, latest={}, event_seq=ended.event_seq + 1)
    services.context.store.write(lambda tx: tx.update_run(resumed, expected_seq=ended.event_seq))
    services.context.run_dir(run.id).attempt(2).create()

    say(services, resumed, LineKind.METRICS, rows=[[3, {"val/loss": 2.5}], [4, {"val/loss": 2.2}]])
    drain(services.context, resumed)

    assert get(services, run.id).best == {"val/loss": 2.0}


def test_metrics_alone_are_no_events(services: Services, run: Run) -> None:
    before = kinds(services, run)
    say(services, run, LineKind.METRICS, rows=[[1, {"train/loss": 3.0}]])
    ingest(services.context, run)
    assert kinds(services, run) == before


def test_files_are_kept_and_told(services: Services, run: Run) -> None:
    artifact, checkpoint = (
        Artifact("artifacts/m.zip", "model", 5, "ab"),
        Checkpoint("checkpoints/5", 5, 9, "cd"),
    )
    say(services, run, LineKind.ARTIFACT, **artifact.to_json())
    say(services, run, LineKind.CHECKPOINT, **checkpoint.to_json())
    ingest(services.context, run)

    assert services.context.store.read(lambda tx: tx.artifacts(run.id)) == [artifact]
    assert services.context.store.read(lambda tx: tx.checkpoints(run.id)) == [checkpoint]
    kept = events(services, run)[-2:]
    assert [event.kind for event in kept] == [EventKind.ARTIFACT_SAVED, EventKind.CHECKPOINT_SAVED]
    assert kept[1].data == checkpoint.to_json()


def test_what_an_attempt_says_of_its_own_end_does_not_end_it(services: Services, run: Run) -> None:
    say(services, run, LineKind.ENDED, reason="completed", error=None)
    ingest(services.context, run)
    assert get(services, run.id).state is State.PREFLIGHT


def test_a_note_is_kept_at_the_moment_it_was_written(services: Services, run: Run) -> None:
    services.clock.advance(3)
    say(services, run, LineKind.NOTE, level="warning", text="é")
    services.clock.advance(60)
    ingest(services.context, run)

    event = events(services, run)[-1]
    assert (event.at, event.attempt, event.data) == (moment(3), 1, {"level": "warning", "text": "é"})


# exactly once


def test_what_was_read_is_not_read_again(services: Services, run: Run) -> None:
    say(services, run, LineKind.METRICS, rows=[[1, {"a/b": 1.0}]])
    say(services, run, LineKind.NOTE, level="info", text="once")

    assert ingest(services.context, run) is True
    state, points = get(services, run.id), services.context.store.read(lambda tx: tx.count_points(run.id))
    assert ingest(services.context, run) is False

    assert get(services, run.id) == state
    assert services.context.store.read(lambda tx: tx.count_points(run.id)) == points == 1
    assert _texts(services, run) == ["once"]


def test_a_reader_that_is_behind_takes_the_cursor_of_the_faster_one(services: Services, run: Run) -> None:
    say(services, run, LineKind.METRICS, rows=[[1, {"a/b": 1.0}]])
    old = _cursor(services, run)
    ingest(services.context, run)

    assert ingest_from(services.context, run, old) == _cursor(services, run)
    assert services.context.store.read(lambda tx: tx.count_points(run.id)) == 1


def test_lines_that_were_written_twice_count_once(services: Services, run: Run) -> None:
    scribble(
        services,
        run,
        _note(1, "one") + _note(2, "two") + _note(2, "two") + _note(1, "one") + _note(3, "three"),
    )
    ingest(services.context, run)
    assert _texts(services, run) == ["one", "two", "three"]
    assert _cursor(services, run).seq == 3


def test_a_write_that_fails_halfway_leaves_neither_lines_nor_offset(
    services: Services, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(services, run, LineKind.NOTE, level="info", text="first")
    say(services, run, LineKind.METRICS, rows=[[1, {"a/b": 1.0}]])

    def fail(*_: object) -> Run:
        raise OSError("the store broke off")

    with monkeypatch.context() as patch:
        patch.setitem(ingesting._INDEXERS, LineKind.METRICS, fail)
        with pytest.raises(OSError, match="broke off"):
            ingest(services.context, run)
    assert _texts(services, run) == []
    assert _cursor(services, run) == LogCursor()

    ingest(services.context, run)
    assert _texts(services, run) == ["first"]
    assert services.context.store.read(lambda tx: tx.count_points(run.id)) == 1


@pytest.mark.parametrize("cut", [1, 40, -1])
def test_a_torn_line_is_read_once_it_is_whole(services: Services, run: Run, cut: int) -> None:
    line = _note(2, "second")
    scribble(services, run, _note(1, "first") + line[:cut])
    assert ingest(services.context, run) is True
    assert _texts(services, run) == ["first"]
    assert ingest(services.context, run) is False

    scribble(services, run, line[cut:])
    assert ingest(services.context, run) is True
    assert _texts(services, run) == ["first", "second"]


def test_garbage_is_noted_and_what_follows_it_is_read(services: Services, run: Run) -> None:
    scribble(services, run, _note(1, "first") + b"Segmentation fault\n" + _note(2, "second"))
    ingest(services.context, run)

    first, second, passed_over = _texts(services, run)
    assert (first, second) == ("first", "second")
    assert "passed over in the log: not a log line" in str(passed_over)
    assert "Segmentation fault" in str(passed_over)
    assert ingest(services.context, run) is False


def test_of_garbage_without_end_a_little_is_noted_and_how_much_there_was(
    services: Services, run: Run
) -> None:
    scribble(services, run, b"garbage\n" * 5000 + _note(1, "after"))
    ingest(services.context, run)

    texts = _texts(services, run)
    assert len(texts) == 22
    assert texts[0] == "after"
    assert texts[-1] == "passed over in the log: 4980 more lines"


@pytest.mark.parametrize("kind", [LineKind.ARTIFACT, LineKind.CHECKPOINT])
def test_a_file_of_no_sense_is_noted_and_what_follows_it_is_read(
    services: Services, run: Run, kind: LineKind
) -> None:
    data = {"path": None, "kind": None, "step": "x", "size_bytes": 1, "sha256": "0"}
    data = {
        name: data[name] for name in (("path", "kind") if kind is LineKind.ARTIFACT else ("path", "step"))
    }
    line = encode_line(1, "2026-01-01T00:00:00.000000Z", kind, {**data, "size_bytes": 1, "sha256": "0"})
    scribble(services, run, line + _note(2, "after"))
    ingest(services.context, run)

    assert _texts(services, run)[0] == "after"
    assert "path is None" in str(_texts(services, run)[1])


def test_a_log_of_garbage_alone_is_passed_over(services: Services, run: Run) -> None:
    scribble(services, run, b"garbage\n")
    assert ingest(services.context, run) is True
    assert _cursor(services, run) == LogCursor(8, 0)
    assert ingest(services.context, run) is False


def test_a_line_without_an_end_does_not_hold_up_the_log(services: Services, run: Run) -> None:
    scribble(services, run, b"x" * (ingesting.CHUNK_BYTES + 10) + b"\n" + _note(1, "after"))
    drain(services.context, run)

    texts = _texts(services, run)
    assert "a line longer than a mebibyte" in str(texts[0])
    assert "after" in texts
    assert _cursor(services, run).offset_bytes == log_of(services, run).stat().st_size


def test_a_log_of_many_chunks_is_drained(services: Services, run: Run) -> None:
    lines = [_note(seq, "x" * 20_000) for seq in range(1, 121)]
    scribble(services, run, b"".join(lines))
    assert log_of(services, run).stat().st_size > 2 * ingesting.CHUNK_BYTES

    drain(services.context, run)

    assert len(_texts(services, run)) == 120
    assert _cursor(services, run).seq == 120


# late lines


@pytest.mark.parametrize("moved", [{"attempt": 2}, {"state": State.CANCELLED}])
def test_late_lines_of_an_attempt_that_is_over_are_refused(
    services: Services, run: Run, moved: dict[str, object]
) -> None:
    say(services, run, LineKind.NOTE, level="info", text="late")
    later = run.evolve(**moved)
    services.context.store.write(lambda tx: tx.update_run(later, expected_seq=run.event_seq))

    with pytest.raises(StaleAttempt):
        ingest(services.context, run)

    assert get(services, run.id) == later
    assert _cursor(services, run) == LogCursor()
    assert _texts(services, run) == []


def test_followers_are_woken_when_something_was_said(services: Services, run: Run) -> None:
    follower = services.context.bus.subscribe(run.id)
    ingest(services.context, run)
    assert not follower.wait(0)
    say(services, run, LineKind.NOTE, level="info", text="hello")
    ingest(services.context, run)
    assert follower.wait(0)
