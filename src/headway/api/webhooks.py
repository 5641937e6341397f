"""`/api/webhooks`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from headway.api import webhook_examples as examples
from headway.api.jobs import as_json
from headway.api.service import Service
from headway.control import webhooks as control
from headway.control.webhooks import Draft, WebhookView
from headway.domain.clock import format_utc
from headway.domain.errors import InvalidInput
from headway.domain.webhooks import Delivery, DeliveryState
from headway.ports.webhooks import DeliveryFilter
from headway.wire import webhooks as wire

WebhookId = Annotated[str, Path(description="`wh_<milliseconds>_<8 hex>`", examples=[examples.WEBHOOK_ID])]
DeliveryId = Annotated[
    str, Path(description="As in the header `webhook-id`", examples=[examples.DELIVERY_ID])
]

_MAX_POSITION = 2**63 - 1


def make_webhooks_router(service: Service) -> APIRouter:
    """Routes over one service."""
    router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])
    _add_all(router, service)
    _add_one(router, service)
    _add_acting(router, service)
    _add_deliveries(router, service)
    return router


def _add_all(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.post("", status_code=201, response_model=wire.WebhookSecret, responses=examples.of_create())
    def create_webhook(request: wire.WebhookRequest) -> Response:
        """Have events sent to an address. The answer tells the secret, once."""
        draft = Draft(request.url, tuple(request.kinds), request.engine, request.run_id, request.description)
        return _with_secret(control.register(context, draft), 201)

    @router.get("", response_model=wire.WebhookList, responses=examples.of_list())
    def list_webhooks() -> Response:
        """All webhooks, oldest first."""
        return as_json(wire.WebhookList(webhooks=[to_webhook(one) for one in control.list_webhooks(context)]))


def _add_one(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.get("/{webhook_id}", response_model=wire.WebhookOne, responses=examples.of_one())
    def get_webhook(webhook_id: WebhookId) -> Response:
        """One webhook, with how many deliveries wait, arrived and are dead."""
        return as_json(wire.WebhookOne(webhook=to_webhook(control.get_webhook(context, webhook_id))))

    @router.patch("/{webhook_id}", response_model=wire.WebhookOne, responses=examples.of_change())
    def change_webhook(webhook_id: WebhookId, request: wire.WebhookChange) -> Response:
        """Change what is sent or where; switch it off and on with `active`."""
        changes = request.model_dump(exclude_unset=True)
        if "kinds" in changes:
            changes["kinds"] = tuple(changes["kinds"])
        view = control.change(context, webhook_id, changes)
        return as_json(wire.WebhookOne(webhook=to_webhook(view)))

    @router.delete("/{webhook_id}", status_code=204, responses=examples.of_removal())
    def remove_webhook(webhook_id: WebhookId) -> Response:
        """Remove a webhook with all its deliveries."""
        control.remove(context, webhook_id)
        return Response(status_code=204)


def _add_acting(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.post("/{webhook_id}/test", response_model=wire.PingResult, responses=examples.of_test())
    def test_webhook(webhook_id: WebhookId) -> Response:
        """Send a signed `ping` now, once, and tell what came of it."""
        outcome = control.ping(context, webhook_id)
        result = wire.PingResult(
            delivered=outcome.status is not None and outcome.error is None,
            status=outcome.status,
            error=outcome.error,
        )
        return as_json(result)

    @router.post("/{webhook_id}/rotate", response_model=wire.WebhookSecret, responses=examples.of_rotation())
    def rotate_secret(webhook_id: WebhookId) -> Response:
        """A new secret, told once. The one before signs too, for 24 hours."""
        return _with_secret(control.rotate(context, webhook_id), 200)

    @router.post("/{webhook_id}/replay", response_model=wire.Replayed, responses=examples.of_replay_dead())
    def replay_dead(webhook_id: WebhookId) -> Response:
        """Send every dead delivery once more."""
        return as_json(wire.Replayed(replayed=control.replay_dead(context, webhook_id)))


def _add_deliveries(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.get(
        "/{webhook_id}/deliveries", response_model=wire.DeliveryList, responses=examples.of_deliveries()
    )
    def list_deliveries(
        webhook_id: WebhookId,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        state: Annotated[DeliveryState | None, Query(description="Only deliveries in this state.")] = None,
        cursor: Annotated[str | None, Query(description="`nextCursor` of the page before.")] = None,
    ) -> Response:
        """Deliveries, newest event first."""
        which = DeliveryFilter(webhook_id, state, _read_cursor(cursor), limit)
        page = control.list_deliveries(context, which)
        found = wire.DeliveryList(
            deliveries=[to_delivery(delivery) for delivery in page.deliveries],
            next_cursor=None if page.next_before is None else str(page.next_before),
        )
        return as_json(found)

    @router.post(
        "/{webhook_id}/deliveries/{delivery_id}/replay",
        status_code=202,
        response_model=wire.DeliveryOne,
        responses=examples.of_replay(),
    )
    def replay_delivery(webhook_id: WebhookId, delivery_id: DeliveryId) -> Response:
        """Send a delivery once more, with the same id and body."""
        replayed = control.replay(context, webhook_id, delivery_id)
        return as_json(wire.DeliveryOne(delivery=to_delivery(replayed)), 202)


def to_webhook(view: WebhookView) -> wire.Webhook:
    """A webhook without its secrets."""
    webhook = view.webhook
    until = webhook.old_secret_until
    return wire.Webhook(
        id=webhook.id,
        url=webhook.url,
        kinds=[kind.value for kind in webhook.kinds],
        engine=webhook.engine,
        run_id=webhook.run_id,
        description=webhook.description,
        active=webhook.active,
        inactive_why=webhook.inactive_why or None,
        created_at=format_utc(webhook.created_at),
        old_secret_until=None if until is None else format_utc(until),
        deliveries=wire.DeliveryCounts(**{state.value: count for state, count in view.counts.items()}),
    )


def to_delivery(delivery: Delivery) -> wire.Delivery:
    waits = delivery.state is DeliveryState.WAITING
    return wire.Delivery(
        id=delivery.id,
        run_id=delivery.run_id,
        kind=delivery.kind.value,
        state=delivery.state,
        tries=delivery.tries,
        status=delivery.status,
        error=delivery.error,
        created_at=format_utc(delivery.created_at),
        next_at=format_utc(delivery.next_at) if waits else None,
        ended_at=None if delivery.ended_at is None else format_utc(delivery.ended_at),
        body=delivery.body,
    )


def _with_secret(view: WebhookView, status: int) -> Response:
    return as_json(wire.WebhookSecret(webhook=to_webhook(view), secret=view.webhook.secret), status)


def _read_cursor(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) <= _MAX_POSITION):
        raise InvalidInput("cursor", text, "the nextCursor of a page of this list")
    return int(text)
