"""What an attempt may leave behind that makes no sense, and that must not stop the server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headway.control.dispatch import start_or_close
from headway.control.ingest import ingest
from headway.control.submit import submit
from headway.control.watch import Watcher
from headway.domain.errors import RateLimited
from headway.domain.events import EventKind
from headway.domain.reasons import Reason
from headway.domain.states import State
from headway.store.opening import open_store
from headway.wire.lines import LineKind
from tests.fakes.executor import make_exit
from tests.fakes.services import Services, make_services
from tests.unit.control.acts import begin, claim, events, get, queue, say, scribble, submission

_AT = "2026-01-01T00:00:00.000000Z"
_RESULT = '{"attempt":1,"reason":"bored","metrics":{},"details":{},"artifacts":[],"data_label":null,"simulated":false}'


@pytest.fixture(params=["memory", "sqlite"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Services]:
    made = make_services(tmp_path)
    if request.param == "sqlite":
        store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
        store.write(lambda tx: tx.set_slots("cpu", 1))
        made = replace(made, context=replace(made.context, store=store))
    yield made
    made.context.store.close()


@pytest.mark.parametrize(
    "broken",
    [
        '"kind":"phase","data":{}',
        '"kind":"phase","data":{"state":"napping","text":"z"}',
        '"kind":"progress","data":{"fraction":null}',
        '"kind":"progress","data":{"fraction":"0.5"}',
        '"kind":"progress","data":{"fraction":0.2,"eta_s":NaN}',
        '"kind":"progress","data":{"fraction":0.2,"eta_s":1e999}',
        '"kind":"metrics","data":{}',
        '"kind":"metrics","data":{"rows":7}',
        '"kind":"metrics","data":{"rows":[[1,{"a/b":NaN}]]}',
        '"kind":"metrics","data":{"rows":[[1,{"a/b":1e999}]]}',
        '"kind":"metrics","data":{"rows":[[1,{"a/b":"x"}]]}',
        '"kind":"checkpoint","data":{}',
        '"kind":"artifact","data":{"path":1,"size":2}',
    ],
)
def test_a_line_whose_content_makes_no_sense_does_not_stop_the_watcher(
    services: Services, broken: str
) -> None:
    run = begin(services)
    say(services, run, LineKind.NOTE, level="info", text="before")
    scribble(services, run, f'{{"seq":2,"at":"{_AT}",{broken}}}\n'.encode())
    say(services, run, LineKind.PHASE, state="training", text="after")

    Watcher(services.context, "here").step()

    assert get(services, run.id).state is State.TRAINING
    assert ingest(services.context, run) is False
    assert services.context.store.read(lambda tx: tx.count_points(run.id)) == 0


def test_a_line_that_cannot_be_used_is_named(services: Services) -> None:
    run = begin(services)
    scribble(services, run, b'{"seq":1,"at":"now","kind":"note","data":{}}\n')
    Watcher(services.context, "here").step()

    event = events(services, run)[-1]
    assert event.kind is EventKind.NOTE_LOGGED
    assert "line 1 (note) cannot be used" in str(event.data["text"])


def test_a_fraction_beyond_the_whole_is_clamped(services: Services) -> None:
    run = begin(services)
    say(services, run, LineKind.PROGRESS, fraction=2.5)
    ingest(services.context, run)
    assert get(services, run.id).progress.fraction == 1.0


@pytest.mark.parametrize("farewell", ["{}", '{"reason":"bored"}'])
def test_a_farewell_that_is_not_understood_is_none(services: Services, farewell: str) -> None:
    run = begin(services)
    scribble(services, run, f'{{"seq":1,"at":"{_AT}","kind":"ended","data":{farewell}}}\n'.encode())
    services.executor.end(run.id, 1, make_exit(code=1))
    Watcher(services.context, "here").step()
    assert get(services, run.id).reason is Reason.TRAINER_ERROR


@pytest.mark.parametrize("content", ['{"attempt": 1}', _RESULT])
def test_a_result_of_another_shape_is_no_result(services: Services, content: str) -> None:
    run = begin(services)
    services.context.run_dir(run.id).result.write_text(content)
    services.executor.end(run.id, 1, make_exit())
    Watcher(services.context, "here").step()
    assert get(services, run.id).reason is Reason.TRAINER_ERROR


def test_a_disk_that_is_full_at_the_start_is_tried_again_and_breaks_no_loop(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    queue(services)
    run = claim(services).run
    services.executor.refusal = OSError(28, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(services.executor, "bury", full)
        start_or_close(services.context, run, ())
    assert get(services, run.id).state is State.PREFLIGHT

    services.executor.refusal = None
    Watcher(services.context, "here").step()
    assert (run.id, 1) in services.executor.launches


def test_an_executor_that_this_server_lacks_breaks_no_loop(services: Services) -> None:
    queue(services, executor="elsewhere")
    start_or_close(services.context, claim(services).run, ())


def test_who_waits_as_long_as_told_is_accepted(tmp_path: Path) -> None:
    strict = make_services(tmp_path, jobs_per_hour=1)
    submit(strict.context, submission())
    strict.clock.advance(600)
    with pytest.raises(RateLimited) as caught:
        submit(strict.context, submission())
    strict.clock.advance(caught.value.retry_after_s)
    submit(strict.context, submission())
