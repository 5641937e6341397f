from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from headway.client.notifier import AppriseNotifier
from headway.control.cancel import cancel
from headway.control.finish import finish
from headway.control.loops import make_side_loop
from headway.control.notify import Announcer, describe
from headway.domain.errors import InvalidInput
from headway.domain.events import Event, EventKind
from headway.domain.json import JsonObject
from tests.factories import T0, make_run, make_spec, run_id
from tests.fakes.executor import make_exit
from tests.fakes.services import Services
from tests.unit.control.acts import begin, queue

KINDS = frozenset({EventKind.RUN_ENDED, EventKind.CONTACT_LOST})


@dataclass
class Listener:
    """The port Notifier: it remembers what it was told."""

    titles: list[str] = field(default_factory=list)
    reached: bool = True

    def notify(self, title: str, text: str) -> bool:
        self.titles.append(title)
        return self.reached


def make_event(kind: EventKind, data: JsonObject) -> Event:
    return Event(run_id(1), 9, 9, 1, T0, kind, data)


def test_an_end_is_told_in_plain_words() -> None:
    run = make_run(spec=make_spec(label="night run"))
    data: JsonObject = {"state": "failed", "reason": "diverged", "error": "loss is NaN", "runtime_s": 3725.2}

    message = describe(make_event(EventKind.RUN_ENDED, data), run, "https://headway.example.org")

    assert message.title == "night run: failed"
    assert message.text.splitlines() == [
        "A loss became NaN or infinite.",
        "It said: loss is NaN",
        "It ran for 1 h 2 min.",
        f"Engine ppo, run {run.id}",
        f"https://headway.example.org/api/training/jobs/{run.id}/status",
    ]


def test_what_is_not_known_is_left_out() -> None:
    message = describe(make_event(EventKind.CONTACT_LOST, {"since": None}), make_run())

    assert message.title == f"{run_id(1)}: contact lost"
    assert message.text == f"Engine ppo, run {run_id(1)}"


def test_people_are_told_what_they_chose_once_and_nothing_of_the_past(services: Services) -> None:
    cancel(services.context, queue(services).id, by="someone")
    listener = Listener()
    announcer = Announcer(services.context, listener, KINDS)
    announcer.begin()
    run = begin(services)
    finish(services.context, run, make_exit(code=1))

    announcer.step()
    announcer.step()

    assert listener.titles == [f"{run.id}: failed"]


def test_a_message_that_reaches_nobody_is_not_sent_again(services: Services) -> None:
    listener = Listener(reached=False)
    announcer = Announcer(services.context, listener, KINDS)
    announcer.begin()
    cancel(services.context, queue(services).id, by="someone")

    announcer.step()
    announcer.step()

    assert len(listener.titles) == 1


def test_what_happened_long_before_the_server_was_back_is_no_news(services: Services) -> None:
    listener = Listener()
    announcer = Announcer(services.context, listener, KINDS)
    announcer.begin()
    cancel(services.context, queue(services).id, by="someone")
    services.clock.advance(7200)

    replace(announcer).step()

    assert listener.titles == []


def test_a_side_loop_that_fails_goes_on_after_a_pause(services: Services) -> None:
    def fail() -> float:
        raise ZeroDivisionError("a bug of a plugin")

    assert make_side_loop(services.context, "notify", fail).step() > 0


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # by one of the plugins of Apprise
def test_a_url_that_apprise_does_not_know_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidInput, match="number 2 is no URL") as refused:
        AppriseNotifier(["json://127.0.0.1:1", "nonsense://hushhush"])

    assert "hushhush" not in str(refused.value)


def test_without_apprise_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)

    with pytest.raises(InvalidInput, match=r"pip install 'headway\[notify\]'"):
        AppriseNotifier(["json://127.0.0.1:1"])
