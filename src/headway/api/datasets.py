"""`/datasets`: candles of the server's folder, listed, examined, received."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Annotated, BinaryIO, TypeVar

from anyio import CancelScope
from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Request, Response

from headway.api import run_examples as examples
from headway.api.jobs import as_json
from headway.api.service import Service
from headway.control.datasets import (
    check_dataset,
    cover_file,
    exists,
    receiving,
    require_filename,
    require_room,
)
from headway.domain.clock import format_utc
from headway.domain.coverage import Coverage, DatasetCheck
from headway.domain.errors import InvalidInput, TooLarge
from headway.wire import datasets

T = TypeVar("T")

_PATIENCE_S = 30.0  # between two pieces of an upload
_PIECE_BYTES = 1 << 20

FileName = Annotated[
    str,
    Path(
        min_length=1,
        max_length=200,
        description="`SYMBOL_TIMEFRAME.csv` or `.parquet`, like `BTCUSDT_1h.csv`",
    ),
]


def make_datasets_router(service: Service) -> APIRouter:
    """Routes over one service."""
    router = APIRouter(prefix="/datasets", tags=["datasets"])
    _add_reading(router, service)
    _add_upload(router, service)
    return router


def _add_reading(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.get("", response_model=datasets.DatasetList, responses=examples.of_datasets())
    def list_datasets() -> Response:
        """The candles that there are."""
        found = [_to_dataset(coverage) for coverage in context.candles.list_all()]
        return as_json(datasets.DatasetList(datasets=found, total_count=len(found)))

    @router.post("/validate", response_model=datasets.DatasetReport, responses=examples.of_validate())
    def validate_dataset(request: datasets.ValidateRequest) -> Response:
        """Read all of a file and tell everything that is wrong with it."""
        return as_json(_to_report(check_dataset(context, request.filename)))


def _add_upload(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.put(
        "/{filename}",
        status_code=201,
        response_model=datasets.Dataset,
        responses=examples.of_upload(),
        openapi_extra={"requestBody": {"content": {"application/octet-stream": {"schema": {}}}}},
    )
    async def put_dataset(filename: FileName, request: Request) -> Response:
        """Receive a file, whole or not at all. One of the same name is replaced (200)."""
        require_filename(filename)
        limit = context.policy.max_upload_bytes
        told = _require_size(request.headers.get("content-length"), limit)
        there = await run_sync(exists, context, filename)
        await run_sync(require_room, context, told)
        async with _in_thread(receiving(context, filename)) as file:
            await _receive(request, file, limit)
        coverage = await run_sync(cover_file, context, filename)
        return as_json(_to_dataset(coverage), 200 if there else 201)


@asynccontextmanager
async def _in_thread(managed: AbstractContextManager[T]) -> AsyncIterator[T]:
    """What waits for the disk on the way in and out must not hold up every other request."""
    entered = await run_sync(managed.__enter__)
    try:
        yield entered
    except BaseException as error:
        with CancelScope(shield=True):
            await run_sync(managed.__exit__, type(error), error, error.__traceback__)
        raise
    else:
        await run_sync(managed.__exit__, None, None, None)


async def _receive(request: Request, file: BinaryIO, limit_bytes: int) -> None:
    size, held = 0, bytearray()
    async for piece in _pieces(request):
        size += len(piece)
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        held += piece
        if len(held) >= _PIECE_BYTES:
            await run_sync(file.write, bytes(held))
            held.clear()
    if not size:
        raise InvalidInput("body", None, "the content of the file")
    await run_sync(file.write, bytes(held))


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                piece = await anext(stream, None)
        except TimeoutError as error:
            raise InvalidInput("body", None, f"a piece at least every {_PATIENCE_S:g} seconds") from error
        if piece is None:
            return
        yield piece


def _require_size(told: str | None, limit_bytes: int) -> int:
    """The size that is told; 0 where none is."""
    size = int(told) if told is not None and told.isdigit() else 0
    if size > limit_bytes:
        raise _too_large(limit_bytes)
    return size


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"the file is larger than {limit_bytes >> 20} MiB: HEADWAY_MAX_UPLOAD_MB sets the limit")


def _to_dataset(coverage: Coverage) -> datasets.Dataset:
    first, last = coverage.first_at, coverage.last_at
    return datasets.Dataset(
        symbol=coverage.symbol,
        timeframe=coverage.timeframe,
        filename=coverage.filename,
        row_count=coverage.rows,
        date_start=format_utc(first) if first else None,
        date_end=format_utc(last) if last else None,
        columns=list(coverage.columns),
        size_bytes=coverage.size_bytes,
        origin="packaged" if coverage.origin == "packaged" else "file",
        label=coverage.label,
        problem=coverage.problem,
    )


def _to_report(check: DatasetCheck) -> datasets.DatasetReport:
    issues = [
        datasets.DatasetIssue(
            severity="warning" if fault.severity == "warning" else "error",
            message=fault.message,
            row_number=fault.row,
        )
        for fault in check.faults
    ]
    return datasets.DatasetReport(
        filename=check.filename,
        is_valid=not any(issue.severity == "error" for issue in issues),
        total_rows=check.rows,
        issues=issues,
        schema_valid=check.schema_valid,
        timezone_valid=check.times_valid,
        has_gaps=check.gaps > 0,
        gap_count=check.gaps,
        inferred_dtypes=check.dtypes,
        date_range=(check.first, check.last) if check.first and check.last else None,
    )
