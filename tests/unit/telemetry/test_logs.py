"""A logged error shows where it happened, none of the variables there, and no secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from headway.telemetry.logs import configure_logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("as_json", [False, True])
def test_a_logged_error_tells_no_variables(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    configure_logs("INFO", as_json=as_json)
    token = "-".join(("s3cret", "value"))  # spelt so that the line itself does not show it
    try:
        raise ValueError(f"a token of {len(token)} characters")
    except ValueError:
        structlog.get_logger("headway.test").exception("it broke")

    told = capsys.readouterr().err
    assert "ValueError: a token of 12 characters" in told
    assert "test_logs.py" in told
    assert token not in told


@pytest.mark.parametrize("library", [False, True])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_secret_in_an_error_is_hidden(
    capsys: pytest.CaptureFixture[str], *, as_json: bool, library: bool
) -> None:
    secret = "-".join(("s3cret", "value"))  # spelt so that the line itself does not show it
    configure_logs("INFO", as_json=as_json, secrets=(secret,))
    try:
        raise ValueError(f"cannot use {secret}")
    except ValueError:
        if library:
            logging.getLogger("a.library").exception("it broke")
        else:
            structlog.get_logger("headway.test").exception("it broke")

    told = capsys.readouterr().err
    assert "ValueError: cannot use (hidden)" in told
    assert secret not in told
