"""From a cancel to the proof that nothing of an attempt is alive, and a thousand queued runs cancelled.

`python -m benchmarks.cancel [--quick] [--json FILE]`. Attempts are real ones of a real server; what they run is a
program that obeys, one that is deaf to every signal but the last, one that hides a child, and PPO.
"""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass

from tests.e2e.harness import SECRET, Server
from tests.waiting import is_alive

from benchmarks.alone import Pace, run_alone
from benchmarks.caller import Caller
from benchmarks.peers.figures import references
from benchmarks.percentiles import p50, p95
from benchmarks.serving import ENDLESS, call, hold_slot, serving, wait_for_state, wait_until, wait_until_warm
from benchmarks.tables import Measure, Reference
from headway.supervisor.processes import find_marked

GRACE_S = 0.5
_GOAL_S = 0.25
_QUEUED = 1_000
_CLIENTS = 16


@dataclass(frozen=True)
class Death:
    """Seconds from the request to the proof, and to the state that the API shows; and who was still alive then."""

    proof_s: float
    told_s: float
    survivors: int


def measure(pace: Pace) -> list[Measure]:
    obedient = cancel_attempts("obedient", pace.choose(20, 6))
    deaf = cancel_attempts("deaf", pace.choose(6, 1))
    hiding = cancel_attempts("double_forking", pace.choose(6, 1))
    warm = cancel_trainings(pace.choose(10, 3), warm=True)
    plain = cancel_trainings(pace.choose(3, 1), warm=False)
    everyone = [*obedient, *deaf, *hiding, *warm, *plain]
    stubborn = [death.told_s for death in (*deaf, *hiding)]
    queued = pace.choose(_QUEUED, _QUEUED // 5)
    ray = references("cancel", "p95_s", "ray", quick=pace.quick)
    return [
        _measure("cancel → `cancelled`, a program that obeys", obedient, ray),
        _measure("cancel → `cancelled`, PPO started warm", warm),
        _measure("cancel → `cancelled`, PPO started plain", plain),
        Measure(
            "cancel → `cancelled`, deaf or double-forked, p95",
            p95(stubborn),
            "s",
            against=(Reference("the grace that it is given", GRACE_S),),
            note=f"of {len(stubborn)}",
        ),
        Measure(
            "processes alive when `cancelled` was shown",
            sum(d.survivors for d in everyone),
            f"of {len(everyone)}",
            0,
        ),
        Measure(
            f"{queued:,} queued runs cancelled", cancel_queued(queued), "s", 1 if queued == _QUEUED else None
        ),
    ]


def _measure(what: str, deaths: list[Death], against: tuple[Reference, ...] = ()) -> Measure:
    told = [death.told_s for death in deaths]
    proof = [death.proof_s for death in deaths]
    note = f"p50 {p50(told):.3f}; exit.json p50 {p50(proof):.3f}, p95 {p95(proof):.3f}; of {len(told)}"
    return Measure(f"{what}, p95", p95(told), "s", _GOAL_S, against=against, note=note)


def cancel_attempts(behaviour: str, count: int) -> list[Death]:
    """Cancel attempts at programs of `tests.fakes.rogues`, one after the other."""
    settings = {"HEADWAY_WARM": "false", "HEADWAY_GRACE_S": str(GRACE_S)}
    with serving(behaviour=behaviour, **settings) as server, call(server) as caller:
        return [_cancel(server, caller, hold_slot(server, caller), by_pids=True) for _ in range(count)]


def cancel_trainings(count: int, *, warm: bool) -> list[Death]:
    """Cancel real trainings, each at work."""
    with serving(HEADWAY_WARM=str(warm).lower()) as server, call(server) as caller:
        if warm:
            wait_until_warm(server)
        return [_cancel(server, caller, _train(server, caller), by_pids=False) for _ in range(count)]


def _train(server: Server, caller: Caller) -> str:
    job_id = caller.submit(ENDLESS)
    wait_for_state(caller, job_id, "training")
    events = server.run_dir(job_id).attempt(1).events
    wait_until(lambda: b'"train/loss"' in events.read_bytes(), every_s=0.02, what="the training learns")
    return job_id


def _cancel(server: Server, caller: Caller, job_id: str, *, by_pids: bool) -> Death:
    attempt = server.run_dir(job_id).attempt(1)
    began, began_at = time.monotonic(), time.time()
    caller.ask("DELETE", f"/jobs/{job_id}")
    wait_for_state(caller, job_id, "cancelled")
    told_s = time.monotonic() - began
    started = [int(pid) for pid in (attempt.path / "pids").read_text().split()] if by_pids else []
    alive = {pid for pid in started if is_alive(pid)} | set(find_marked(attempt.path))
    return Death(attempt.exit.stat().st_mtime - began_at, told_s, len(alive))


def cancel_queued(count: int) -> float:
    """Seconds to cancel so many queued runs, through as many connections as there are clients."""
    with serving(behaviour="obedient", HEADWAY_WARM="false") as server, call(server) as caller:
        hold_slot(server, caller)
        job_ids = [caller.submit(ENDLESS) for _ in range(count)]
        plan = [(server.port, job_ids[number::_CLIENTS]) for number in range(_CLIENTS)]
        with multiprocessing.get_context("fork").Pool(_CLIENTS) as pool:
            spans = pool.starmap(cancel_in_turn, plan, chunksize=1)
        left = int(caller.ask("GET", "/jobs?state=queued&limit=1").document()["total"])
    if left:
        raise RuntimeError(f"{left} runs are still queued")
    return max(ended for _, ended in spans) - min(began for began, _ in spans)


def cancel_in_turn(port: int, job_ids: list[str]) -> tuple[float, float]:
    """(began, ended) of one client that cancels jobs one after the other."""
    with Caller(port, SECRET) as caller:
        began = time.monotonic()
        states = {caller.ask("DELETE", f"/jobs/{job_id}").document()["state"] for job_id in job_ids}
        ended = time.monotonic()
    if states != {"cancelled"}:
        raise RuntimeError(f"a queued run was not cancelled at once: {states}")
    return began, ended


if __name__ == "__main__":
    run_alone(measure)
