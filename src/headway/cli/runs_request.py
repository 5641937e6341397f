"""What to train, from a file, from flags, or from both: flags win."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from headway.domain.errors import InvalidInput
from headway.wire.runs import RunRequest

Shape = TypeVar("Shape", bound=BaseModel)

_REQUEST_FIELDS = frozenset(RunRequest.model_fields)


def read_request(file: Path | None, config: Mapping[str, Any], labels: Mapping[str, Any]) -> RunRequest:
    """A request for a run. `config` and `labels` replace what the file says, but None. InvalidInput names the field."""
    document = _read_file(file) if file is not None else {}
    if "config" not in document:  # a file of a configuration alone
        document = {
            "config": {name: value for name, value in document.items() if name not in _REQUEST_FIELDS}
        } | {name: value for name, value in document.items() if name in _REQUEST_FIELDS}
    base = document["config"]
    if not isinstance(base, dict):
        raise InvalidInput("config", base, "a mapping of fields", remedy="See docs/RUNS.md")
    merged = base | {name: value for name, value in config.items() if value is not None}
    if "overrides" in base and config.get("overrides"):
        merged["overrides"] = base["overrides"] | config["overrides"]
    given = {name: value for name, value in labels.items() if value is not None}
    return to_shape(RunRequest, document | {"config": merged} | given)


def to_shape(shape: type[Shape], document: Mapping[str, Any]) -> Shape:
    """The document as what the server takes; InvalidInput for the first field that does not fit."""
    try:
        return shape.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the request"
        bound = "no such field" if first["type"] == "extra_forbidden" else first["msg"]
        raise InvalidInput(
            field, first.get("input"), bound, remedy="docs/RUNS.md lists the fields"
        ) from error


def read_settings(settings: Sequence[str]) -> dict[str, Any]:
    """`model.dropout=0.2` as {"model.dropout": 0.2}; values are read as YAML has them."""
    found = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise InvalidInput("--set", setting, "NAME=VALUE, such as model.dropout=0.2")
        found[name.strip()] = _parse(text, f"--set {name}")
    return found


def _read_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "FILE", str(file), "a YAML or JSON file that can be read", remedy=str(error)
        ) from error
    found = _parse(text, str(file))
    if not isinstance(found, dict):
        raise InvalidInput("FILE", str(file), "a mapping of fields, such as `data_source: BTC`")
    return found


def _parse(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(where, text[:60], "YAML or JSON", remedy=" ".join(str(error).split())) from error
