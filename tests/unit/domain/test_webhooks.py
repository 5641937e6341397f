from __future__ import annotations

from datetime import timedelta

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from headway.domain.clock import utc_now
from headway.domain.events import Event, EventKind
from headway.domain.webhooks import (
    is_delivery_id,
    is_webhook_id,
    make_headers,
    message_id,
    new_secret,
    new_webhook_id,
    sign,
)
from tests.contract.test_webhooks_store import HOOK, make_webhook
from tests.factories import T0, moment, run_id


def _event(position: int = 5, kind: EventKind = EventKind.RUN_ENDED) -> Event:
    return Event(run_id(1), 2, position, 1, T0, kind, {})


def test_a_message_is_verified_by_the_library_of_the_standard() -> None:
    webhook = make_webhook(secret=new_secret())
    headers = make_headers(webhook, "msg_1", '{"é":1}', utc_now())

    assert Verifier(webhook.secret).verify('{"é":1}', headers) == {"é": 1}
    with pytest.raises(WebhookVerificationError):
        Verifier(webhook.secret).verify('{"é":2}', headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(new_secret()).verify('{"é":1}', headers)


def test_a_signature_is_that_of_the_library_of_the_standard() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    assert sign(secret, "msg_1", T0, "{}") == Verifier(secret).sign("msg_1", T0, "{}")


def test_after_a_rotation_both_secrets_sign_until_the_old_one_has_had_its_time() -> None:
    now, old, new = utc_now(), new_secret(), new_secret()
    webhook = make_webhook(secret=new, old_secret=old, old_secret_until=now + timedelta(seconds=10))

    for secret in (old, new):
        Verifier(secret).verify("{}", make_headers(webhook, "msg_1", "{}", now))

    late = make_headers(webhook, "msg_1", "{}", now + timedelta(seconds=10))
    Verifier(new).verify("{}", late)
    with pytest.raises(WebhookVerificationError):
        Verifier(old).verify("{}", late)


def test_the_id_of_a_message_comes_of_webhook_and_position_alone() -> None:
    assert message_id(HOOK, 42) == "msg_1700000000000_00000001_42"
    assert is_delivery_id(message_id(HOOK, 42))
    assert is_webhook_id(new_webhook_id(moment(1)))
    assert not is_webhook_id("wh_1/../x")
    assert not is_delivery_id("msg_1/../x")


def test_a_webhook_wants_what_it_asked_for_and_nothing_from_before_it() -> None:
    event = _event(5)

    assert make_webhook().wants(event, "ppo")
    assert not make_webhook(after_position=5).wants(event, "ppo")
    assert make_webhook(kinds=(EventKind.RUN_ENDED,), engine="ppo", run_id=run_id(1)).wants(event, "ppo")
    assert not make_webhook(kinds=(EventKind.RUN_QUEUED,)).wants(event, "ppo")
    assert not make_webhook(engine="forecast").wants(event, "ppo")
    assert not make_webhook(run_id=run_id(2)).wants(event, "ppo")
