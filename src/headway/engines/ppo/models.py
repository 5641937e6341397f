"""Trained models on disk. Stable-Baselines3's file is for people; we read back its tensors and nothing else."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy

from headway.domain.errors import CorruptRunFile
from headway.domain.json import JsonObject
from headway.engines.ppo.env import observation_space
from headway.engines.ppo.hyperparameters import policy_options
from headway.engines.ppo.prepare import Prepared
from headway.engines.scaling import Scaler
from headway.wire.rundir import get_json, write_json

_FORMAT = 1
FILES = ("model.zip", "scaler.json", "features.json")


@dataclass(frozen=True)
class StoredModel:
    """A model that can be played again. `seen_until_at_s`: it was trained or chosen on bars up to then."""

    policy: ActorCriticPolicy
    scaler: Scaler
    features: JsonObject
    allow_short: bool
    seen_until_at_s: int


def write_model(folder: Path, model: PPO, prepared: Prepared) -> tuple[Path, ...]:
    """Write the model, its scaler and the description of what it must be shown."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = prepared.plan
    paths = tuple(folder / name for name in FILES)
    model.save(paths[0])
    write_json(paths[1], prepared.scaler.to_json())
    write_json(
        paths[2],
        {
            "format": _FORMAT,
            "features": prepared.features,
            "observation": [*prepared.scaler.names, "position"],
            "positions": list(plan.rules.positions),
            "allow_short": plan.rules.allow_short,
            "timeframe": prepared.config.timeframe,
            "symbols": list(prepared.config.symbols),
            "layers": list(plan.hyper.layers),
            "seen_until_at_s": int(plan.validation.at_s_r.max()),
        },
    )
    return paths


def read_model(folder: Path) -> StoredModel:
    """The model in a folder; CorruptRunFile when it cannot be read. No code in it is run."""
    card = get_json(folder / "features.json")
    if card.get("format") != _FORMAT:
        raise CorruptRunFile(f"{folder} holds a model of format {card.get('format')}, not {_FORMAT}")
    try:
        scaler = Scaler.from_json(get_json(folder / "scaler.json"))
        return StoredModel(
            policy=_build_policy(card, _read_weights(folder / "model.zip")),
            scaler=scaler,
            features=card["features"],
            allow_short=bool(card["allow_short"]),
            seen_until_at_s=int(card["seen_until_at_s"]),
        )
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise CorruptRunFile(f"{folder} holds no readable model: {error}") from error


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    with zipfile.ZipFile(path) as archive:
        stored = BytesIO(archive.read("policy.pth"))
    weights: dict[str, torch.Tensor] = torch.load(stored, map_location="cpu", weights_only=True)
    return weights


def _build_policy(card: dict[str, Any], weights: dict[str, torch.Tensor]) -> ActorCriticPolicy:
    policy = ActorCriticPolicy(
        observation_space(len(card["observation"]) - 1),
        spaces.Discrete(len(card["positions"])),
        lr_schedule=lambda _: 0.0,
        **policy_options(tuple(card["layers"])),
    )
    policy.load_state_dict(weights)
    return policy
