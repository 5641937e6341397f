"""Reading a run live: in order, without gap or repeat, from every cursor and in whatever portions it comes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.control import tails
from headway.control.cursor import Cursor
from headway.control.live import LiveReader, Told, begin_now
from headway.control.resume import resume
from headway.control.tails import ConsoleText, Row, find_tail
from headway.control.watch import Watcher
from headway.domain.errors import InvalidInput
from headway.domain.events import Event, EventKind
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import Sighting
from headway.wire.attempts import Verb
from headway.wire.jobs import ResumeRequest
from headway.wire.lines import LineKind
from tests.fakes.executor import make_exit
from tests.fakes.services import Services, make_services
from tests.unit.control import acts


@dataclass
class Story:
    """A run that acts at random."""

    services: Services
    watcher: Watcher = field(init=False)
    run: Run = field(init=False)
    console: str = ""
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watcher = Watcher(self.services.context, token="here")
        self.run = acts.begin(self.services)

    def print(self, text: str) -> None:
        self.console += text
        path = self.services.context.run_dir(self.run.id).attempt(self.run.attempt).console
        with path.open("ab") as file:
            file.write(text.encode())

    def measure(self, count: int) -> None:
        losses = [float(len(self.losses) + number) for number in range(count)]
        rows = [[len(self.losses) + number, {"train/loss": loss}] for number, loss in enumerate(losses)]
        self.losses += losses
        acts.say(self.services, self.run, LineKind.METRICS, rows=rows)

    def note(self) -> None:
        acts.say(self.services, self.run, LineKind.NOTE, level="info", text="a note")

    def save(self) -> None:
        step = len(self.losses)
        acts.say(
            self.services,
            self.run,
            LineKind.CHECKPOINT,
            path=f"checkpoints/{step}",
            step=step,
            size_bytes=1,
            sha256="0",
        )

    def pace(self) -> None:
        acts.say(self.services, self.run, LineKind.PROGRESS, fraction=0.5, phase="half", step=1)

    def scribble(self) -> None:
        acts.scribble(self.services, self.run, b"no line\r\x00\n")

    def look(self) -> None:
        self.watcher.step()

    def restart(self) -> None:
        """The attempt is cancelled, the run resumed, the next attempt begins."""
        self.end(Verb.CANCEL)
        resume(self.services.context, self.run.id, ResumeRequest())
        self.run = acts.begin_next(self.services)

    def lose(self) -> None:
        """The attempt is lost, the next begins."""
        self.end(Verb.SHUTDOWN)
        self.run = acts.begin_next(self.services)

    def end(self, verb: Verb | None = None) -> None:
        sighting = Sighting(alive=False, heartbeat_at=None, exit=make_exit(verb=verb))
        self.services.executor.sightings[self.run.id, self.run.attempt] = sighting
        self.watcher.step()

    def read(self, cursor: Cursor, until: Cursor | None = None) -> list[Told]:
        """All that is told behind a cursor by now."""
        reader = LiveReader(self.services.context, self.run.id, cursor)
        told, more = [], True
        while more or (until is not None and reader.cursor != until):
            batch = reader.read(until)
            told += batch.told
            more = batch.more
        return told


@contextmanager
def a_story() -> Iterator[Story]:
    with tempfile.TemporaryDirectory() as folder:
        yield Story(make_services(Path(folder)))


_ACTIONS: dict[str, Callable[[Story], Any]] = {
    "three rows": lambda story: story.measure(3),
    "a row": lambda story: story.measure(1),
    "a line": lambda story: story.print("a line, ünd more\n"),
    "half a line": lambda story: story.print("half"),
    "a bar": lambda story: story.print("\r50 %"),
    "a long line": lambda story: story.print("lång" * 9000),
    "note": Story.note,
    "checkpoint": Story.save,
    "pace": Story.pace,
    "garbage": Story.scribble,
    "look": Story.look,
    "restart": Story.restart,
}
_STORIES = st.lists(st.sampled_from(sorted(_ACTIONS)), max_size=14)


def _essence(told: list[Told]) -> tuple[list[int], list[tuple[int, int, float]], str]:
    """What must be told once and in order, whatever portions it comes in: events, rows, the console."""
    whats = [one.what for one in told]
    return (
        [what.seq for what in whats if isinstance(what, Event)],
        [(what.attempt, what.step, what.values["train/loss"]) for what in whats if isinstance(what, Row)],
        "".join(what.text for what in whats if isinstance(what, ConsoleText)),
    )


@settings(max_examples=60, deadline=None)
@given(_STORIES, st.booleans())
def test_every_cursor_continues_without_gap_or_repeat(actions: list[str], ended: bool) -> None:
    with a_story() as story:
        for action in actions:
            _ACTIONS[action](story)
        if ended:
            story.end()
        else:
            story.look()
        whole = story.read(Cursor())
        for at, one in enumerate(whole):
            cursor = Cursor.decode(one.cursor.encode())
            assert _essence(whole[: at + 1] + story.read(cursor)) == _essence(whole)

        seqs, rows, console = _essence(whole)
        assert seqs == list(range(1, acts.get(story.services, story.run.id).event_seq + 1))
        assert [loss for _, _, loss in rows] == story.losses
        if ended:
            assert console == story.console


@settings(max_examples=40, deadline=None)
@given(_STORIES, _STORIES, st.data())
def test_who_reads_alone_comes_exactly_to_where_another_reader_is(
    before: list[str], after: list[str], data: st.DataObject
) -> None:
    with a_story() as story:
        hub_cursors: list[Cursor] = []
        hub = LiveReader(story.services.context, story.run.id, Cursor())
        told: list[Told] = []
        for action in before + after:
            _ACTIONS[action](story)
            told += hub.read().told
            hub_cursors.append(hub.cursor)
        story.end()
        target = data.draw(st.sampled_from(hub_cursors or [Cursor()]))
        reached = [one for one in told if target.reaches(one.cursor)]

        assert _essence(story.read(Cursor(), until=target)) == _essence(reached)


@settings(max_examples=30, deadline=None)
@given(_STORIES)
def test_who_begins_now_is_told_of_every_checkpoint_once_and_of_nothing_else_that_was(
    actions: list[str],
) -> None:
    with a_story() as story:
        for action in actions:
            _ACTIONS[action](story)
        story.look()
        checkpoints = [
            event.seq
            for event in acts.events(story.services, story.run)
            if event.kind is EventKind.CHECKPOINT_SAVED
        ]
        _, now = begin_now(story.services.context, story.run.id)
        start = now.without_checkpoints()
        whole = story.read(start)

        assert _essence(whole)[:2] == (checkpoints, [])
        for at, one in enumerate(whole):
            assert _essence(whole[: at + 1] + story.read(one.cursor)) == _essence(whole)


def test_who_reads_alone_comes_past_lines_that_tell_nothing_by_themselves(services: Services) -> None:
    story = Story(services)
    story.measure(2)
    story.look()
    told = story.read(Cursor())
    story.note()
    story.look()
    _, now = begin_now(services.context, story.run.id)
    reader = LiveReader(services.context, story.run.id, told[-1].cursor)

    while reader.read(now).told:
        pass

    assert told[-1].cursor.log_offset < now.log_offset
    assert reader.cursor == now


def test_rows_are_told_once_the_store_holds_them(services: Services) -> None:
    story = Story(services)
    story.measure(2)
    early = story.read(Cursor())
    story.look()

    assert _essence(early)[1] == []
    assert len(_essence(story.read(early[-1].cursor))[1]) == 2


def test_the_end_of_an_attempt_is_told_after_all_that_it_printed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "_READ_BYTES", 1000)
    story = Story(services)
    story.print("a line of some length\n" * 500)
    story.end()
    whole = story.read(Cursor())

    assert isinstance(whole[-1].what, Event)
    assert whole[-1].what.kind is EventKind.RUN_ENDED
    assert _essence(whole)[2] == story.console


def test_what_was_known_before_a_cursor_is_known_behind_it(services: Services) -> None:
    story = Story(services)
    acts.say(services, story.run, LineKind.METRICS, rows=[[1, {"val/loss": 0.5, "train/loss": 1.0}]])
    story.pace()
    story.measure(3)
    story.look()
    whole = story.read(Cursor())
    rows = [one for one in whole if isinstance(one.what, Row)]

    for at, one in enumerate(rows[:-1]):
        behind = [told.what for told in story.read(one.cursor) if isinstance(told.what, Row)]
        assert behind == [row.what for row in rows[at + 1 :]]
    last = rows[-1].what
    assert isinstance(last, Row)
    assert last.known == {"val/loss": 0.5, "train/loss": 2.0}
    assert last.progress is not None
    assert last.progress.phase == "half"


def test_a_number_of_long_ago_is_known_also_to_who_comes_late(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "CHUNK_BYTES", 1000)
    story = Story(services)
    acts.say(services, story.run, LineKind.METRICS, rows=[[0, {"val/loss": 0.5}]])
    for _ in range(40):
        story.measure(1)
    acts.say(services, story.run, LineKind.METRICS, rows=[[40, {"val/loss": 0.25}]])
    story.look()
    rows = [told for told in story.read(Cursor()) if isinstance(told.what, Row)]

    for at in (0, 10, 39):
        late = next(told.what for told in story.read(rows[at].cursor) if isinstance(told.what, Row))
        assert late == rows[at + 1].what
        assert isinstance(late, Row)
        assert late.known["val/loss"] == 0.5


@pytest.mark.parametrize(
    "token", ["", "1", "1.0.0.0.0.0", "2.0.0.0.0.0.0", "1.0.0.0.0.0.x", "1.00.0.0.0.0.0", "١.0.0.0.0.0.0"]
)
def test_a_token_that_no_server_gave_is_refused(token: str) -> None:
    with pytest.raises(InvalidInput):
        Cursor.decode(token)


@pytest.mark.parametrize(
    ("content", "lines", "place"),
    [
        (b"", 2, 0),
        (b"a\nb\nc\n", 2, 2),
        (b"a\nb\nc\n", 0, 6),
        (b"a\nb\nhalf", 1, 2),
        (b"a\n", 9, 0),
        (b"half", 0, 0),
    ],
)
def test_the_tail_of_a_console_begins_at_a_line(
    tmp_path: Path, content: bytes, lines: int, place: int
) -> None:
    path = tmp_path / "console.log"
    path.write_bytes(content)

    assert find_tail(path, lines) == place


def test_a_console_that_was_cut_while_it_was_read_is_told_from_its_new_end_on(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text("a line\n" * 1000)
    tail = tails.ConsoleTail(console, 1)
    while tail.read(None, over=False):
        pass

    console.write_text("a line\n[cut]\n")
    ((told, _),) = tail.read(None, over=False)
    with console.open("a") as file:
        file.write("what comes now\n")
    ((after, _),) = tail.read(None, over=False)

    assert "the console was cut" in told.text
    assert after.text == "what comes now\n"


def test_an_event_is_told_with_the_state_that_the_run_was_in() -> None:
    with a_story() as story:
        story.note()
        story.look()
        story.end(Verb.CANCEL)
        told = _states(story.read(Cursor()))
        assert [(kind, state) for kind, state, _ in told] == [
            (EventKind.RUN_QUEUED, State.QUEUED),
            (EventKind.RUN_CLAIMED, State.PREFLIGHT),
            (EventKind.NOTE_LOGGED, State.PREFLIGHT),
            (EventKind.RUN_ENDED, State.CANCELLED),
        ]
        _, _, before_note = told[1]
        assert _states(story.read(before_note)) == told[2:]


def _states(told: list[Told]) -> list[tuple[EventKind, State, Cursor]]:
    return [(each.what.kind, each.state, each.cursor) for each in told if isinstance(each.what, Event)]
