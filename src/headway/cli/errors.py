"""The edge where errors of a server end: text on standard error, and an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import typer
from pydantic import ValidationError

from headway.cli.exits import Exit
from headway.cli.render import make_console, say
from headway.client.answers import UNEXPECTED
from headway.client.errors import ApiError, ServerUnreachable, WatchTimeout
from headway.domain.errors import HeadwayError, InvalidInput, Unauthorized

SKIPPY = "skippy-train"

_REMEDIES = {
    "unauthorized": "Set ADMIN_SECRET to the secret of the server",
    "not_ready": "`{program} watch` waits for the end",
    "watch_timeout": "It goes on: `{program} watch` comes back to it",
    "unreachable": "Start the server with `headway serve`, or name another in TRAIN_API_HOST",
}
_CODES: dict[type[HeadwayError], str] = {
    ServerUnreachable: "unreachable",
    WatchTimeout: "watch_timeout",
    Unauthorized: "no_secret",
}


@contextmanager
def told_errors(*, as_json: bool, program: str = SKIPPY) -> Iterator[None]:
    """Turns expected errors into text on standard error and an exit code."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        text = f"the server's answer cannot be read: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        tell_error(ApiError(httpx.codes.OK, UNEXPECTED, text, {}), as_json=as_json, program=program)
        raise typer.Exit(Exit.ERROR) from error
    except HeadwayError as error:
        tell_error(error, as_json=as_json, program=program)
        raise typer.Exit(exit_of(error)) from error


@contextmanager
def told_creation(what: str, key: str, *, as_json: bool, program: str = SKIPPY) -> Iterator[None]:
    """Around a request that makes something. A refusal ends the program with its own exit code. Where no answer came
    it may be there: says with which key to ask again, which makes no second one."""
    try:
        yield
    except ApiError as error:
        tell_error(error, as_json=as_json, program=program)
        raise typer.Exit(Exit.REFUSED) from error
    except ServerUnreachable as error:
        if not error.unsent:
            _say_unknown(what, key)
        raise
    except KeyboardInterrupt as error:
        _say_unknown(what, key)
        raise typer.Exit(Exit.ERROR) from error


def exit_of(error: HeadwayError) -> Exit:
    """The exit code that an error stands for."""
    if isinstance(error, InvalidInput | Unauthorized):
        return Exit.USAGE
    return Exit.TIMED_OUT if isinstance(error, WatchTimeout) else Exit.ERROR


def tell_error(error: HeadwayError, *, as_json: bool, program: str = SKIPPY) -> None:
    """On standard error: what was wrong, the bound, what to do."""
    body = error_body(error, program)
    if as_json:
        sys.stderr.write(json.dumps(body) + "\n")
        return
    console = make_console(stderr=True)
    message = str(body["message"])
    say(console, f"error: {message}", style="red")
    for name in ("field", "value", "bound", "state", "jobId", "remedy"):
        told = body.get(name)
        if told is not None and told != "" and str(told) not in message:
            say(console, f"  {name}: {told}")
    for other in body.get("also") or ():
        say(console, f"also: {other['message']}", style="red")
    wait_s = body.get("retryAfterSeconds")
    if wait_s is not None:
        say(console, f"  try again in {wait_s} s")


def error_body(error: HeadwayError, program: str = SKIPPY) -> dict[str, Any]:
    """An error as the API would word it."""
    if isinstance(error, ApiError):
        body = {**error.body, "error": error.code, "message": error.message}
    elif isinstance(error, InvalidInput):
        body = {"error": "invalid_input", "message": str(error), "field": error.field, "bound": error.bound}
        body["remedy"] = error.remedy
    else:
        body = {"error": _CODES.get(type(error), "error"), "message": str(error)}
    remedy = body.get("remedy") or _REMEDIES.get(str(body["error"]), "").format(program=program)
    return {**body, "remedy": remedy} if remedy else body


def _say_unknown(what: str, key: str) -> None:
    text = f"Whether {what} is not known. Run the same with --idempotency-key {key} to find out."
    say(make_console(stderr=True), text)
