"""`headway runs` metrics, logs, artifacts, predict: what a run has measured, said and left."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer

from headway.cli.common import AsJson, write_json
from headway.cli.live import contact_line
from headway.cli.render import count_text, make_console, metric_text, rows_table, say, text_of, time_text
from headway.cli.runs_session import RunArgument, open_runs
from headway.cli.runs_watch import say_detached
from headway.client.patience import ContactChange
from headway.client.runs import RunsClient
from headway.client.watch import RunFollower
from headway.domain.errors import InvalidInput, NotFound
from headway.wire.run_records import ArtifactInfo, ArtifactList, MetricSeries
from headway.wire.runs import TableFormat

_BARS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 32
_CHECKPOINTS, _TAR = "checkpoints/", ".tar"


class PredictFormat(StrEnum):
    """What forecasts are written as."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"


def metrics(
    context: typer.Context,
    run: RunArgument,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Series such as val/loss; all by default.")
    ] = None,
    *,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write name, step and value of every point there.")
    ] = None,
    parquet_file: Annotated[Path | None, typer.Option("--parquet", help="The same as Parquet.")] = None,
    as_json: AsJson = False,
) -> None:
    """What a run has measured: each series with its course."""
    files = {"csv": csv_file, "parquet": parquet_file}
    with open_runs(context, as_json=as_json) as client:
        for table, file in files.items():
            if file is not None:
                thinned = client.export_metrics(
                    run, file, table=cast("TableFormat", table), names=names or ()
                )
                _tell_export(file, thinned, as_json=as_json)
        if as_json or not any(files.values()):
            found = client.metrics(run, names=names or ())
            if as_json:
                write_json(found.model_dump(mode="json"))
            else:
                _show_metrics(found)


def _tell_export(file: Path, thinned: Sequence[str], *, as_json: bool) -> None:
    more = f"; not every point of {', '.join(thinned)}" if thinned else ""
    say(make_console(stderr=as_json), f"numbers in {file}{more}")


def _show_metrics(found: MetricSeries) -> None:
    console = make_console()
    if not found.series:
        known = f"; there are {', '.join(found.names)}" if found.names else ""
        say(console, f"nothing was measured under that name{known}" if known else "nothing was measured yet")
        return
    table = rows_table("series", "points", "first", "last", "least", "most", "course")
    for name, series in found.series.items():
        if series.values:
            first, last = series.values[0], series.values[-1]
            ends = (first, last, min(series.values), max(series.values))
            table.add_row(name, count_text(len(series.values)), *map(metric_text, ends), spark(series.values))
    console.print(table)
    if found.thinned:
        say(console, f"thinned, their extremes kept: {', '.join(found.thinned)}", style="dim")


def spark(values: Sequence[float], width: int = _SPARK_WIDTH) -> str:
    """The course of a series as a line of bars; each bar is the last value of its stretch."""
    size = -(-len(values) // width)
    shown = [values[min(at + size, len(values)) - 1] for at in range(0, len(values), size)]
    low, high = min(shown), max(shown)
    span = high - low or 1.0
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1))] for value in shown)


