"""From a RunConfig to what the engine reads: base tree, then variant, then fields, then overrides. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headway.control.context import Policy
from headway.control.translate import pick_seed
from headway.domain.errors import InvalidInput
from headway.domain.json import JsonObject
from headway.domain.limits import Limits
from headway.domain.specs import Spec
from headway.domain.suggestions import suggest
from headway.domain.trading import TIMEFRAMES_S
from headway.wire.forecast import MODELS, TRAININGS, FeatureConfig, ForecastConfig, HorizonConfig, LossConfig
from headway.wire.runs import ResumeRun, RunConfig, RunRequest

RUNS = "runs"
FORECAST = "forecast"

PLACES = {
    "data_source": "data.source",
    "timeframes": "data.timeframes",
    "base_timeframe": "data.base_timeframe",
    "start_date": "data.start_date",
    "end_date": "data.end_date",
    "d_model": "model.d_model",
    "n_heads": "model.n_heads",
    "n_layers_tf": "model.n_layers_tf",
    "n_layers_fusion": "model.n_layers_fusion",
    "dropout": "model.dropout",
    "instance_norm": "model.instance_norm",
    "linear_skip": "model.linear_skip",
    "features": "features.indicators",
    "enable_technical_indicators": "features.technical",
    "enable_calendar_features": "features.calendar",
    "max_epochs": "training.max_epochs",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "weight_decay": "training.weight_decay",
    "loss_weights": "loss.weights",
    "regression_loss": "loss.regression",
    "next_horizon": "horizons.next_bars",
    "short_horizon": "horizons.short",
    "long_horizon": "horizons.long",
}
_FIELDS = {place: field for field, place in PLACES.items()}
_FREE = "features.per_timeframe"  # its keys are timeframes
_VARIANT = "model.variant"  # a preset of many sizes: by itself the key would only change the label
_MEANT_OTHERWISE = ("${", "???")  # by OmegaConf: a reference, and what is yet to be given
_MIN_HOURS = 1 / 60


def spec_of_run(request: RunRequest, policy: Policy) -> Spec:
    """The spec of a forecasting run; InvalidInput naming field, value, bound and remedy, with all that is wrong."""
    try:
        return _spec_of(request, policy)
    except InvalidInput as error:
        first, *others = list_faults(request.config, policy)
        raise first.along_with(others) from error


def _spec_of(request: RunRequest, policy: Policy) -> Spec:
    config = request.config
    return Spec(
        engine=FORECAST,
        config=resolve(config).model_dump(mode="json"),
        limits=_limits(config, policy),
        seed=pick_seed(config.seed),
        priority=config.priority,
        label=request.name,
        notes=request.notes,
        origin=RUNS,
        request=request.model_dump(mode="json", exclude_unset=True),
    )


def resolve(config: RunConfig) -> ForecastConfig:
    """All that the engine is told. InvalidInput names the field as it was asked for."""
    try:
        return ForecastConfig.model_validate(_merge(config))
    except ValidationError as error:
        raise _refuse(error.errors()[0], config) from error


def list_faults(config: RunConfig, policy: Policy) -> list[InvalidInput]:
    """All that `spec_of_run` would refuse, where it tells the first."""
    found: list[InvalidInput] = []
    try:
        ForecastConfig.model_validate(_merge(config))
    except InvalidInput as error:
        found.append(error)
    except ValidationError as error:
        found.extend(_refuse(each, config) for each in error.errors())
    return found + list(_list_limit_faults(config, policy))


def field_of(key: str) -> str:
    """The field by which people ask for a dotted key of the tree."""
    return f"config.{_FIELDS[key]}" if key in _FIELDS else f"config.overrides.{key}"


def list_keys() -> list[str]:
    """The dotted keys of the tree that `overrides` may name."""
    return [key for key in _known_keys(ForecastConfig) if key != _VARIANT]


def write_yaml(config: Mapping[str, Any]) -> str:
    """The text of `config.yaml`: the resolved tree and nothing else."""
    trees = _trees()
    return str(trees.to_yaml(trees.create(dict(config))))


def clone_config(old: Mapping[str, Any], changes: Mapping[str, Any]) -> RunConfig:
    """The configuration of a run with some fields changed; InvalidInput for what is none.

    A changed field takes the place of the old run's override of the same setting, which would win over it.
    """
    beaten = [PLACES[name] for name in changes if name in PLACES]
    kept = _tree_of(
        (key, value)
        for key, value in _leaves(old.get("overrides", {}), "")
        if not any(key == place or key.startswith(f"{place}.") for place in beaten)
    )
    overrides = {"overrides": kept} if "overrides" in old else {}
    try:
        return RunConfig.model_validate({**old, **overrides, **changes})
    except ValidationError as error:
        first = error.errors()[0]
        place = [*first["loc"], *([first["ctx"]["field"]] if first["type"] == "unknown_field" else [])]
        field = ".".join(("config", *(str(part) for part in place)))
        raise InvalidInput(field, first.get("input"), _clean(first["msg"])) from error


def limits_of_run_resume(request: ResumeRun, old: Limits, policy: Policy) -> Limits:
    """The limits of a run that goes on: raised where the request says so; what settings decide is taken anew."""
    hard_s, cost = old.hard_duration_s, old.max_cost_usd
    if request.max_hours is not None:
        hard_s = _require_hours(request.max_hours, policy, "max_hours") * 3600.0
    if request.max_cost_usd is not None:
        cost = _require_cost(request.max_cost_usd, policy, "max_cost_usd")
    decided_here = {"memory_bytes": policy.memory_bytes, "grace_s": policy.grace_s}
    return Limits.from_json(
        {**old.to_json(), **decided_here, "hard_duration_s": hard_s, "max_cost_usd": cost}
    )


def _merge(config: RunConfig) -> Any:
    """The whole tree, not validated yet; InvalidInput for overrides that do not fit into it."""
    base = {
        "data": {"allow_gaps": False},
        "features": FeatureConfig().model_dump(mode="json"),
        "horizons": HorizonConfig().model_dump(mode="json"),
        "model": MODELS[config.variant].model_dump(mode="json"),
        "loss": LossConfig().model_dump(mode="json"),
        "training": TRAININGS[config.variant].model_dump(mode="json"),
    }
    trees = _trees()
    tree = trees.merge(base, _tree_of(_fields_of(config)), _tree_of(_read_overrides(config.overrides)))
    return trees.to_container(tree, resolve=False)


def _trees() -> Any:
    """OmegaConf, imported for the first configuration: a server that starts does not wait for it."""
    return import_module("omegaconf").OmegaConf


def _fields_of(config: RunConfig) -> Iterator[tuple[str, Any]]:
    given = config.model_dump(mode="json", include=set(PLACES), exclude_none=True)
    known = [name for name in config.timeframes if name in TIMEFRAMES_S]
    finest = min(known, key=TIMEFRAMES_S.__getitem__) if known else config.timeframes[0]
    given["base_timeframe"] = config.base_timeframe or finest
    given["timeframes"] = sorted(config.timeframes, key=lambda name: TIMEFRAMES_S.get(name, 0))
    for name, value in given.items():
        _require_literal(f"config.{name}", value)
        yield PLACES[name], value


def _read_overrides(overrides: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every leaf; InvalidInput for a key that the tree does not have, or has otherwise."""
    known = list_keys()
    taken: set[str] = set()
    for key, value in _leaves(overrides, ""):
        field = f"config.overrides.{key[:100]}"
        _require_key(field, key, value, known)
        if any(f"{key}.".startswith(f"{other}.") or other.startswith(f"{key}.") for other in taken):
            raise InvalidInput(field, value, "each setting at most once")
        _require_literal(field, value)
        taken.add(key)
        yield key, value


