"""A data folder with a store that holds runs of every kind, as the service half has made them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from headway.control.cancel import cancel
from headway.control.finish import finish
from headway.control.ingest import drain
from headway.domain.runs import Run
from headway.domain.states import State
from headway.wire.lines import LineKind
from headway.wire.rundir import hash_checkpoint, hash_file
from tests.fakes.executor import make_exit
from tests.fakes.services import Services, make_services
from tests.unit.control.acts import begin, get, leave_checkpoint, leave_result, queue, say


@dataclass(frozen=True)
class Lived:
    """A data folder that was lived in, and the runs in it."""

    data_dir: Path
    url: str
    done: Run
    failed: Run
    cancelled: Run
    active: Run
    queued: Run

    def copy(self, data_dir: Path) -> Lived:
        """The same in another folder: quicker than to live again."""
        shutil.copytree(self.data_dir, data_dir)
        return replace(self, data_dir=data_dir, url=f"sqlite:///{data_dir / 'headway.db'}")


def live_in(data_dir: Path, url: str | None = None) -> Lived:
    """Make runs of every kind in a data folder; nothing holds the store afterwards."""
    url = url or f"sqlite:///{data_dir / 'headway.db'}"
    data_dir.mkdir(parents=True)
    services = make_services(data_dir, store_url=url)
    done, failed = _trained(services, code=0), _trained(services, code=1)
    cancelled = queue(services)
    cancel(services.context, cancelled.id, by="a test")
    active = begin(services)
    say(services, active, LineKind.PHASE, state=State.TRAINING.value, text="Training")
    drain(services.context, active)
    queued = queue(services)
    runs = [get(services, run.id) for run in (done, failed, cancelled, active, queued)]
    services.context.store.close()
    return Lived(data_dir, url, *runs)


def _trained(services: Services, *, code: int) -> Run:
    """A run with a log, a report, 1,000 points and two checkpoints, that ended; done for code 0."""
    run = begin(services)
    folder = services.context.run_dir(run.id)
    folder.attempt(1).console.write_text("hello\n")
    say(services, run, LineKind.PHASE, state=State.TRAINING.value, text="Training")
    say(
        services, run, LineKind.METRICS, rows=[[step, {"train/loss": 1 / (step + 1)}] for step in range(1000)]
    )
    for step in (1, 2):
        path = leave_checkpoint(services, run, step)
        digest = hash_checkpoint(folder.path / path)
        say(services, run, LineKind.CHECKPOINT, path=path, step=step, size_bytes=7, sha256=digest)
    folder.report.write_text("<html>")
    digest = hash_file(folder.report)
    say(services, run, LineKind.ARTIFACT, path="report.html", kind="report", size_bytes=6, sha256=digest)
    if not code:
        leave_result(services, run)
    return finish(services.context, run, make_exit(code=code))
