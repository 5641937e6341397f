"""Bounds, choices and defaults of fields, read from the shapes that the API takes: no rule is written twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from headway.control.translate_runs import PLACES, resolve
from headway.web.steps import Field, Kind
from headway.wire.forecast import ForecastConfig, Variant
from headway.wire.runs import RunConfig

Schema = Mapping[str, Any]

_CONFIG = "config."
_ALWAYS = ""  # the preset of kinds that have none


@cache
def schema_of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema(by_alias=True)


def find_schemas(kind: Kind, field: Field) -> Iterator[Schema]:
    """What is known of a field: its own schema, then that of its place in the whole tree."""
    yield _follow(schema_of(kind.request), field.path)
    place = PLACES.get(field.path.removeprefix(_CONFIG)) if field.path.startswith(_CONFIG) else None
    if place is not None:
        yield _follow(schema_of(ForecastConfig), place)


def say_bounds(kind: Kind, field: Field) -> str:
    """`8 to 4,096`, `above 0, up to 1`; empty where there are none."""
    found: dict[str, Any] = {}
    for schema in find_schemas(kind, field):
        found = {**found, **schema}
    low, above = found.get("minimum"), found.get("exclusiveMinimum")
    high, below = found.get("maximum"), found.get("exclusiveMaximum")
    least = f"{low:,}" if low is not None else f"above {above:,}" if above is not None else ""
    most = f"{high:,}" if high is not None else f"below {below:,}" if below is not None else ""
    if least and most:
        return f"{least} to {most}" if low is not None else f"{least}, up to {most}"
    return least and f"{least} or more" if low is not None else least or most


def list_options(kind: Kind, field: Field) -> list[str]:
    """The values to choose from."""
    if field.options:
        return list(field.options)
    return next((list(schema["enum"]) for schema in find_schemas(kind, field) if "enum" in schema), [])


def find_defaults(kind: Kind) -> dict[str, dict[str, Any]]:
    """By preset, then by field: what a field is when it is left alone. A kind without presets has one, named ``""``."""
    if not kind.preset:
        return {_ALWAYS: _defaults_of(kind.request)}
    return {variant: _resolved(variant) for variant in get_args(Variant)}


def _resolved(variant: Variant) -> dict[str, Any]:
    """A forecast asks for its data: any will do to see what the rest becomes."""
    tree = resolve(RunConfig(data_source="any", timeframes=["1h"], variant=variant)).model_dump(mode="json")
    own = {
        f"{_CONFIG}{name}": _at(tree, place)
        for name, place in PLACES.items()
        if not place.startswith("data.")
    }
    return {**own, **_defaults_of(RunConfig, _CONFIG, keep={"variant", "priority"})}


def _defaults_of(model: type[BaseModel], prefix: str = "", keep: set[str] | None = None) -> dict[str, Any]:
    properties = schema_of(model)["properties"]
    return {
        f"{prefix}{name}": schema["default"]
        for name, schema in properties.items()
        if schema.get("default") is not None and (keep is None or name in keep)
    }


def _at(tree: Mapping[str, Any], place: str) -> Any:
    found: Any = tree
    for part in place.split("."):
        found = found[part]
    return found


def _follow(root: Schema, path: str) -> Schema:
    """The schema at a dotted path; empty where the shape is free."""
    found: Schema = root
    for part in path.split("."):
        found = _plain(root, found.get("properties", {}).get(part, {}))
    return found


def _plain(root: Schema, schema: Schema) -> Schema:
    """Without references, and without the choice of null."""
    if "$ref" in schema:
        return _plain(root, root["$defs"][schema["$ref"].rpartition("/")[2]])
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return {**schema, **_plain(root, kinds[0])} if len(kinds) == 1 else schema
