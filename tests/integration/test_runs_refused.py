"""What cannot be trained is refused when it is asked for, by field, value, bound and remedy: never within the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from headway.api.app import make_app
from headway.markets.catalog import FileCatalog
from headway.markets.inspect import inspect_file
from tests.integration.calling import SECRET, Api, make_api

polars = pytest.importorskip("polars")

HEADER = "timestamp,open,high,low,close,volume"
CONFIG: dict[str, Any] = {"data_source": "BTCUSDT_1h.csv", "timeframes": ["1h", "4h"], "variant": "tiny"}


def _rows(bars: int, *, hours: int = 1, year: int = 2024) -> Iterator[str]:
    for k in range(bars):
        at = datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=k * hours)
        yield f"{at:%Y-%m-%dT%H:%M:%SZ},100,{102 + k % 3},99,{100 + k % 2},{5 + k % 7}"


def _without(rows: Iterator[str], column: int) -> Iterator[str]:
    return (",".join(cell for k, cell in enumerate(row.split(",")) if k != column) for row in rows)


FILES: dict[str, Callable[[], list[str]]] = {
    "BTCUSDT_1h.csv": lambda: [HEADER, *_rows(2_500)],
    "FEW_1h.csv": lambda: [HEADER, *_rows(700)],
    "SHORT_1h.csv": lambda: [HEADER, *_rows(1_200)],
    "SILENT_1h.csv": lambda: list(_without(iter([HEADER, *_rows(2_500)]), 5)),
    "TIMELESS_1h.csv": lambda: list(_without(iter([HEADER, *_rows(2_500)]), 0)),
    "EMPTY_1h.csv": list,
    "HEADER_1h.csv": lambda: [HEADER],
    "NAN_1h.csv": lambda: [HEADER, *(f"{row.split(',')[0]},nan,nan,nan,nan,nan" for row in _rows(2_500))],
    "HOLED_1h.csv": lambda: [HEADER, *list(_rows(2_500))[:1_000], *list(_rows(2_500))[1_010:]],
    "DAY_1d.csv": lambda: [HEADER, *_rows(2_500, hours=24, year=2015)],
    "WRONG_1d.csv": lambda: [HEADER, *_rows(2_500)],
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Api:
    """Over real files of candles."""
    made = make_api(tmp_path_factory.mktemp("refused"))
    folder = made.service.context.policy.candles_dir
    folder.mkdir(parents=True)
    for name, lines in FILES.items():
        (folder / name).write_text("\n".join(lines()))
    polars.read_csv(folder / "SHORT_1h.csv").write_parquet(folder / "SHORTPQ_1h.parquet")
    context = replace(made.service.context, candles=FileCatalog(folder))
    service = replace(made.service, context=context)
    return replace(made, service=service, app=make_app(service, secret=SECRET, version="0"))


BAD: dict[str, tuple[dict[str, Any], str, Any, str]] = {
    "no such file": ({"data_source": "GONE_1h.csv"}, "data_source", "GONE_1h.csv", "there is no file GONE_1h.csv"),
    "no such symbol": ({"data_source": "XRP"}, "data_source", "XRP", "no 1h candles of XRP"),
    "no volume": ({"data_source": "SILENT_1h.csv"}, "data_source", "SILENT_1h.csv", "column volume is missing"),
    "no times": ({"data_source": "TIMELESS_1h.csv"}, "data_source", "TIMELESS_1h.csv", "column timestamp"),
    "an empty file": ({"data_source": "EMPTY_1h.csv"}, "data_source", "EMPTY_1h.csv", "is empty"),
    "a header alone": ({"data_source": "HEADER_1h.csv"}, "data_source", "HEADER_1h.csv", "a header and no rows"),
    "nothing but NaN": ({"data_source": "NAN_1h.csv"}, "data_source", "NAN_1h.csv", "is not finite (2500 rows)"),
    "a gap": ({"data_source": "HOLED_1h.csv"}, "data_source", "HOLED_1h.csv", "10 bars of 1h are missing"),
    "a name that lies": (
        {"data_source": "WRONG_1d.csv", "timeframes": ["1d"]}, "data_source", "WRONG_1d.csv",
        "does not begin a bar of 1d",
    ),
    "finer than the file": (
        {"timeframes": ["15m", "1h"]}, "timeframes", "15m", "the candles of BTCUSDT_1h.csv are of 1h",
    ),
    "finer than the symbol": (
        {"data_source": "BTC", "timeframes": ["5m"]}, "timeframes", "5m", "the candles of BTC are of 1h",
    ),
    "a batch beyond the set": ({"batch_size": 4096}, "batch_size", 4096, "the rows that there are to train on"),
    "a batch beyond an epoch": (
        {"overrides": {"training.max_windows_per_epoch": 10}},
        "overrides.training.max_windows_per_epoch", 10, "at least a batch of 64",
    ),
    "a long horizon": ({"long_horizon": "20w"}, "long_horizon", "20w", "3360 bars of 1h must be fewer than the 2500"),
    "a short horizon": ({"short_horizon": "110d", "long_horizon": "19w"}, "short_horizon", "110d", "2640 bars of 1h"),
    "a long path": (
        {"data_source": "DAY_1d.csv", "timeframes": ["1d"], "next_horizon": 200, "short_horizon": "1d",
         "start_date": "2021-08-01"},
        "next_horizon", 200, "200 bars of 1d must be fewer than the",
    ),
    "a start after the end": (
        {"start_date": "2031-01-01"}, "start_date", "2031-01-01",
        "BTCUSDT_1h.csv goes from 2024-01-01T00:00:00Z to 2024-04-14T03:00:00Z",
    ),
    "an end before the start": ({"end_date": "2020-01-01"}, "end_date", "2020-01-01", "goes from 2024-01-01"),
    "nothing after warm-up": (
        {"data_source": "FEW_1h.csv"}, "timeframes", "4h", "1067 bars of 1h pass before 4h has its features",
    ),
    "too little after warm-up": (
        {"data_source": "SHORT_1h.csv"}, "data_source", "SHORT_1h.csv", "at least 30 of each are needed",
    ),
    "too little in Parquet": (
        {"data_source": "SHORTPQ_1h.parquet"}, "data_source", "SHORTPQ_1h.parquet", "has 1200 bars of 1h",
    ),
    "a purge that leaks": (
        {"overrides": {"data.purge_bars": 3}}, "overrides.data.purge_bars", 3, "must be at least 168",
    ),
    "a variant among the overrides": (
        {"overrides": {"model.variant": "large"}}, "overrides.model.variant", "large", "no override",
    ),
    "an unknown indicator": ({"features": ["rsi_14"]}, "features", "['rsi_14']", "did you mean RSI?"),
}  # fmt: skip
# wrong whatever the candles are
STATUS = dict.fromkeys(("a purge that leaks", "a variant among the overrides", "an unknown indicator"), 400)


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_the_candles_is_refused_by_name(api: Api, name: str) -> None:
    change, field, value, bound = BAD[name]
    body = {"config": {**CONFIG, **change}}

    answer = api.ask("POST", "/runs", json=body)

    told = answer.json()
    assert answer.status_code == STATUS.get(name, 422), told
    assert (told["field"], told["value"]) == (f"config.{field}", value), told
    assert bound in told["bound"], told
    assert "remedy" in told or "Leave" in told["bound"] or "did you mean" in told["bound"], told
    assert api.ask("GET", "/runs").json()["total_count"] == 0


@pytest.mark.parametrize("name", [name for name in BAD if name not in STATUS])
def test_a_preview_tells_the_same_and_creates_nothing(api: Api, name: str) -> None:
    change, field, value, bound = BAD[name]

    answer = api.ask("POST", "/runs/preview", json={"config": {**CONFIG, **change}})

    assert answer.status_code == httpx.codes.OK, answer.text
    [refusal, *_] = answer.json()["refusals"]
    assert (refusal["field"], refusal["value"]) == (f"config.{field}", value)
    assert bound in refusal["bound"]
    assert refusal["message"] in answer.json()["warnings"]


@pytest.mark.parametrize(
    "change",
    [{}, {"data_source": "BTC"}, {"data_source": "HOLED_1h.csv", "overrides": {"data.allow_gaps": True}}],
)
def test_what_fits_has_no_refusal(api: Api, change: dict[str, Any]) -> None:
    found = api.ask("POST", "/runs/preview", json={"config": {**CONFIG, **change}}).json()

    assert (found["refusals"], found["missing"].get("rows")) == ([], None)
    assert found["splits"]["train"] >= 64  # a batch of the tiny variant


def test_a_file_is_read_whole_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []

    def count(path: Path, symbol: str, timeframe: str) -> Any:
        seen.append(path)
        return inspect_file(path, symbol, timeframe)

    monkeypatch.setattr("headway.markets.inspect.inspect_file", count)
    path, catalog = tmp_path / "BTCUSDT_1h.csv", FileCatalog(tmp_path)
    path.write_text("\n".join([HEADER, *_rows(50)]))
    first, again = (catalog.check(path.name, "4h") for _ in range(2))
    assert (first, len(seen)) == (again, 1)

    path.write_text("\n".join([HEADER, *_rows(60)]))
    os.utime(path, ns=(1, 1))
    changed = catalog.check(path.name, "4h")
    assert changed is not None
    assert (changed.rows, changed.timeframe, len(seen)) == (60, "1h", 2)
