"""Bodies of the webhooks API (`/api/webhooks`): camelCase on the wire, times in UTC."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from headway.domain.events import EventKind
from headway.domain.webhooks import DeliveryState
from headway.wire.jobs import Text

MAX_URL = 2000
MAX_DESCRIPTION = 200


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class _Asked(_Wire):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _without_doubles(kinds: list[EventKind]) -> list[EventKind]:
    return list(dict.fromkeys(kinds))


Url = Annotated[Text, Field(min_length=1, max_length=MAX_URL)]
Kinds = Annotated[list[EventKind], Field(max_length=64), AfterValidator(_without_doubles)]
EngineName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
RunId = Annotated[str, Field(pattern=r"^[a-z]{2,8}_[0-9]{13}_[0-9a-f]{8}$")]
Description = Annotated[Text, Field(max_length=MAX_DESCRIPTION)]


class WebhookRequest(_Asked):
    """POST /api/webhooks. Empty `kinds`: every kind of event."""

    url: Url
    kinds: Kinds = []
    engine: EngineName | None = None
    run_id: RunId | None = None
    description: Description = ""


class WebhookChange(_Asked):
    """PATCH /api/webhooks/{id}: what is left out stays as it is; null for `engine` or `runId` means any."""

    url: Url = ""
    kinds: Kinds = []
    engine: EngineName | None = None
    run_id: RunId | None = None
    description: Description = ""
    active: bool = True


class DeliveryCounts(_Wire):
    waiting: int = 0
    delivered: int = 0
    dead: int = 0


class Webhook(_Wire):
    """A webhook; its secret is told once, when it is made or rotated."""

    id: str
    url: str
    kinds: list[str]
    engine: str | None = None
    run_id: str | None = None
    description: str = ""
    active: bool = True
    inactive_why: str | None = None
    created_at: str
    old_secret_until: str | None = None
    deliveries: DeliveryCounts = DeliveryCounts()


class WebhookSecret(_Wire):
    """Answer of POST /api/webhooks and of a rotation: the only time that the secret is told."""

    webhook: Webhook
    secret: str


class WebhookOne(_Wire):
    webhook: Webhook


class WebhookList(_Wire):
    webhooks: list[Webhook]


class PingResult(_Wire):
    """What came of a `ping`: whether it was answered with 2xx, and what went wrong."""

    delivered: bool
    status: int | None = None
    error: str | None = None


class Delivery(_Wire):
    """One message: `id` is its header `webhook-id`, `body` what is sent."""

    id: str
    run_id: str
    kind: str
    state: DeliveryState
    tries: int
    status: int | None = None
    error: str | None = None
    created_at: str
    next_at: str | None = None
    ended_at: str | None = None
    body: str


class DeliveryOne(_Wire):
    delivery: Delivery


class DeliveryList(_Wire):
    deliveries: list[Delivery]
    next_cursor: str | None = None


class Replayed(_Wire):
    """How many dead deliveries wait again."""

    replayed: int