def logs(  # noqa: PLR0913  (Typer reads the flags from the signature)
    context: typer.Context,
    run: RunArgument,
    *,
    tail: Annotated[int, typer.Option(min=0, help="Last lines to show.")] = 200,
    search: Annotated[str | None, typer.Option(help="Only lines that hold this text.")] = None,
    attempt: Annotated[
        int | None, typer.Option(min=1, help="Of this attempt; the newest by default.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the run ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """The console of the training."""
    if follow and attempt is not None:
        raise typer.BadParameter("--follow shows the newest attempt: leave --attempt out")
    with open_runs(context, as_json=as_json) as client:
        if follow:
            _follow_console(client, run, search, as_json=as_json)
            return
        page = (
            client.search_logs(run, search, tail=tail, attempt=attempt)
            if search
            else client.logs(run, tail=tail, attempt=attempt)
        )
        if as_json:
            write_json(page.model_dump(mode="json"))
            return
        for line in page.lines:
            sys.stdout.write(line.text + "\n")
        if search and not page.done:
            more = f"stopped at {tail} lines, there may be more: a higher --tail shows them"
            say(make_console(stderr=True), more, style="dim")


def _follow_console(client: RunsClient, run_id: str, search: str | None, *, as_json: bool) -> None:
    """The console's last lines, then what comes; whole lines are looked through for the text."""
    rest = ""
    try:
        for frame in RunFollower(client, run_id, on_contact=_tell_contact).follow():
            if frame.event_type != "log" or frame.data.get("source") != "console":
                continue
            *whole, rest = (rest + str(frame.data["message"])).split("\n")
            _write_lines(whole, search, as_json=as_json)
        _write_lines([rest] if rest else [], search, as_json=as_json)
    except KeyboardInterrupt:
        say_detached(run_id, as_json=True)


def _write_lines(lines: Sequence[str], search: str | None, *, as_json: bool) -> None:
    for text in lines:
        if search is not None and search.casefold() not in text.casefold():
            continue
        if as_json:
            write_json({"text": text}, line=True)
        else:
            sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _tell_contact(change: ContactChange) -> None:
    say(make_console(stderr=True), contact_line(change))


def artifacts(
    context: typer.Context,
    run: RunArgument,
    *,
    download: Annotated[
        list[str] | None,
        typer.Option(
            help="Name of a file to fetch, `all`, or checkpoints/STEP.tar for a whole checkpoint; may be repeated."
        ),
    ] = None,
    to: Annotated[Path, typer.Option(help="Folder to fetch into.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """The files of a run; with --download, fetch some, checked against their hashes."""
    with open_runs(context, as_json=as_json) as client:
        found = client.artifacts(run)
        archives = [name for name in download or () if name.startswith(_CHECKPOINTS) and name.endswith(_TAR)]
        chosen = _choose(found, [name for name in download or () if name not in archives])
        fetched = [str(client.download(run, artifact, _place(to, artifact.name))) for artifact in chosen]
        fetched += [
            str(client.download_checkpoint(run, name.removesuffix(_TAR), _place(to, name)))
            for name in archives
        ]
        if as_json:
            write_json({**found.model_dump(mode="json"), **({"fetched": fetched} if download else {})})
        elif download:
            hashed = [artifact.sha256 is not None for artifact in chosen] + [False for _ in archives]
            for path, is_hashed in zip(fetched, hashed, strict=True):
                checked = "its hash is right" if is_hashed else "the server knows no hash of it"
                say(make_console(), f"{path}  ({checked})")
        else:
            _show_artifacts(found)


def _choose(found: ArtifactList, names: Sequence[str]) -> list[ArtifactInfo]:
    if "all" in names:
        return found.artifacts
    known = {artifact.name: artifact for artifact in found.artifacts}
    for name in names:
        if name not in known:
            raise NotFound(f"the run has no file {name!r}; there are {', '.join(known) or 'none'}")
    return [known[name] for name in names]


def _place(folder: Path, name: str) -> Path:
    """Where a file is put; InvalidInput for a name that leads out of the folder."""
    place = folder / name
    if not place.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput("name of the file", name, "a place below the folder to fetch into")
    return place


def _show_artifacts(found: ArtifactList) -> None:
    table = rows_table("file", "type", "bytes", "created", "SHA-256")
    for one in found.artifacts:
        table.add_row(
            one.name,
            one.artifact_type,
            count_text(one.size_bytes),
            time_text(one.created_at),
            text_of(one.sha256),
        )
    console = make_console()
    console.print(table)
    say(console, f"{found.total_count} files", style="dim")


def predict(
    context: typer.Context,
    run: RunArgument,
    *,
    data: Annotated[
        str | None,
        typer.Option(
            help="Name of a file of the server's candles, or path (with a /) of one here, which is uploaded; the run's "
            "own by default."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; predictions.FORMAT by default.", show_default=False)
    ] = None,
    table: Annotated[PredictFormat, typer.Option("--format")] = PredictFormat.PARQUET,
    as_json: AsJson = False,
) -> None:
    """Forecast with the model of a run."""
    with open_runs(context, as_json=as_json) as client:
        named = _upload(client, Path(data)) if data is not None and "/" in data else data
        path = client.predict(run, out or Path(f"predictions.{table.value}"), data=named, table=table.value)
        document = {"run_id": run, "data": named, "file": str(path), "size_bytes": path.stat().st_size}
        write_json(document) if as_json else say(make_console(), f"forecasts in {path}")


def _upload(client: RunsClient, file: Path) -> str:
    """The name under which the server has the file now. NotFound without one; what the server has stays as it is."""
    if not file.is_file():
        raise NotFound(f"there is no file {file} here; the name of a file of the server has no /")
    if file.name in {held.filename for held in client.datasets().datasets}:
        remedy = f"`--data {file.name}` forecasts on the server's; give yours another name to upload it"
        raise InvalidInput("--data", str(file), "a file whose name the server does not have", remedy=remedy)
    return client.upload_dataset(file).filename
