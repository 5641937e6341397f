"""A checkout whose scripts and fonts were never fetched."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from headway.web import app
from headway.web.assets import Assets
from tests.fakes.services import make_services


def test_pages_that_are_not_built_say_how_to_build_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "static"
    empty.mkdir()
    monkeypatch.setattr(app, "Assets", lambda: Assets(empty))
    pages = app.make_pages(make_services(tmp_path).context, secret="s", owner="o", version="0")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(pages)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/runs")

    answer = asyncio.run(ask())

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "tools/vendor.py" in answer.text
