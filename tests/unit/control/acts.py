"""What tests of use cases do over and over: submit, claim, say, end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headway.control.dispatch import claim_next, start
from headway.control.submit import Submission, submit
from headway.domain.clock import format_utc
from headway.domain.events import Event, EventKind
from headway.domain.json import JsonObject
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.runs import Run
from headway.domain.specs import Spec
from headway.ports import Claim
from headway.wire.lines import LineKind, encode_line, read_lines
from headway.wire.rundir import seal_checkpoint, write_json
from tests.factories import make_spec
from tests.fakes.services import Services


def answer(run: Run, position: int) -> JsonObject:
    return {"jobId": run.id, "queuePosition": position}


def submission(spec: Spec | None = None, **changes: Any) -> Submission:
    return Submission(**{"spec": spec or make_spec(), "owner": "owner-a", "answer": answer, **changes})


def queue(services: Services, **changes: Any) -> Run:
    """A run that waits in the queue. `changes` are those of its spec."""
    accepted = submit(services.context, submission(make_spec(**changes)))
    return get(services, accepted.run_id)


def claim(services: Services, token: str = "here") -> Claim:
    found = claim_next(services.context, token)
    assert found is not None
    return found


def begin(services: Services, **changes: Any) -> Run:
    """A run whose first attempt is under way."""
    queue(services, **changes)
    return begin_next(services)


def begin_next(services: Services) -> Run:
    """The next run of the queue, with its attempt started."""
    claimed = claim(services)
    start(services.context, claimed.run, claimed.gpus)
    return claimed.run


def get(services: Services, run_id: str) -> Run:
    return services.context.store.read(lambda tx: tx.get_run(run_id))


def events(services: Services, run: Run) -> list[Event]:
    return services.context.store.read(lambda tx: tx.events_of(run.id, 0, 1000))


def kinds(services: Services, run: Run) -> list[EventKind]:
    return [event.kind for event in events(services, run)]


def log_of(services: Services, run: Run) -> Path:
    return services.context.run_dir(run.id).attempt(run.attempt).events


def scribble(services: Services, run: Run, raw: bytes) -> None:
    """Append bytes to the log of the current attempt."""
    with log_of(services, run).open("ab") as file:
        file.write(raw)


def say(services: Services, run: Run, what: LineKind, **spoken: Any) -> None:
    """Append a line to the log of the current attempt, as its training process would."""
    path = log_of(services, run)
    lines = read_lines(path.read_bytes()).lines if path.exists() else []
    seq = lines[-1].seq + 1 if lines else 1
    scribble(services, run, encode_line(seq, format_utc(services.clock.now()), what, spoken))


def make_result(**changes: Any) -> Result:
    return Result(**{"reason": Reason.COMPLETED, "metrics": {"sharpe": 1.0}, **changes})


def leave_result(services: Services, run: Run, result: Result | None = None) -> Result:
    """Write the result of the current attempt."""
    left = result or make_result()
    path = services.context.run_dir(run.id).result
    write_json(path, {**left.to_json(), "attempt": run.attempt})
    return left


def leave_checkpoint(services: Services, run: Run, step: int) -> str:
    """Seal a checkpoint; its path relative to the run directory."""
    folder = services.context.run_dir(run.id)
    draft = folder.checkpoints / f".draft-{step}"
    draft.mkdir(parents=True)
    (draft / "model.zip").write_bytes(b"weights")
    return seal_checkpoint(folder, draft, step).path
