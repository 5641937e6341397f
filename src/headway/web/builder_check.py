"""What the server thinks of a draft: every fault beside its field, and the spec once there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headway.control.context import Context, Policy
from headway.control.translate import spec_of_job
from headway.control.translate_runs import list_faults, spec_of_run
from headway.domain.errors import DataError, InvalidInput
from headway.domain.specs import Spec
from headway.domain.trading import TIMEFRAMES_S
from headway.web.steps import Kind
from headway.wire.jobs import TrainingRequest
from headway.wire.runs import RunRequest

_CONFIG = "config"
_MISSING = "Needed."
_STAND_INS = {
    "data_source": "any",
    "timeframes": ["1h"],
}  # so that the rest is looked at while these are missing


@dataclass(frozen=True)
class Fault:
    """What is wrong, at a field of a step. `field` is empty where it is the whole step."""

    step: str
    field: str
    text: str


@dataclass(frozen=True)
class Findings:
    """`spec` is there when there are no faults. `unavailable`: why a timeframe cannot be had from the data."""

    faults: list[Fault]
    spec: Spec | None
    request: BaseModel | None
    unavailable: dict[str, str]


def examine(context: Context, kind: Kind, document: Mapping[str, Any]) -> Findings:
    """All that is wrong with a draft, by the rules by which the API would take it."""
    unavailable = _find_unavailable(context, document)
    try:
        request = kind.request.model_validate(document)
        faults = [*_refusals(context.policy, request), *_lacking(request, unavailable)]
    except ValidationError as error:
        request = None
        faults = [*_shape_faults(error), *_refusals_of_rest(context.policy, kind, document, error)]
    placed = list(dict.fromkeys(_place(kind, path, text) for path, text in faults))
    spec = None if placed or request is None else spec_of(context.policy, request)
    return Findings(placed, spec, request, unavailable)


def spec_of(policy: Policy, request: BaseModel) -> Spec:
    """The spec of a request of any kind; InvalidInput."""
    if isinstance(request, RunRequest):
        return spec_of_run(request, policy)
    if isinstance(request, TrainingRequest):
        return spec_of_job(request, policy)
    raise TypeError(f"no kind of run is asked for by {type(request).__name__}")


def _refusals(policy: Policy, request: BaseModel) -> list[tuple[str, str]]:
    if isinstance(request, RunRequest):
        return [(each.field, _say(each)) for each in list_faults(request.config, policy)]
    try:
        spec_of(policy, request)
    except InvalidInput as error:
        return [(error.field, _say(error))]
    return []


def _shape_faults(error: ValidationError) -> Iterator[tuple[str, str]]:
    for each in error.errors():
        yield _path_of(each), _MISSING if each["type"] == "missing" else _sentence(each["msg"])


def _refusals_of_rest(
    policy: Policy, kind: Kind, document: Mapping[str, Any], error: ValidationError
) -> list[tuple[str, str]]:
    """Faults of a run's other fields: what is wrong by itself is left out, what is needed is made up."""
    config = document.get(_CONFIG)
    if kind.request is not RunRequest or not isinstance(config, Mapping):
        return []
    wrong = {
        str(each["loc"][1]) for each in error.errors() if len(each["loc"]) > 1 and each["loc"][0] == _CONFIG
    }
    rest = {name: value for name, value in config.items() if name not in wrong}
    try:
        request = RunRequest.model_validate({_CONFIG: {**_STAND_INS, **rest}})
    except ValidationError:
        return []
    made_up = {f"{_CONFIG}.{name}" for name in _STAND_INS if name not in rest}
    found = _refusals(policy, request)
    return [(path, text) for path, text in found if path not in made_up and path != "config (data)"]


def _lacking(request: BaseModel, unavailable: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if isinstance(request, RunRequest):
        reasons = dict.fromkeys(
            unavailable[name] for name in request.config.timeframes if name in unavailable
        )
        if len(unavailable) == len(TIMEFRAMES_S):
            yield "config.data_source", _sentence(next(iter(unavailable.values())))
        else:
            yield from (("config.timeframes", _sentence(reason)) for reason in reasons)


def _find_unavailable(context: Context, document: Mapping[str, Any]) -> dict[str, str]:
    """Timeframes that the chosen candles cannot give, with the reason."""
    config = document.get(_CONFIG)
    source = config.get("data_source") if isinstance(config, Mapping) else None
    return dict(_unavailable(context, source)) if isinstance(source, str) and source else {}


def _unavailable(context: Context, source: str) -> Iterator[tuple[str, str]]:
    for name in TIMEFRAMES_S:
        try:
            context.candles.coverage(source, name)
        except DataError as error:
            yield name, str(error)


def _place(kind: Kind, path: str, text: str) -> Fault:
    """The step and field that a path belongs to: the longest that it begins with.

    `config (data)` is a whole step, unless the text begins with the name of a field.
    """
    whole = path.removeprefix("config (").partition(".")[0].removesuffix(")")
    fitting = [
        (each.path, step.key)
        for step in kind.steps
        for each in step.fields
        if f"{path}.".startswith(f"{each.path}.")
    ]
    if fitting:
        field, step_key = max(fitting, key=lambda pair: len(pair[0]))
        return Fault(step_key, field, _with_place(text, path.removeprefix(field).strip(".")))
    named = next(
        (each for each in kind.fields if each.path.rpartition(".")[2] == text.partition(" ")[0]), None
    )
    if named is not None:
        return _place(kind, named.path, text)
    keys = [step.key for step in kind.steps]
    return Fault(whole if whole in keys else keys[-1], "", text if whole in keys else f"{path}: {text}")


def _with_place(text: str, place: str) -> str:
    return f"{place}: {text}" if place else text


def _path_of(error: ErrorDetails) -> str:
    parts: Iterable[int | str] = error["loc"]
    unknown = error.get("ctx", {}).get("field") if error["type"] == "unknown_field" else None
    return ".".join(str(part) for part in (*parts, *([unknown] if unknown else [])))


def _say(error: InvalidInput) -> str:
    bound = _sentence(error.bound)
    return f"{bound} {_sentence(error.remedy)}" if error.remedy else bound


def _sentence(text: str) -> str:
    """With a capital, unless it begins with the name of a field."""
    text = text.removeprefix("Value error, ").strip()
    begin = text[:1] if "_" in text.partition(" ")[0] else text[:1].upper()
    return f"{begin}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
