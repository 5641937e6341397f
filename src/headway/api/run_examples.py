"""Examples and errors of the routes of runs and datasets, for OpenAPI."""

from __future__ import annotations

from typing import Any

from headway.api.examples import OF_BODIES, Responses, respond
from headway.wire.jobs import ErrorBody

RUN_ID = "fc_1764000000000_0f1e2d3c"
_AT = "2026-11-23T09:05:36.123456Z"
_CREATED = {"id": RUN_ID, "status": "pending", "created_at": _AT, "name": "baseline", "queue_position": 0}
_CONFIG = {"data_source": "BTC", "timeframes": ["1h", "4h"], "variant": "tiny", "max_epochs": 20}
_SUMMARY = {
    "id": RUN_ID,
    "name": "baseline",
    "status": "running",
    "state": "training",
    "engine": "forecast",
    "origin": "runs",
    "symbols": ["BTC"],
    "timeframes": ["1h", "4h"],
    "created_at": _AT,
    "attempt": 1,
    "progress": {"fraction": 0.41, "phase": "epoch 9/20", "step": 2700, "steps_total": 6000},
    "metrics": {"epoch": 9, "step": 2700, "train_loss": 0.41, "val_loss": 0.44, "val_da": 0.53},
}
_RUN = {**_SUMMARY, "config": _CONFIG, "resolved": {}, "seed": 7}
_FILE = {
    "name": "config.yaml",
    "size_bytes": 1180,
    "created_at": _AT,
    "artifact_type": "config",
    "sha256": "9f2c…",
}
_DATASET = {
    "symbol": "BTC",
    "timeframe": "1h",
    "filename": "BTCUSDT_1h.csv",
    "row_count": 35064,
    "date_start": "2021-01-01T00:00:00.000000Z",
    "date_end": "2024-12-31T23:00:00.000000Z",
    "columns": ["timestamp", "open", "high", "low", "close", "volume"],
    "size_bytes": 2517301,
}
_REPORT = {
    "filename": "BTCUSDT_1h.csv",
    "is_valid": True,
    "total_rows": 35064,
    "issues": [],
    "schema_valid": True,
    "timezone_valid": True,
    "has_gaps": False,
    "gap_count": 0,
    "inferred_dtypes": {"timestamp": "datetime", "close": "float64"},
    "date_range": ["2021-01-01T00:00:00.000000Z", "2024-12-31T23:00:00.000000Z"],
}
_PREVIEW = {
    "config": {},
    "config_yaml": "data:\n  source: BTC\n",
    "contexts": [{"timeframe": "1h", "context_bars": 68, "context_days": 2.83, "rows": 35064}],
    "warmup_bars": 796,
    "purge_bars": 168,
    "rows": 35064,
    "rows_usable": 33996,
    "splits": {"train": 23629, "validation": 4931, "test": 5100},
    "parameter_count": 41223,
    "memory_bytes": 31457280,
    "time": None,
    "estimated_cost_usd": 0.0,
    "queue_position": 0,
    "warnings": [],
    "missing": {"time": "no run of this size has finished on this machine yet"},
}
_COMPARISON = {
    "ids": [RUN_ID, "fc_1764000000001_0f1e2d3d"],
    "runs": [_SUMMARY, _SUMMARY],
    "differences": [{"key": "training.batch_size", "values": [32, 64]}],
    "metrics": {"val/loss": {"steps": [100, 200], "values": [[0.5, 0.4], [0.6, None]]}},
    "thinned": [],
    "left_out": [],
}
_SERIES = {
    "run_id": RUN_ID,
    "names": ["train/loss"],
    "series": {"train/loss": {"steps": [1, 2], "values": [0.7, 0.6]}},
    "thinned": [],
}
_LOGS = {
    "run_id": RUN_ID,
    "attempt": 1,
    "lines": [{"offset": 0, "text": "epoch 1"}],
    "next_offset": 8,
    "size_bytes": 8,
    "done": True,
}


def of_create() -> Responses:
    return respond(201, _CREATED, *OF_BODIES, "idempotency_conflict", "data_unavailable", "rate_limited")


def of_preview() -> Responses:
    return respond(200, _PREVIEW, *OF_BODIES)


def of_list() -> Responses:
    return respond(200, {"runs": [_SUMMARY], "total_count": 1, "next_cursor": None})


def of_compare() -> Responses:
    return respond(200, _COMPARISON, "not_found")


def of_run() -> Responses:
    return respond(200, _RUN, "not_found")


def of_label() -> Responses:
    return respond(200, _RUN, "not_found", "conflict", *OF_BODIES)


def of_cancel() -> Responses:
    example = {"run_id": RUN_ID, "status": "running", "cancel_requested_at": _AT}
    return respond(200, example, "not_found", "already_ended", "conflict")


def of_resume() -> Responses:
    return respond(200, _CREATED, "not_found", "not_resumable", "conflict", *OF_BODIES)


def of_clone() -> Responses:
    errors = ("not_found", "idempotency_conflict", "data_unavailable", "rate_limited")
    return respond(201, _CREATED, *OF_BODIES, *errors)


def of_metrics() -> Responses:
    found = respond(200, _SERIES, "not_found", "data_unavailable")
    tables: dict[str, Any] = {"text/csv": {}, "application/vnd.apache.parquet": {}}
    return {**found, 200: {"content": {**found[200]["content"], **tables}}}


def of_logs() -> Responses:
    return respond(200, _LOGS, "not_found")


def of_artifacts() -> Responses:
    return respond(200, {"artifacts": [_FILE], "total_count": 1}, "not_found")


def of_artifact() -> Responses:
    found = respond(200, None, "not_found")
    types = ("application/octet-stream", "application/x-tar", "text/*", "image/*")
    content: dict[str, Any] = {name: {} for name in types}
    file = {"content": content, "description": "The file"}
    part = {"content": {**content, "multipart/byteranges": {}}, "description": "A part of it"}
    return {
        **found,
        200: file,
        206: part,
        304: {"description": "As it was"},
        400: {
            "model": ErrorBody,
            "content": {**found[400]["content"], "text/plain": {}},
            "description": "invalid",
        },
        416: {"content": {"text/plain": {}}, "description": "No such part"},
    }


def of_predict() -> Responses:
    found = respond(200, None, "not_found", "not_ready", "busy", "data_unavailable")
    tables: dict[str, Any] = {
        name: {} for name in ("application/json", "text/csv", "application/vnd.apache.parquet")
    }
    return {**found, 200: {"content": tables, "description": "Forecasts"}}


def of_datasets() -> Responses:
    return respond(200, {"datasets": [_DATASET], "total_count": 1})


def of_validate() -> Responses:
    return respond(200, _REPORT, "not_found", "data_unavailable", *OF_BODIES)


def of_upload() -> Responses:
    found = respond(201, _DATASET, "too_large", "data_unavailable")
    return {**found, 200: {"content": found[201]["content"], "description": "Replaced"}}
