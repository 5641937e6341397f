"""`headway doctor`: what is installed, and whether a training could run here."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from headway.cli.exits import Exit
from headway.cli.told_settings import told_settings
from headway.compose import list_gpus
from headway.domain.errors import DataError
from headway.markets.catalog import find_holding
from headway.settings import Settings, config_file, unknown_names

_PPO_PACKAGES = ("torch", "stable-baselines3", "gymnasium", "arch", "polars")
_LOW_DISK_BYTES = 5 << 30

app = typer.Typer()


@app.command()
def run_doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """Say what is installed here, and what is missing for a training to run."""
    findings = examine(told_settings())
    if as_json:
        typer.echo(json.dumps(to_json(findings), indent=2))
    else:
        show(findings, Console())
    raise typer.Exit(Exit.ERROR if has_problem(findings) else Exit.DONE)


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `level` is ok, note or problem; a problem has a remedy."""

    what: str
    level: str
    found: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; the order is that of a first set-up."""
    checks: tuple[Callable[[Settings], list[Finding]], ...] = (
        _check_python,
        _check_ppo,
        _check_gpu,
        _check_folder,
        _check_disk,
        _check_data,
        _check_server,
        _check_secret,
    )
    return [finding for check in checks for finding in check(settings)]


def show(findings: list[Finding], console: Console) -> None:
    """A table for people."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "what", "found", "what to do"):
        table.add_column(heading, overflow="fold")  # a path that is cut short helps nobody
    marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "problem": "[red]problem[/]"}
    for finding in findings:
        table.add_row(
            marks[finding.level], *(escape(text) for text in (finding.what, finding.found, finding.remedy))
        )
    console.print(table)


def to_json(findings: list[Finding]) -> list[dict[str, str]]:
    return [asdict(finding) for finding in findings]


def _check_python(_settings: Settings) -> list[Finding]:
    return [Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}")]


def _check_ppo(_settings: Settings) -> list[Finding]:
    missing = [name for name in _PPO_PACKAGES if _version(name) is None]
    if missing:
        remedy = 'pip install "headway[ppo]"'
        return [Finding("engine ppo", "problem", f"missing: {', '.join(missing)}", remedy)]
    versions = ", ".join(f"{name} {_version(name)}" for name in _PPO_PACKAGES[:2])
    return [Finding("engine ppo", "ok", versions)]


def _check_gpu(_settings: Settings) -> list[Finding]:
    gpus = list_gpus()
    if gpus:
        return [Finding("gpu", "ok", ", ".join(gpus))]
    hint = "" if find_spec("pynvml") else 'pip install "headway[gpu]" if there is one'
    return [Finding("gpu", "note", "none seen; trainings run on the CPU", hint)]


def _check_folder(settings: Settings) -> list[Finding]:
    file = config_file()
    source = f"settings file {file}" if file.is_file() else "no settings file; environment and defaults"
    folder = settings.data_dir
    level = "ok" if folder.is_dir() else "note"
    state = str(folder) if folder.is_dir() else f"{folder} (made at the first start)"
    unknown = unknown_names(os.environ)
    misspelt = [Finding("settings", "problem", f"unknown: {', '.join(unknown)}", "see docs/settings.md")]
    return [
        Finding("settings", "ok", source),
        *(misspelt if unknown else []),
        Finding("data folder", level, state),
    ]


def _check_disk(settings: Settings) -> list[Finding]:
    free = shutil.disk_usage(_existing(settings.data_dir)).free
    found = f"{free / (1 << 30):.1f} GiB free"
    if free < settings.min_free_mb << 20:
        return [Finding("disk", "problem", found, "free some space, or lower HEADWAY_MIN_FREE_MB")]
    return [Finding("disk", "ok" if free > _LOW_DISK_BYTES else "note", found)]


def _check_data(settings: Settings) -> list[Finding]:
    return [_check_symbol(settings, symbol) for symbol in settings.symbols]


def _check_symbol(settings: Settings, symbol: str) -> Finding:
    try:
        holding = find_holding(settings.candles_dir, symbol, "1h") or find_holding(
            settings.candles_dir, symbol, "1d"
        )
    except DataError as error:
        return Finding(f"candles {symbol}", "problem", str(error))
    if holding is None:
        return Finding(f"candles {symbol}", "note", "none", f"headway data fetch {symbol}")
    return Finding(f"candles {symbol}", "ok", str(holding.path or holding.source))


def _check_server(settings: Settings) -> list[Finding]:
    address = f"http://{settings.bind}:{settings.port}"
    try:
        healthy = httpx.get(f"{address}/health", timeout=2.0).is_success
    except httpx.HTTPError:
        return [_check_port(settings)]
    if healthy:
        return [Finding("server", "ok", f"answers at {address}")]
    return [Finding("server", "problem", f"{address} answers, but is not healthy", "read its log")]


def _check_port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        try:
            probe.bind((settings.bind, settings.port))
        except OSError as error:
            remedy = "set HEADWAY_PORT to a free port"
            return Finding("port", "problem", f"{settings.bind}:{settings.port}: {error.strerror}", remedy)
    return Finding("server", "note", f"not running; port {settings.port} is free", "headway serve")


def _check_secret(settings: Settings) -> list[Finding]:
    file = settings.data_dir / "admin-secret"
    if settings.admin_secret is not None:
        return [Finding("secret", "ok", "ADMIN_SECRET is set")]
    if file.is_file():
        private = file.stat().st_mode & 0o077 == 0
        level = "ok" if private else "problem"
        return [Finding("secret", level, str(file), "" if private else f"chmod 600 {file}")]
    return [Finding("secret", "note", "none yet", "headway serve makes one at its first start")]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def has_problem(findings: list[Finding]) -> bool:
    """Whether something must be mended before a training can run."""
    return any(finding.level == "problem" for finding in findings)
