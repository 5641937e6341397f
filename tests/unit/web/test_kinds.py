"""The table of kinds holds all that the API takes, and says nothing that the API says already."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from headway.control.translate_runs import resolve
from headway.web.builder_shapes import find_defaults, list_options, say_bounds
from headway.web.kinds import KINDS
from headway.web.steps import Field, Kind, Widget
from headway.wire.runs import RunConfig

_KINDS = list(KINDS.values())
_ids = [kind.key for kind in _KINDS]


def _paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The names on the wire of everything that a request may hold."""
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _paths(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{info.alias or name}"


def _field(kind: Kind, path: str) -> Field:
    return next(field for field in kind.fields if field.path == path)


@pytest.mark.parametrize("kind", _KINDS, ids=_ids)
def test_every_field_of_a_request_is_on_a_step_once(kind: Kind) -> None:
    shown = [field.path for field in kind.fields if field.widget is not Widget.PER_TIMEFRAME]
    assert sorted(shown) == sorted(_paths(kind.request))


@pytest.mark.parametrize("kind", _KINDS, ids=_ids)
def test_steps_have_keys_of_their_own(kind: Kind) -> None:
    keys = [step.key for step in kind.steps]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("kind", _KINDS, ids=_ids)
def test_what_can_be_chosen_has_options_and_words_are_of_options(kind: Kind) -> None:
    for field in kind.fields:
        options = list_options(kind, field)
        if field.widget in {Widget.CHOICE, Widget.PRESETS, Widget.WEIGHTS}:
            assert options, field.path
        assert set(field.words) - {""} <= set(options), field.path


def test_bounds_are_those_of_the_shapes() -> None:
    forecast, ppo = KINDS["forecast"], KINDS["ppo"]
    said = {
        path: say_bounds(forecast, _field(forecast, path))
        for path in ("config.d_model", "config.dropout", "config.learning_rate", "config.max_hours", "name")
    }
    assert said == {
        "config.d_model": "8 to 4,096",
        "config.dropout": "0 to below 1",
        "config.learning_rate": "above 0, up to 1",
        "config.max_hours": "above 0",
        "name": "",
    }
    assert say_bounds(ppo, _field(ppo, "feeBps")) == "0 to 1,000"


def test_defaults_are_what_a_run_becomes_when_a_field_is_left_alone() -> None:
    defaults = find_defaults(KINDS["forecast"])["medium"]
    resolved = resolve(RunConfig(data_source="BTC", timeframes=["1h"], variant="medium"))
    assert defaults["config.d_model"] == resolved.model.d_model
    assert defaults["config.learning_rate"] == resolved.training.learning_rate
    assert defaults["config.loss_weights"] == resolved.loss.weights.model_dump()
