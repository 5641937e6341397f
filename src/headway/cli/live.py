"""Watching a job: a live picture on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from headway.cli.live_standing import Standing
from headway.cli.render import (
    count_text,
    duration_text,
    fraction_text,
    metric_text,
    say,
)
from headway.cli.render_events import notable_line, progress_line
from headway.client.answers import PROGRESS, News
from headway.client.patience import ContactChange

_STEP_FRACTION = 0.05
_MOST_METRICS = 8
_REFRESH_PER_S = 4
_BAR_WIDTH = 40


class View(Protocol):
    """What is shown while a job is watched. A context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, news: News) -> None:
        """Something was told about the job."""

    def show_contact(self, change: ContactChange) -> None:
        """The server was lost or regained."""


class _Quiet:
    """A view that needs no beginning and no end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class JsonView(_Quiet):
    """Each piece of news as one JSON line on standard output."""

    def show(self, news: News) -> None:
        self.write(news.to_json())

    def show_contact(self, change: ContactChange) -> None:
        state = "lost" if change.lost else "regained"
        self.write({"kind": "connection", "data": {"state": state, "why": change.why}})

    def write(self, line: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


class PlainView(_Quiet):
    """A line for each change of phase and each 5 %; phases that differ in their numbers only are one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[str, str, int] | None = None

    def show(self, news: News) -> None:
        if news.kind != PROGRESS:
            line = notable_line(news)
            if line is not None:
                say(self._console, line)
            return
        now = Standing.from_news(news)
        twentieth = int((now.fraction or 0.0) / _STEP_FRACTION + 1e-9)
        key = (now.state, re.sub(r"\d+", "#", now.phase), twentieth)
        if key != self._last:
            self._last = key
            say(self._console, progress_line(now.state, now.phase, now.fraction, now.eta_s))

    def show_contact(self, change: ContactChange) -> None:
        say(self._console, contact_line(change))


class LiveView:
    """A picture that is redrawn in place; what is worth keeping scrolls by above it."""

    def __init__(self, console: Console, job_id: str, *, what: str = "job") -> None:
        self._console = console
        self._job_id = job_id
        self._what = what
        self._standing = Standing()
        self._told_s = time.monotonic()
        self._unreachable: str | None = None
        self._live = Live(
            console=console, get_renderable=self._draw, refresh_per_second=_REFRESH_PER_S, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, news: News) -> None:
        if news.kind == PROGRESS:
            self._standing, self._told_s = Standing.from_news(news), time.monotonic()
            return
        line = notable_line(news)
        if line is not None:
            say(self._console, line)

    def show_contact(self, change: ContactChange) -> None:
        self._unreachable = change.why if change.lost else None

    def _draw(self) -> RenderableType:
        now = self._standing
        parts: list[RenderableType] = [
            Text.assemble((self._job_id, "bold"), "  ", (now.state, "cyan"), f"  {now.phase}"),
            self._bar(now),
            _pace_text(now),
        ]
        if now.latest:
            parts.append(_metrics_text(now.latest))
        if now.contact_lost is not None:
            parts.append(Text(f"contact to the training lost since {now.contact_lost}", style="yellow"))
        if self._unreachable is not None:
            parts.append(Text(f"server lost, trying again: {self._unreachable}", style="yellow"))
        parts.append(Text(f"Ctrl-C detaches; the {self._what} goes on", style="dim"))
        return Group(*parts)

    def _bar(self, now: Standing) -> RenderableType:
        left_s = None if now.eta_s is None else max(now.eta_s - (time.monotonic() - self._told_s), 0.0)
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_row(
            ProgressBar(total=1.0, completed=now.fraction or 0.0, width=_BAR_WIDTH),
            fraction_text(now.fraction),
            f"{duration_text(left_s)} left",
        )
        return row


def _pace_text(now: Standing) -> Text:
    steps = f"{count_text(now.step)}/{count_text(now.steps_total)} steps"
    return Text(f"{count_text(now.rate_per_s)} steps/s  {steps}")


def _metrics_text(latest: Mapping[str, Any]) -> Text:
    shown = sorted(latest.items())[:_MOST_METRICS]
    return Text("  ".join(f"{name} {metric_text(value)}" for name, value in shown), style="dim")


def contact_line(change: ContactChange) -> str:
    return f"server lost, trying again: {change.why}" if change.lost else "the server answers again"
