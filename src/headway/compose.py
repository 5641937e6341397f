"""The composition root: the one place that knows every adapter."""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path

import structlog

from headway.api.guards import fingerprint
from headway.api.service import Service
from headway.client.notifier import AppriseNotifier
from headway.control.context import Context, Policy
from headway.control.deliver import Deliverer
from headway.control.follow import OutboxReader
from headway.control.loops import (
    Loop,
    make_dispatch_loop,
    make_outbox_loop,
    make_side_loop,
    make_watch_loop,
)
from headway.control.notify import Announcer
from headway.control.query import measure_unread
from headway.control.watch import Watcher
from headway.domain.clock import SystemClock
from headway.domain.errors import NotFound, StoreUnavailable
from headway.engines.registry import InstalledEngines
from headway.executors.local import LocalExecutor
from headway.executors.predictor import ProcessPredictor
from headway.executors.starters import PlainStarter, Starter, WarmStarter
from headway.markets.catalog import FileCatalog
from headway.ports import Store
from headway.ports.webhooks import Outcome, WebhookSender
from headway.settings import Settings
from headway.store.opening import is_shared, open_bus, open_store, require_newest
from headway.telemetry.counters import Counters, Load
from headway.wire.rundir import write_whole

_log = structlog.get_logger("headway.service")

_SESSION = (sys.executable, "-m", "headway.engines.session")
_WARM = (sys.executable, "-m", "headway.engines.warm")
_JOIN_S = 10.0
_SENDING_S = 1.0  # for webhooks that are being sent; they are sent again otherwise
_SECRET_MODE = 0o600

OnBroken = Callable[[str, BaseException], None]


@dataclass
class Running:
    """A composed service: `start` it once, `stop` it once. Trainings survive its end."""

    service: Service
    settings: Settings
    warm: WarmStarter | None
    lock: int  # descriptor of the folder's lock, held until the end
    alone: bool  # whether no other server can be at work on the store
    announcer: Announcer | None = None
    _watcher: Watcher = field(init=False)
    _deliverer: Deliverer = field(init=False)
    _loops: list[Loop] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._watcher = Watcher(self.service.context)
        self._deliverer = Deliverer(self.service.context)

    def start(self, on_broken: OnBroken) -> None:
        """Take over the runs that are under way, then begin to dispatch and watch."""
        context = self.service.context
        if self.warm is not None:
            self.warm.open()
        context.store.write(lambda tx: _set_slots(tx.set_slots, context.policy))
        watcher = self._watcher
        adopted = watcher.recover(alone=self.alone)
        _log.info("service started", adopted=len(adopted), data_dir=str(self.settings.data_dir))
        watching = make_watch_loop(watcher, on_broken)
        self._loops += [
            watching,
            make_dispatch_loop(context, watcher, on_broken, on_claim=watching.wake),
            make_outbox_loop(self._count_events(), on_broken),
            *self._make_side_loops(),
        ]
        for loop in self._loops:
            loop.start()

    def stop(self) -> None:
        """Stop the loops, then let go of everything."""
        for loop in self._loops:
            loop.stop()
        for loop in self._loops:
            if not loop.join(_JOIN_S):
                _log.warning("loop did not end", loop=loop.name)
        self._deliverer.stop(_SENDING_S)
        if not self.alone:
            self._release()
        context = self.service.context
        for executor in context.executors.values():
            executor.close()
        context.bus.close()
        context.store.close()
        os.close(self.lock)

    def _make_side_loops(self) -> list[Loop]:
        """Those who tell others of events."""
        context = self.service.context
        if self.alone:
            self._deliverer.recover()
        loops = [make_side_loop(context, "webhooks", self._deliverer.step)]
        if self.announcer is not None:
            self.announcer.begin()
            loops.append(make_side_loop(context, "notify", self.announcer.step))
        return loops

    def _release(self) -> None:
        try:
            self._watcher.release()
        except StoreUnavailable as error:
            _log.warning("leases are not released, they run out", error=str(error))

    def _count_events(self) -> OutboxReader:
        """Every server counts all events, and so needs a place of its own in the outbox."""
        subscriber = "prometheus" if self.alone else f"prometheus-{self.settings.port}"
        reader = OutboxReader(self.service.context, subscriber, self.service.counters.count)
        reader.start_from_now()
        return reader


def build(settings: Settings, secret: str, *, session: Sequence[str] | None = None) -> Running:
    """Compose a service on a data folder. `session` replaces the program that trains (tests of what misbehaves).

    Servers of one PostgreSQL database share a folder; any other store allows one server.
    Raises StoreUnavailable when another server holds the folder, or the database cannot be opened.
    """
    for folder in (settings.data_dir, settings.runs_dir, settings.candles_dir):
        folder.mkdir(parents=True, exist_ok=True)
    shared = is_shared(settings.store_url)
    notifier = make_notifier(settings)
    lock = _hold_folder(settings.data_dir, shared=shared)
    warm = WarmStarter(_WARM) if settings.warm and session is None else None
    starters: list[Starter] = [*([warm] if warm else []), PlainStarter(session or _SESSION)]
    context = Context(
        store=_open_store(settings),
        bus=open_bus(settings.store_url),
        clock=SystemClock(),
        executors={"local": LocalExecutor(settings.runs_dir, starters)},
        candles=FileCatalog(settings.candles_dir),
        engines=InstalledEngines(),
        sender=_LateSender(settings),
        policy=_policy_of(settings),
    )
    counters = Counters(lambda: Load(*measure_unread(context)))
    predictor = ProcessPredictor(threads=settings.threads)
    service = Service(context, fingerprint(secret), counters, predictor)
    announcer = None
    if notifier is not None:
        announcer = Announcer(context, notifier, frozenset(settings.notify_on), settings.public_url)
    return Running(service, settings, warm, lock, alone=not shared, announcer=announcer)


