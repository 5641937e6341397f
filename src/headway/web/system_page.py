"""The queue, the slots, and how the server itself stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headway.control.context import Context
from headway.control.query import RunView, contact_of
from headway.control.system import SystemView, view_system
from headway.domain.runs import Run
from headway.ports import SlotUse
from headway.web.run_rows import RunRow, to_row
from headway.web.templates import Templates


@dataclass(frozen=True)
class SlotRow:
    """A slot and the run that holds it; `row` is None for a free one."""

    name: str
    row: RunRow | None


@dataclass(frozen=True)
class SystemPage:
    """The route of the page."""

    context: Context
    templates: Templates

    def routes(self) -> list[Route]:
        return [Route("/system", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """Its script asks for it again from time to time, and takes over what is new."""

        def render() -> Response:
            return self.templates.render(request, "system.html", **self._view())

        return await run_sync(render)

    def _view(self) -> dict[str, Any]:
        found = view_system(self.context)
        now = self.context.clock.now()
        rows = {
            run.id: to_row(RunView(run, None, contact_of(self.context, run)), now)
            for run in found.queue.active
        }
        return {
            **{name: getattr(found, name) for name in ("store", "unread_bytes", "disk", "host", "told")},
            "slots": [SlotRow(_name(slot), rows.get(slot.run_id or "")) for slot in found.queue.slots],
            "homeless": _without_slot(found, rows),
            "waiting": [
                _waiting_row(self.context, run, place) for place, run in enumerate(found.queue.waiting)
            ],
            "waiting_total": found.queue.length,
        }


def _name(slot: SlotUse) -> str:
    return f"{slot.kind.upper()} {slot.index}"


def _without_slot(found: SystemView, rows: dict[str, RunRow]) -> list[RunRow]:
    """Active runs that hold no slot that is still counted."""
    held = {slot.run_id for slot in found.queue.slots}
    return [row for run_id, row in rows.items() if run_id not in held]


def _waiting_row(context: Context, run: Run, place: int) -> RunRow:
    return to_row(RunView(run, place, None), context.clock.now())