def _require_key(field: str, key: str, value: Any, known: list[str]) -> None:
    """InvalidInput for a key that may not be overridden, and for a mapping where a value belongs."""
    free = key.startswith(f"{_FREE}.")
    if key == _VARIANT:
        bound = "no override: the sizes of a variant are taken before overrides are laid over them"
        raise InvalidInput(field, value, bound, remedy="Use the field config.variant")
    if key not in known and not free:
        raise InvalidInput(field, value, f"unknown key: {suggest(key, known)}")
    if not free and isinstance(value, Mapping) != (key == _FREE):
        raise InvalidInput(field, value, "indicators by timeframe" if key == _FREE else "a value, no mapping")


def _require_literal(field: str, value: Any) -> None:
    """InvalidInput for a text, here or within, that the tree would not take as it stands."""
    if isinstance(value, str):
        if any(mark in value for mark in _MEANT_OTHERWISE):
            raise InvalidInput(field, value, "no text with ${ or ???")
    elif isinstance(value, Mapping | list):
        for part in [*value, *value.values()] if isinstance(value, Mapping) else value:
            _require_literal(field, part)


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value and not key.startswith(f"{_FREE}."):
            yield from _leaves(value, f"{key}.")
        else:
            yield key, value


def _known_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _known_keys(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _tree_of(leaves: Iterator[tuple[str, Any]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in leaves:
        *path, last = key.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return tree


def _refuse(first: ErrorDetails, config: RunConfig) -> InvalidInput:
    """What the tree does not take, by the name under which it was asked for."""
    parts = [str(part) for part in first["loc"] if part != "[key]"]
    section, text = parts[:1], _clean(first["msg"])
    if first["type"] == "extra_forbidden":
        return _refuse_unknown(parts, first["input"])
    if len(parts) < 2:
        return _refuse_together(section, first["input"], text, config)
    key, field = ".".join(parts), _FIELDS.get(".".join(parts[:2]))
    sent = getattr(config, field, None) if field is not None else None
    if sent is None or _is_overridden(key, config):
        return InvalidInput(f"config.overrides.{key}", first["input"], text)
    return InvalidInput(f"config.{field}", sent, text)


def _refuse_unknown(parts: list[str], value: object) -> InvalidInput:
    """A part of `loss_weights`: unknown keys of `overrides` were refused before."""
    place = ".".join(parts[:-1])
    known = [key.removeprefix(f"{place}.") for key in list_keys() if key.startswith(f"{place}.")]
    return InvalidInput(f"{field_of(place)}.{parts[-1]}", value, f"unknown: {suggest(parts[-1], known)}")


def _refuse_together(section: list[str], given: Any, text: str, config: RunConfig) -> InvalidInput:
    """A rule between settings, whose text names them: the first that was asked for is told, else the first of all."""
    words = text.replace("(", " ").split()
    named = [key for key in (".".join([*section, word]) for word in words) if key in list_keys()]
    overridden = {key for key in named if _is_overridden(key, config)}
    asked = [key for key in named if key in overridden or _FIELDS.get(key) in config.model_fields_set]
    if not named:
        return InvalidInput(f"config ({'.'.join(section)})", given, text)
    key = (asked or named)[0]
    for part in key.split(".")[len(section) :]:
        given = given.get(part) if isinstance(given, Mapping) else None
    return InvalidInput(f"config.overrides.{key}" if key in overridden else field_of(key), given, text)


def _is_overridden(key: str, config: RunConfig) -> bool:
    """Whether an override set a key, what is above it or what is below."""
    names = (f"{name}." for name, _ in _leaves(config.overrides, ""))
    return any(name.startswith(f"{key}.") or f"{key}.".startswith(name) for name in names)


def _clean(text: str) -> str:
    text = text.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _list_limit_faults(config: RunConfig, policy: Policy) -> Iterator[InvalidInput]:
    asked = (
        (_require_hours, config.max_hours, "max_hours"),
        (_require_cost, config.max_cost_usd, "max_cost_usd"),
    )
    for require, value, name in asked:
        try:
            if value is not None:
                require(value, policy, f"config.{name}")
        except InvalidInput as error:
            yield error


def _limits(config: RunConfig, policy: Policy) -> Limits:
    hours = policy.ceiling_hours if config.max_hours is None else config.max_hours
    cost = policy.ceiling_cost_usd if config.max_cost_usd is None else config.max_cost_usd
    return Limits(
        hard_duration_s=_require_hours(hours, policy, "config.max_hours") * 3600.0,
        max_cost_usd=_require_cost(cost, policy, "config.max_cost_usd"),
        usd_per_hour=policy.usd_per_hour,
        memory_bytes=policy.memory_bytes,
        grace_s=policy.grace_s,
        cpus=1,
        gpus=min(policy.gpu_slots, 1),
        threads=policy.threads_per_slot,
    )


def _require_hours(hours: float, policy: Policy, field: str) -> float:
    if not _MIN_HOURS <= hours <= policy.ceiling_hours:
        bound = f"between a minute (1/60) and {policy.ceiling_hours:g} hours"
        raise InvalidInput(field, hours, bound, remedy="HEADWAY_MAX_HOURS sets the server's ceiling")
    return hours


def _require_cost(cost: float, policy: Policy, field: str) -> float:
    if not 0.0 <= cost <= policy.ceiling_cost_usd:
        bound = f"between 0 and {policy.ceiling_cost_usd:g} US dollars"
        raise InvalidInput(field, cost, bound, remedy="HEADWAY_MAX_COST_USD sets the server's ceiling")
    return cost


def config_of(spec: Spec) -> JsonObject:
    """The configuration of a run as it was sent, whichever front door it came through."""
    sent = spec.request.get("config") if spec.origin == RUNS else spec.request
    return sent if isinstance(sent, Mapping) else {}
