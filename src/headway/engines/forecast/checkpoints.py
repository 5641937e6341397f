"""Snapshots on disk: tensors and JSON. Nothing in them is code, so nothing read back can run."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from headway.domain.errors import CorruptRunFile, DataError
from headway.engines.forecast.plan import Plan
from headway.engines.forecast.record import Best, Record, Validation
from headway.engines.forecast.snapshots import Place, RandomStates, Snapshot
from headway.wire.rundir import get_json, write_json

_FORMAT = 1
_TENSORS = "learner.pt"
_STATE = "state.json"


def fingerprint(plan: Plan) -> str:
    """What must be the same for a checkpoint to go on: the panel, the settings, the seed, the kind of machine."""
    parts = (plan.settings_json(), plan.panel.digest().encode())
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def write_snapshot(folder: Path, snapshot: Snapshot, *, plan_sha256: str) -> None:
    """Write `learner.pt` and `state.json` into a folder. Best weights that are the current ones are written once."""
    best = snapshot.record.best
    is_best = best is not None and best.step == snapshot.place.step
    numpy_state = snapshot.generators.numpy
    torch.save(
        {
            "network": snapshot.weights,
            "optimizer": snapshot.optimizer,
            "best": {} if best is None or is_best else best.weights,
            "torch": snapshot.generators.torch,
            "cuda": list(snapshot.generators.cuda),
            "numpy_key": torch.from_numpy(numpy_state["state"]["key"].copy()),
        },
        folder / _TENSORS,
    )
    write_json(folder / _STATE, _state_to_json(snapshot, plan_sha256))


def read_snapshot(folder: Path, *, plan_sha256: str) -> Snapshot:
    """The snapshot in a folder; DataError when it belongs to another plan, CorruptRunFile when it cannot be read."""
    state = get_json(folder / _STATE)
    if state.get("format") != _FORMAT:
        raise CorruptRunFile(
            f"{folder} holds a checkpoint of format {state.get('format')}; this version reads {_FORMAT}"
        )
    if state["plan_sha256"] != plan_sha256:
        raise DataError(
            "the candles, the features or the settings are not those that the checkpoint was made with; "
            "put the same files back, or submit a new run"
        )
    tensors = torch.load(folder / _TENSORS, map_location="cpu", weights_only=True)
    return _snapshot_from(state, tensors)


def _state_to_json(snapshot: Snapshot, plan_sha256: str) -> dict[str, Any]:
    record, numpy_state = snapshot.record, snapshot.generators.numpy
    version, words, gauss = snapshot.generators.python
    return {
        "format": _FORMAT,
        "plan_sha256": plan_sha256,
        "place": asdict(snapshot.place),
        **snapshot.standing.to_json(),
        "validations": [asdict(validation) for validation in record.validations],
        "best": None
        if record.best is None
        else {"step": record.best.step, "epoch": record.best.epoch, "loss": record.best.loss},
        "reference_loss": record.reference_loss,
        "waited": record.waited,
        "top": [list(entry) for entry in record.top],
        "train_losses": [list(point) for point in record.train_losses],
        "numpy": {key: numpy_state[key] for key in ("bit_generator", "has_gauss", "gauss")}
        | {"pos": int(numpy_state["state"]["pos"])},
        "python": [version, list(words), gauss],
    }


def _snapshot_from(state: dict[str, Any], tensors: dict[str, Any]) -> Snapshot:
    version, words, gauss = state["python"]
    numpy_state = dict(state["numpy"])
    numpy_state["state"] = {"key": tensors["numpy_key"].numpy(), "pos": numpy_state.pop("pos")}
    best = state["best"]
    return Snapshot(
        place=Place(**state["place"]),
        weights=tensors["network"],
        optimizer=tensors["optimizer"],
        generators=RandomStates(
            tensors["torch"], tuple(tensors["cuda"]), numpy_state, (version, tuple(words), gauss)
        ),
        record=Record(
            validations=tuple(Validation(**found) for found in state["validations"]),
            best=None if best is None else Best(**best, weights=tensors["best"] or tensors["network"]),
            reference_loss=state["reference_loss"],
            waited=state["waited"],
            train_losses=tuple((step, loss) for step, loss in state["train_losses"]),
            top=tuple((loss, step) for loss, step in state["top"]),
        ),
    )
