"""Snapshots on disk: tensors, arrays and JSON. Nothing in them is code, so nothing read back can run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headway.domain.errors import CorruptRunFile, DataError
from headway.domain.json import canonical_json
from headway.engines.ppo.env import EnvState
from headway.engines.ppo.plan import Plan
from headway.engines.ppo.snapshots import Best, RandomStates, Snapshot, Validation
from headway.wire.rundir import get_json, write_json

_FORMAT = 1


def fingerprint(plan: Plan) -> str:
    """What must be the same for a checkpoint to go on: data, features, rules, seed, settings (not the ends)."""
    settings = canonical_json(
        {
            "hyper": plan.hyper.to_json(),
            "positions": list(plan.rules.positions),
            "cost": plan.rules.cost_fraction,
            "seed": plan.seed,
        }
    )
    parts = (settings, plan.train.digest().encode(), plan.validation.digest().encode())
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def write_snapshot(folder: Path, snapshot: Snapshot, *, plan_sha256: str) -> None:
    """Write `learner.pt`, `arrays.npz` and `state.json` into a folder."""
    best = snapshot.best
    torch.save(
        {
            "policy": snapshot.weights,
            "optimizer": snapshot.optimizer,
            "generator": snapshot.generators.torch,
            "best": best.weights if best else {},
        },
        folder / "learner.pt",
    )
    np.savez(
        folder / "arrays.npz",
        row=snapshot.env.row_e,
        age=snapshot.env.age_e,
        action=snapshot.env.action_e,
        observations=snapshot.observations,
        episode_starts=snapshot.episode_starts,
        numpy_key=snapshot.generators.numpy["state"]["key"],
    )
    write_json(folder / "state.json", _state_to_json(snapshot, plan_sha256))


def read_snapshot(folder: Path, *, plan_sha256: str) -> Snapshot:
    """The snapshot in a folder; DataError when it belongs to another plan, CorruptRunFile when it cannot be read."""
    state = get_json(folder / "state.json")
    if state.get("format") != _FORMAT:
        raise CorruptRunFile(
            f"{folder} holds a checkpoint of format {state.get('format')}; this version reads {_FORMAT}"
        )
    if state["plan_sha256"] != plan_sha256:
        raise DataError(
            "the candles, the features or the settings are not those that the checkpoint was made with; "
            "put the same files back, or submit a new run"
        )
    tensors = torch.load(folder / "learner.pt", map_location="cpu", weights_only=True)
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    return _snapshot_from(state, tensors, arrays)


def _state_to_json(snapshot: Snapshot, plan_sha256: str) -> dict[str, Any]:
    numpy_state = snapshot.generators.numpy
    version, words, gauss = snapshot.generators.python
    return {
        "format": _FORMAT,
        "plan_sha256": plan_sha256,
        "step": snapshot.step,
        "updates": snapshot.updates,
        "elapsed_s": snapshot.elapsed_s,
        "env_generator": snapshot.env.generator,
        "numpy": {key: numpy_state[key] for key in ("bit_generator", "has_gauss", "gauss")}
        | {"pos": int(numpy_state["state"]["pos"])},
        "python": [version, list(words), gauss],
        "validations": [[v.step, v.growth, v.sharpe] for v in snapshot.validations],
        "best": None
        if snapshot.best is None
        else {"step": snapshot.best.step, "growth": snapshot.best.growth},
    }


def _snapshot_from(
    state: dict[str, Any], tensors: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> Snapshot:
    best = state["best"]
    version, words, gauss = state["python"]
    numpy_state = dict(state["numpy"])
    numpy_state["state"] = {"key": arrays["numpy_key"], "pos": numpy_state.pop("pos")}
    return Snapshot(
        step=state["step"],
        updates=state["updates"],
        elapsed_s=state["elapsed_s"],
        weights=tensors["policy"],
        optimizer=tensors["optimizer"],
        env=EnvState(arrays["row"], arrays["age"], arrays["action"], state["env_generator"]),
        observations=arrays["observations"],
        episode_starts=arrays["episode_starts"],
        generators=RandomStates(tensors["generator"], numpy_state, (version, tuple(words), gauss)),
        validations=tuple(Validation(step, growth, sharpe) for step, growth, sharpe in state["validations"]),
        best=None if best is None else Best(best["step"], best["growth"], tensors["best"]),
    )
