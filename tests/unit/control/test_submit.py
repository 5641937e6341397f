from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headway.control.submit import Accepted, find_replay, submit
from headway.domain.errors import Busy, IdempotencyConflict, PreflightFailed, RateLimited
from headway.domain.events import EventKind
from headway.domain.ids import require_run_id
from headway.domain.states import State
from headway.ports import RunFilter, Transaction
from tests.factories import make_spec
from tests.fakes.services import Services, make_services
from tests.unit.control.acts import answer, events, get, submission

_HOUR_S = 3600.0


def _count(services: Services) -> int:
    return services.context.store.read(lambda tx: tx.count_runs(RunFilter()))


def test_an_accepted_run_waits_in_the_queue_with_its_first_event(services: Services) -> None:
    spec = make_spec(priority=2)

    accepted = submit(services.context, submission(spec))

    run = get(services, require_run_id(accepted.run_id))
    assert (run.spec, run.state, run.owner, run.attempt) == (spec, State.QUEUED, "owner-a", 0)
    assert run.created_at == services.clock.now()
    assert run.series == "BTC|1h|1.1"
    (event,) = events(services, run)
    assert (event.kind, event.seq, run.event_seq) == (EventKind.RUN_QUEUED, 1, 1)
    assert accepted == Accepted(answer(run, 0), run.id, replayed=False)


def test_the_answer_tells_the_place_in_the_queue(services: Services) -> None:
    submit(services.context, submission())
    services.clock.advance(1)

    second = submit(services.context, submission())
    urgent = submit(services.context, submission(make_spec(priority=1)))

    assert second.response["queuePosition"] == 1
    assert urgent.response["queuePosition"] == 0


# idempotency


def test_the_same_request_sent_again_is_answered_the_same_and_makes_no_second_run(services: Services) -> None:
    request = submission(key="k", body_sha256="aa")
    first = submit(services.context, request)
    services.clock.advance(60)
    submit(services.context, submission())

    again = submit(services.context, request)

    assert again == Accepted(first.response, first.run_id, replayed=True)
    assert find_replay(services.context, "owner-a", "k", "aa") == again
    assert _count(services) == 2


def test_a_key_with_another_body_is_a_conflict_that_names_the_run(services: Services) -> None:
    first = submit(services.context, submission(key="k", body_sha256="aa"))
    with pytest.raises(IdempotencyConflict, match=first.run_id):
        submit(services.context, submission(key="k", body_sha256="bb"))
    assert _count(services) == 1


def test_keys_belong_to_their_owner(services: Services) -> None:
    first = submit(services.context, submission(key="k", body_sha256="aa"))
    other = submit(services.context, submission(key="k", body_sha256="bb", owner="owner-b"))
    assert other.run_id != first.run_id
    assert find_replay(services.context, "owner-c", "k", "aa") is None


def test_without_a_key_every_request_is_a_run_of_its_own(services: Services) -> None:
    ids = {submit(services.context, submission(body_sha256="aa")).run_id for _ in range(3)}
    assert len(ids) == 3
    assert find_replay(services.context, "owner-a", None, "aa") is None


def test_a_replay_is_given_also_where_a_new_run_could_not_be_accepted(services: Services) -> None:
    request = submission(key="k", body_sha256="aa")
    first = submit(services.context, request)
    services.engines.missing.add("ppo")
    assert submit(services.context, request).run_id == first.run_id


def test_the_same_request_that_overtakes_another_in_flight_makes_no_second_run(services: Services) -> None:
    request = submission(key="k", body_sha256="aa")
    overtaking: list[Accepted] = []

    class Overtaken:
        """An engine catalog that is asked after the first look for a replay, and takes its time."""

        def require(self, engine: str) -> None:
            overtaking.append(submit(services.context, request))

    late = submit(replace(services.context, engines=Overtaken()), request)

    assert late == Accepted(overtaking[0].response, overtaking[0].run_id, replayed=True)
    assert _count(services) == 1


# how many an hour


@pytest.fixture
def strict(tmp_path: Path) -> Services:
    return make_services(tmp_path, jobs_per_hour=2)


