"""How a watched job stands, as last told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headway.cli.render import MISSING, text_of, time_text
from headway.client.answers import News


@dataclass(frozen=True)
class Standing:
    """How a job stands, as last told. Everything may be unknown."""

    state: str = MISSING
    fraction: float | None = None
    phase: str = ""
    step: float | None = None
    steps_total: float | None = None
    rate_per_s: float | None = None
    eta_s: float | None = None
    latest: Mapping[str, Any] | None = None
    contact_lost: str | None = None  # since when the training itself is not heard of

    @classmethod
    def from_news(cls, news: News) -> Standing:
        told = news.data
        contact = told.get("contact")
        lost = isinstance(contact, dict) and contact.get("state") == "lost"
        return cls(
            state=text_of(told.get("state")),
            fraction=told.get("fraction"),
            phase=str(told.get("phase") or ""),
            step=told.get("step"),
            steps_total=told.get("stepsTotal"),
            rate_per_s=told.get("ratePerS"),
            eta_s=told.get("etaS"),
            latest=told.get("latest"),
            contact_lost=time_text(contact.get("lostSince")) if lost and isinstance(contact, dict) else None,
        )
