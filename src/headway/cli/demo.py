"""`headway demo`: a real server and a real training on packaged market data, through the same API and CLI as work."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from headway.cli.exits import Exit
from headway.cli.told_settings import told_settings
from headway.control import demo
from headway.settings import Settings

_SYMBOLS = ",".join(demo.SYMBOLS)
_STEPS = 1_000_000
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 15.0

app = typer.Typer()


@app.command()
def show_demo(
    *,
    steps: Annotated[
        int | None, typer.Option(help="Steps to train; the default takes about a quarter of a minute.")
    ] = None,
) -> None:
    """Train a PPO agent on real packaged market data, live, in a folder of its own."""
    raise typer.Exit(run_demo(told_settings(), steps=steps, console=Console()))


def run_demo(settings: Settings, *, steps: int | None, console: Console) -> int:
    """Start a server in a folder of its own, train through `skippy-train`, stop the server; its exit code."""
    folder = settings.data_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    environment = _environment(folder, port)
    console.print("[bold]Headway demo[/]: a PPO agent learns to trade real daily bars of two stock indices.")
    console.print("The bars come with the [italic]arch[/] package: they are demo data, not yours.\n")
    command = [
        *_program("headway.cli.skippy"),
        *("ppo", "--symbols", _SYMBOLS, "--timeframe", demo.TIMEFRAME, "--features", ",".join(demo.FEATURES)),
        *("--steps", str(steps or _STEPS), "--seed", str(demo.SEED)),
        *("--fee-bps", f"{demo.FEE_BPS:g}", "--slippage-bps", f"{demo.SLIPPAGE_BPS:g}"),
    ]
    with _server(environment, folder / "server.log", console):
        console.print(f"[dim]$ skippy-train {' '.join(command[3:])}[/]\n", soft_wrap=True)
        code = subprocess.run(command, env=environment, check=False).returncode  # noqa: S603
    _say_where_next(console, settings, code)
    return code


def _environment(folder: Path, port: int) -> dict[str, str]:
    host = f"http://127.0.0.1:{port}"
    return {
        **os.environ,
        "HEADWAY_DATA_DIR": str(folder),
        "HEADWAY_BIND": "127.0.0.1",
        "HEADWAY_PORT": str(port),
        "HEADWAY_SYMBOLS": _SYMBOLS,
        "HEADWAY_JOBS_PER_HOUR": "0",
        "HEADWAY_DATABASE_URL": "",
        "TRAIN_API_HOST": host,
        "ADMIN_SECRET": secrets.token_urlsafe(24),
    }


@contextmanager
def _server(environment: dict[str, str], log: Path, console: Console) -> Iterator[None]:
    console.print(f"[dim]$ headway serve[/]  (its log: {log})")
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            [*_program("headway.cli.main"), "serve"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(process, environment["TRAIN_API_HOST"], log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_TIMEOUT_S)


def _wait_until_healthy(process: subprocess.Popen[bytes], host: str, log: Path) -> None:
    transport = httpx.HTTPTransport(retries=0)
    with httpx.Client(transport=transport, timeout=_START_TIMEOUT_S) as client:
        while process.poll() is None:
            try:
                client.get(f"{host}/health").raise_for_status()
            except httpx.HTTPError:
                _pause(process)
            else:
                return
    raise SystemExit(f"the server ended with code {process.returncode}; read {log}")


def _pause(process: subprocess.Popen[bytes]) -> None:
    """Wait a moment, or until the server is gone."""
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return


def _program(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say_where_next(console: Console, settings: Settings, code: int) -> None:
    if code != Exit.DONE:
        return
    folder = settings.data_dir / "demo"
    console.print(f"\nEverything the demo made lies in {folder}.", soft_wrap=True)
    candles = settings.candles_dir
    console.print(f"For your own data: put [bold]BTCUSDT_1h.csv[/] into {candles}, then", soft_wrap=True)
    console.print("  [bold]headway serve[/]                       in one terminal")
    console.print("  [bold]skippy-train ppo --symbols BTC[/]      in another")
