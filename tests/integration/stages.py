"""A run over the API, from its making to its end, with a stand-in for its training."""

from __future__ import annotations

from typing import Any

import httpx

from headway.control.dispatch import claim_next, start
from headway.domain.results import Result
from headway.ports import Sighting
from headway.wire.attempts import Verb
from headway.wire.lines import LineKind, encode_line
from headway.wire.rundir import RunDir, write_json
from tests.fakes.executor import make_exit
from tests.integration.calling import Api

CONFIG: dict[str, Any] = {"data_source": "BTC", "timeframes": ["1h", "4h"], "variant": "tiny"}


def create(api: Api, *, config: dict[str, Any] | None = None, **body: Any) -> str:
    """Make a run; its id."""
    answer = api.ask("POST", "/runs", json={"config": {**CONFIG, **(config or {})}, **body})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["id"])


def get(api: Api, path: str, **query: Any) -> Any:
    """What an address answers."""
    answer = api.ask("GET", path, params=query)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


def begin(api: Api) -> str:
    """Start the first run that waits, and have it say some things."""
    claim = claim_next(api.service.context, api.watcher.token)
    assert claim is not None
    start(api.service.context, claim.run, claim.gpus)
    run_id = claim.run.id
    lines: list[tuple[LineKind, dict[str, Any]]] = [
        (LineKind.PHASE, {"state": "training", "text": "epoch 1/20"}),
        (LineKind.METRICS, {"rows": [[10, {"train/loss": 0.5, "val/loss": 0.75}]]}),
        (LineKind.PROGRESS, {"fraction": 0.5, "phase": "epoch 1/20", "step": 10, "epoch": 1, "eta_s": 120.0}),
        (LineKind.CHECKPOINT, {"path": "checkpoints/000000000010", "step": 10, "size_bytes": 1 << 20, "sha256": "ab",
                               "epoch": 1, "val_loss": 0.75, "val_score": 0.53}),
    ]  # fmt: skip
    path = api.service.context.run_dir(run_id).attempt(1).events
    path.write_bytes(
        b"".join(encode_line(seq, "2026-01-01T00:00:01Z", kind, data) for seq, (kind, data) in enumerate(lines, 1))
    )  # fmt: skip
    api.watcher.step()
    return run_id


def end(api: Api, run_id: str, verb: Verb | None = None, result: Result | None = None) -> None:
    """Let the only attempt of a run be over."""
    if result is not None:
        write_json(
            RunDir(api.service.context.policy.runs_dir / run_id).result, {**result.to_json(), "attempt": 1}
        )
    proof = make_exit(verb=verb)
    api.services.executor.sightings[run_id, 1] = Sighting(alive=False, heartbeat_at=None, exit=proof)
    api.watcher.step()