class _LateSender:
    """The sender of webhooks (port WebhookSender). Its HTTP library is imported for the first of them: a server that
    starts does not wait for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self, url: str) -> None:
        self._sender.check(url)

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        return self._sender.send(url, headers, body)

    @cached_property
    def _sender(self) -> WebhookSender:
        made: WebhookSender = import_module("headway.client.sender").HttpSender(
            allow_http=self._settings.webhooks_allow_http, allow_private=self._settings.webhooks_allow_private
        )
        return made


def make_notifier(settings: Settings) -> AppriseNotifier | None:
    """Who tells people; None when nobody is to be told. Raises InvalidInput."""
    urls = [url.get_secret_value() for url in settings.notify_urls]
    return AppriseNotifier(urls) if urls else None


@contextmanager
def without_server(settings: Settings) -> Iterator[None]:
    """Hold the data folder, so that no server works on it. NotFound without one, StoreUnavailable while one does."""
    if not settings.data_dir.is_dir():
        raise NotFound(f"there is no data folder {settings.data_dir}: set HEADWAY_DATA_DIR to where it is")
    lock = _hold_folder(settings.data_dir, shared=False)
    try:
        yield
    finally:
        os.close(lock)


def open_existing_store(settings: Settings) -> Store:
    """The store of a data folder, for commands that work beside its server: it is neither made nor migrated.

    Raises NotFound, StoreUnavailable.
    """
    require_newest(settings.store_url)
    return _open_store(settings)


def _open_store(settings: Settings) -> Store:
    folder_id = _folder_id(settings.data_dir)
    return open_store(settings.store_url, folder_id=folder_id, own=not settings.database_url)


def find_secret(settings: Settings) -> tuple[str, bool]:
    """The admin secret, and whether it was made just now: as set, else the one kept in the data folder."""
    if settings.admin_secret is not None:
        return settings.admin_secret.get_secret_value(), False
    path = settings.data_dir / "admin-secret"
    kept = path.read_text().strip() if path.exists() else ""
    if kept:
        return kept, False
    made = secrets.token_urlsafe(32)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    write_whole(path, f"{made}\n".encode(), mode=_SECRET_MODE)
    return made, True


def list_gpus() -> list[str]:
    """Names of the GPUs by index, as NVML sees them; none without NVML."""
    try:
        nvml = import_module("pynvml")
    except ModuleNotFoundError:
        return []
    try:
        nvml.nvmlInit()
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        return [str(nvml.nvmlDeviceGetName(handle)) for handle in handles]
    except nvml.NVMLError:
        return []


def _policy_of(settings: Settings) -> Policy:
    return Policy(
        runs_dir=settings.runs_dir,
        candles_dir=settings.candles_dir,
        symbols=settings.symbols,
        jobs_per_hour=settings.jobs_per_hour,
        ceiling_hours=settings.max_hours,
        ceiling_cost_usd=settings.max_cost_usd,
        usd_per_hour=settings.usd_per_hour,
        memory_bytes=settings.memory_limit_mb << 20 or None,
        grace_s=settings.grace_s,
        cpu_slots=settings.slots,
        gpu_slots=len(list_gpus()),
        threads_per_slot=settings.threads,
        min_free_bytes=settings.min_free_mb << 20,
        contact_lost_after_s=settings.contact_lost_after_s,
        lease_s=settings.lease_s,
        max_upload_bytes=settings.max_upload_mb << 20,
    )


def _set_slots(set_slots: Callable[[str, int], None], policy: Policy) -> None:
    set_slots("cpu", policy.cpu_slots)
    set_slots("gpu", policy.gpu_slots)


def _folder_id(data_dir: Path) -> int:
    """The number that tells this data folder from others, made by the first server of it."""
    path = data_dir / "folder-id"
    if not path.exists():
        draft = data_dir / f".folder-id-{os.getpid()}"
        write_whole(draft, str(secrets.randbits(62)).encode())
        with suppress(FileExistsError):  # another server was faster: its number holds
            path.hardlink_to(draft)
        draft.unlink()
    return int(path.read_text())


def _hold_folder(data_dir: Path, *, shared: bool) -> int:
    """Take the folder's lock for as long as this process lives: alone, or beside servers of the same kind."""
    descriptor = os.open(data_dir / "server.lock", os.O_RDWR | os.O_CREAT, _SECRET_MODE)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 32).decode().strip() or "unknown"
        os.close(descriptor)
        raise StoreUnavailable(
            f"another server (pid {holder}) holds {data_dir}: stop it, or set HEADWAY_DATA_DIR to another folder"
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor
