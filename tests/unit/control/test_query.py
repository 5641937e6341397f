from __future__ import annotations

import pytest

from headway.control.cancel import cancel
from headway.control.finish import finish
from headway.control.query import (
    Contact,
    ContactState,
    LogPiece,
    get_view,
    list_views,
    measure_unread,
    read_console,
    view_queue,
)
from headway.control.watch import Watcher
from headway.domain.errors import NotFound
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import RunFilter, SlotUse
from headway.wire.lines import LineKind
from tests.factories import moment, run_id
from tests.fakes.executor import make_exit
from tests.fakes.services import Services
from tests.unit.control.acts import begin, begin_next, claim, get, log_of, queue, say


def _console(services: Services, run: Run, content: bytes, attempt: int = 1) -> None:
    folder = services.context.run_dir(run.id).attempt(attempt)
    folder.create()
    folder.console.write_bytes(content)


def test_a_run_is_shown_with_its_place_in_the_queue(services: Services) -> None:
    first = queue(services)
    services.clock.advance(1)
    second = queue(services)

    assert get_view(services.context, first.id).queue_position == 0
    view = get_view(services.context, second.id)
    assert (view.run, view.queue_position, view.contact) == (second, 1, None)


@pytest.mark.parametrize("name", [run_id(9), "../../etc/passwd", "", "x" * 1000])
def test_what_is_no_run_is_not_found(services: Services, name: str) -> None:
    with pytest.raises(NotFound, match="there is no run") as caught:
        get_view(services.context, name)
    assert len(str(caught.value)) < 150


# contact


def test_an_active_run_is_shown_with_its_newest_heartbeat(services: Services) -> None:
    run = begin(services)
    services.executor.beat(run.id, 1, moment(3))
    assert get_view(services.context, run.id).contact == Contact(ContactState.LIVE, moment(3), None)


def test_lost_contact_is_shown_with_its_beginning(services: Services) -> None:
    run = begin(services)
    services.executor.beat(run.id, 1, moment(3))
    watcher = Watcher(services.context, "here")
    watcher.step()
    services.clock.advance(60)
    watcher.step()
    contact = get_view(services.context, run.id).contact
    assert contact == Contact(ContactState.LOST, moment(3), moment(3))


def test_nothing_is_claimed_of_a_run_that_has_not_started_or_has_ended(services: Services) -> None:
    queue(services)
    claimed = claim(services).run
    assert get_view(services.context, claimed.id).contact is None

    services.executor.end(claimed.id, 1, make_exit())
    finish(services.context, claimed, make_exit())
    assert get_view(services.context, claimed.id).contact is None


# lists


def test_pages_follow_one_another_without_gap_or_repeat(services: Services) -> None:
    runs = []
    for _ in range(5):
        runs.append(queue(services).id)
        services.clock.advance(1)

    seen: list[str] = []
    page = list_views(services.context, RunFilter(limit=2))
    while True:
        assert page.total == 5
        seen += [view.run.id for view in page.views]
        if page.last is None:
            break
        page = list_views(services.context, RunFilter(limit=2, after=page.last))

    assert seen == runs[::-1]


def test_a_list_tells_places_and_contact_of_each_run(services: Services) -> None:
    running = begin(services)
    services.clock.advance(1)
    waiting = queue(services)

    views = {view.run.id: view for view in list_views(services.context, RunFilter()).views}

    assert views[waiting.id].queue_position == 0
    assert views[running.id].queue_position is None
    contact = views[running.id].contact
    assert contact is not None
    assert contact.state is ContactState.LIVE


def test_a_list_of_nothing_is_empty_and_has_no_next_page(services: Services) -> None:
    page = list_views(services.context, RunFilter())
    assert (page.views, page.total, page.last) == ([], 0, None)


def test_a_list_can_be_of_some_states_only(services: Services) -> None:
    begin(services)
    cancelled = cancel(services.context, queue(services).id, by="someone")
    page = list_views(services.context, RunFilter(states=frozenset({State.CANCELLED})))
    assert [view.run for view in page.views] == [cancelled]
    assert page.total == 1


def test_the_queue_shows_what_runs_what_waits_and_the_slots(services: Services) -> None:
    running = begin(services)
    waiting = []
    for _ in range(3):
        services.clock.advance(1)
        waiting.append(queue(services))

    view = view_queue(services.context, limit=2)

    assert view.active == [get(services, running.id)]
    assert (view.waiting, view.length) == (waiting[:2], 3)
    assert view.slots == [SlotUse("cpu", 0, running.id)]


def test_what_the_store_has_not_read_yet_is_measured(services: Services) -> None:
    run = begin(services)
    queue(services)
    assert measure_unread(services.context) == (1, 1, 0)

    say(services, run, LineKind.NOTE, level="info", text="hello")
    assert measure_unread(services.context) == (1, 1, log_of(services, run).stat().st_size)

    Watcher(services.context, "here").step()
    assert measure_unread(services.context) == (1, 1, 0)


# console


def test_the_end_of_the_console_is_shown_and_read_on_from_there(services: Services) -> None:
    run = begin(services)
    _console(services, run, b"one\ntwo\nthree\n")

    piece = read_console(services.context, run.id, tail_lines=2)
    assert piece == LogPiece(b"two\nthree\n", 14)

    _console(services, run, b"one\ntwo\nthree\nfour\n")
    assert read_console(services.context, run.id, offset=piece.next_offset) == LogPiece(b"four\n", 19)
    assert read_console(services.context, run.id, offset=19) == LogPiece(b"", 19)


def test_an_offset_behind_the_end_reads_nothing_and_goes_on_from_the_end(services: Services) -> None:
    run = begin(services)
    _console(services, run, b"one\n")
    assert read_console(services.context, run.id, offset=1000) == LogPiece(b"", 4)


def test_no_lines_can_be_asked_for(services: Services) -> None:
    run = begin(services)
    _console(services, run, b"one\n")
    assert read_console(services.context, run.id, tail_lines=0) == LogPiece(b"", 4)


def test_a_console_that_does_not_exist_is_empty(services: Services) -> None:
    assert read_console(services.context, queue(services).id) == LogPiece(b"", 0)
    with pytest.raises(NotFound):
        read_console(services.context, run_id(9))


def test_each_attempt_has_a_console_of_its_own_and_the_newest_is_shown(services: Services) -> None:
    run = begin(services)
    _console(services, run, b"first\n")
    finish(services.context, run, make_exit(by="executor"))
    begin_next(services)
    _console(services, run, b"second\n", attempt=2)

    assert read_console(services.context, run.id).content == b"second\n"
    assert read_console(services.context, run.id, attempt=1).content == b"first\n"


def test_a_huge_console_is_read_in_pieces(services: Services) -> None:
    run = begin(services)
    content = b"".join(b"%07d\n" % number for number in range(300_000))
    _console(services, run, content)

    read, offset = b"", 0
    while piece := read_console(services.context, run.id, offset=offset).content:
        read, offset = read + piece, offset + len(piece)

    assert read == content
    assert read_console(services.context, run.id, tail_lines=1).content == b"0299999\n"
