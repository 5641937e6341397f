"""Faults of a draft: all of them at once, each at its field, in the words of the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headway.control.context import Context
from headway.web.builder_check import examine
from headway.web.builder_texts import write_texts
from headway.web.kinds import KINDS
from headway.wire.forecast import ForecastConfig
from tests.fakes.services import make_context

_FINE: dict[str, Any] = {"data_source": "BTC", "timeframes": ["1h"]}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path)


def _faults(context: Context, document: dict[str, Any], kind: str = "forecast") -> dict[str, str]:
    """By field, or by step where it is the whole step."""
    found = examine(context, KINDS[kind], document)
    return {fault.field or fault.step: fault.text for fault in found.faults}


def test_a_draft_without_faults_has_a_spec(context: Context) -> None:
    found = examine(context, KINDS["forecast"], {"config": _FINE})
    assert found.faults == []
    assert found.spec is not None
    assert ForecastConfig.model_validate(found.spec.config).data.source == "BTC"


def test_faults_of_all_steps_are_told_at_once(context: Context) -> None:
    config = {"timeframes": ["1h"], "d_model": 4, "dropout": "x", "max_epochs": 0, "max_hours": 1e6}
    told = _faults(context, {"config": config, "tags": ["no spaces please"]})
    assert set(told) == {
        "config.data_source",
        "config.d_model",
        "config.dropout",
        "config.max_epochs",
        "config.max_hours",
        "tags",
    }
    assert told["config.data_source"] == "Needed."
    assert "HEADWAY_MAX_HOURS" in told["config.max_hours"]


@pytest.mark.parametrize(
    ("config", "place", "text"),
    [
        ({"d_model": 33}, "config.d_model", "d_model (33) must be even"),
        (
            {"start_date": "2024-02-01", "end_date": "2024-01-01"},
            "config.start_date",
            "start_date must be before",
        ),
        ({"short_horizon": "2w"}, "config.short_horizon", "The short horizon (2w) must be shorter"),
        ({"loss_weights": {"regression": 0, "short": 0, "long": 0}}, "config.loss_weights", "above 0"),
        ({"overrides": {"training.patiense": 1}}, "config.overrides", "training.patience"),
        (
            {"overrides": {"features.per_timeframe.1h": ["RSJ"]}},
            "config.overrides.features.per_timeframe",
            "'RSJ' is no indicator",
        ),
        ({"epochs": 3}, "training", "max_epochs"),
    ],
)
def test_each_fault_is_told_where_it_can_be_mended(
    context: Context, config: dict[str, Any], place: str, text: str
) -> None:
    told = _faults(context, {"config": {**_FINE, **config}})
    assert list(told) == [place]
    assert text in told[place]


def test_faults_of_a_job_are_told_in_its_own_names(context: Context) -> None:
    assert "HEADWAY_SYMBOLS" in _faults(context, {"symbols": ["XYZ"]}, "ppo")["symbols"]
    assert set(_faults(context, {"steps": 0, "feeBps": -1}, "ppo")) == {"steps", "feeBps"}


def test_a_line_of_a_note_cannot_end_the_command(context: Context) -> None:
    document = {"config": _FINE, "notes": "one\nEND\nrm -rf /", "name": "x'y"}
    found = examine(context, KINDS["forecast"], document)
    assert found.request is not None
    assert found.spec is not None
    text = write_texts(KINDS["forecast"], found.request, found.spec, "http://localhost:5000")["cli"]
    assert text.splitlines().count("END") == 1
    assert text.endswith("\nEND")