def test_no_more_runs_an_hour_are_accepted_than_allowed(strict: Services) -> None:
    submit(strict.context, submission())
    strict.clock.advance(600)
    submit(strict.context, submission())
    strict.clock.advance(900)

    with pytest.raises(RateLimited, match="HEADWAY_JOBS_PER_HOUR") as caught:
        submit(strict.context, submission())

    assert caught.value.retry_after_s == _HOUR_S - 1500
    assert _count(strict) == 2


def test_the_window_moves_with_the_clock(strict: Services) -> None:
    submit(strict.context, submission())
    strict.clock.advance(600)
    submit(strict.context, submission())

    strict.clock.advance(_HOUR_S - 600 - 0.5)
    with pytest.raises(RateLimited) as caught:
        submit(strict.context, submission())
    assert caught.value.retry_after_s == 1

    strict.clock.advance(caught.value.retry_after_s)
    submit(strict.context, submission())
    with pytest.raises(RateLimited) as caught:
        submit(strict.context, submission())
    assert caught.value.retry_after_s == 600  # 599.5, rounded up: then the second has left the window
    strict.clock.advance(600)
    submit(strict.context, submission())
    assert _count(strict) == 4


def test_what_is_refused_or_replayed_does_not_count(strict: Services) -> None:
    request = submission(key="k", body_sha256="aa")
    submit(strict.context, request)
    for _ in range(3):
        submit(strict.context, request)
        with pytest.raises(IdempotencyConflict):
            submit(strict.context, submission(key="k", body_sha256="bb"))
    strict.engines.missing.add("ppo")
    with pytest.raises(PreflightFailed):
        submit(strict.context, submission())
    strict.engines.missing.clear()

    submit(strict.context, submission())
    for _ in range(3):
        with pytest.raises(RateLimited):
            submit(strict.context, submission())

    strict.clock.advance(_HOUR_S + 1)
    submit(strict.context, submission())
    assert _count(strict) == 3


def test_a_replay_is_given_also_when_the_hour_is_used_up(strict: Services) -> None:
    request = submission(key="k", body_sha256="aa")
    first = submit(strict.context, request)
    submit(strict.context, submission())
    assert submit(strict.context, request).run_id == first.run_id


def test_owners_do_not_use_up_each_others_hour(strict: Services) -> None:
    for owner in ("owner-a", "owner-b"):
        submit(strict.context, submission(owner=owner))
        submit(strict.context, submission(owner=owner))
    with pytest.raises(RateLimited):
        submit(strict.context, submission(owner="owner-b"))


def test_a_rate_of_zero_means_no_limit(services: Services) -> None:
    for _ in range(20):
        submit(services.context, submission())
    assert _count(services) == 20


def test_a_submission_may_be_free_of_the_limit(strict: Services) -> None:
    for _ in range(5):
        submit(strict.context, submission(rate_limited=False))
    assert _count(strict) == 5


def test_a_guard_sees_the_store_as_it_is_and_its_refusal_leaves_nothing_behind(services: Services) -> None:
    def only_one(tx: Transaction) -> None:
        if tx.queue_length():
            raise Busy("one at a time", run_id="tr")

    request = submission(guard=only_one, key="k", body_sha256="aa")
    first = submit(services.context, request)
    with pytest.raises(Busy):
        submit(services.context, submission(guard=only_one, key="other"))

    assert submit(services.context, request).run_id == first.run_id  # a replay is not guarded
    assert _count(services) == 1
    assert find_replay(services.context, "owner-a", "other", "") is None


def test_a_refused_run_leaves_nothing_behind(strict: Services) -> None:
    submit(strict.context, submission())
    submit(strict.context, submission())
    with pytest.raises(RateLimited):
        submit(strict.context, submission(key="k", body_sha256="aa"))

    assert strict.context.store.read(lambda tx: tx.queue_length()) == 2
    assert strict.context.store.read(lambda tx: tx.last_position()) == 2
    assert find_replay(strict.context, "owner-a", "k", "aa") is None


def test_who_follows_everything_is_woken_by_a_new_run(services: Services) -> None:
    follower = services.context.bus.subscribe("*")
    submit(services.context, submission())
    assert follower.wait(0)
