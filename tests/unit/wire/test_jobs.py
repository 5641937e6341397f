from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from headway.domain.trading import MAX_SEED, MAX_STEPS
from headway.wire.jobs import (
    Contact,
    ErrorBody,
    JobAccepted,
    JobMetrics,
    QueueStatus,
    RealSessionRequest,
    ResumeRequest,
    TrainingJob,
    TrainingRequest,
)


def _refusal(model: type[BaseModel], body: str) -> dict[str, Any]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(body)
    (error,) = caught.value.errors()
    return {"field": error["loc"][0] if error["loc"] else "", "type": error["type"]}


@pytest.mark.parametrize("model", [TrainingRequest, RealSessionRequest, ResumeRequest])
def test_an_empty_body_asks_for_the_defaults(model: type[BaseModel]) -> None:
    assert model.model_validate_json("{}") == model()


def test_the_defaults_of_a_job_are_those_of_the_mission() -> None:
    asked = TrainingRequest()
    assert (asked.symbols, asked.features, asked.timeframe) == (["BTC"], ["price", "depth"], "1h")
    assert (asked.max_duration_hours, asked.max_cost_usd, asked.version) == (12.0, 10.0, "1.1")
    assert (asked.duration_hours, asked.steps, asked.seed, asked.skip_validation) == (None, None, None, False)


def test_a_job_is_asked_for_in_camel_case() -> None:
    body = {
        "durationHours": 2,
        "skipValidation": True,
        "maxDurationHours": 3.5,
        "maxCostUsd": 4,
        "allowShort": False,
        "feeBps": 0,
        "slippageBps": 1000,
    }
    asked = TrainingRequest.model_validate_json(json.dumps(body))

    assert (asked.duration_hours, asked.max_duration_hours, asked.max_cost_usd) == (2.0, 3.5, 4.0)
    assert (asked.skip_validation, asked.allow_short) == (True, False)
    assert (asked.fee_bps, asked.slippage_bps) == (0.0, 1000.0)
    assert body.items() <= asked.model_dump(mode="json", by_alias=True).items()


@pytest.mark.parametrize("model", [TrainingRequest, RealSessionRequest, ResumeRequest])
def test_an_unknown_field_is_refused_by_name(model: type[BaseModel]) -> None:
    assert _refusal(model, '{"durationHour": 2}') == {"field": "durationHour", "type": "extra_forbidden"}


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("durationHours", '"2"', "float_type"),
        ("durationHours", "true", "float_type"),
        ("durationHours", "NaN", "finite_number"),
        ("durationHours", "Infinity", "finite_number"),
        ("maxCostUsd", "-Infinity", "finite_number"),
        ("maxCostUsd", "null", "float_type"),
        ("steps", '"1000"', "int_type"),
        ("steps", "1000.5", "int_type"),
        ("steps", "true", "int_type"),
        ("steps", "0", "greater_than_equal"),
        ("steps", str(MAX_STEPS + 1), "less_than_equal"),
        ("seed", "-1", "greater_than_equal"),
        ("seed", str(MAX_SEED + 1), "less_than_equal"),
        ("symbols", '"BTC"', "list_type"),
        ("symbols", "[1]", "string_type"),
        ("symbols", json.dumps(["BTC"] * 33), "too_long"),
        ("skipValidation", '"yes"', "bool_type"),
        ("skipValidation", "1", "bool_type"),
        ("version", '""', "string_pattern_mismatch"),
        ("version", '"../1"', "string_pattern_mismatch"),
        ("version", json.dumps("1" * 33), "string_pattern_mismatch"),
        ("feeBps", "-0.1", "greater_than_equal"),
        ("slippageBps", "1000.1", "less_than_equal"),
        ("notes", json.dumps("x" * 2001), "string_too_long"),
        ("priority", "101", "less_than_equal"),
        ("priority", "-101", "greater_than_equal"),
    ],
)
def test_what_a_job_may_not_be_is_refused_by_name(field: str, value: str, kind: str) -> None:
    assert _refusal(TrainingRequest, f'{{"{field}": {value}}}') == {"field": field, "type": kind}


@pytest.mark.parametrize(
    "body",
    [
        {"steps": 1},
        {"steps": MAX_STEPS},
        {"seed": 0},
        {"seed": MAX_SEED},
        {"seed": None},
        {"version": "1" * 32},
        {"notes": "x" * 2000},
        {"priority": 100},
        {"priority": -100},
        {"symbols": ["BTC"] * 32},
    ],
)
def test_what_lies_on_a_bound_is_taken(body: dict[str, Any]) -> None:
    TrainingRequest.model_validate_json(json.dumps(body))


@pytest.mark.parametrize("body", ["", "[]", "null", '"job"', '{"steps": }'])
def test_what_is_no_object_is_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        TrainingRequest.model_validate_json(body)


def test_a_session_and_a_resume_refuse_text_for_numbers() -> None:
    assert _refusal(RealSessionRequest, '{"duration": "1"}') == {"field": "duration", "type": "float_type"}
    assert _refusal(RealSessionRequest, '{"duration": NaN}') == {"field": "duration", "type": "finite_number"}
    assert _refusal(ResumeRequest, '{"maxDurationHours": "1"}')["field"] == "maxDurationHours"


def test_numbers_are_answered_under_the_names_of_the_mission() -> None:
    metrics = JobMetrics(return_pct=1.5, max_dd_pct=-3.0, ci_sharpe95=(0.1, 0.9), win_rate=0.5)
    told = metrics.model_dump(mode="json", by_alias=True)

    assert told["maxDDPct"] == -3.0
    assert told["ciSharpe95"] == [0.1, 0.9]
    assert (told["returnPct"], told["winRate"], told["improvementPct"]) == (1.5, 0.5, None)
    assert "buyAndHold" in told
    assert "intervalExcludesBuyAndHold" in told


def test_every_name_of_an_answer_is_camel_case() -> None:
    for model in (JobAccepted, TrainingJob, QueueStatus, Contact, ErrorBody, JobMetrics):
        names = [field.alias or name for name, field in model.model_fields.items()]
        assert [name for name in names if "_" in name or not name[0].islower()] == []


def test_what_is_missing_from_a_job_is_null_and_never_zero() -> None:
    job = TrainingJob(
        job_id="tr", created_at="now", state="queued", progress=0.0, duration_hours=1.0, symbols=["BTC"]
    )
    told = job.model_dump(mode="json", by_alias=True)

    for name in (
        "etaSeconds",
        "error",
        "metrics",
        "artifacts",
        "contact",
        "step",
        "stepsPerSecond",
        "startedAt",
    ):
        assert told[name] is None
    assert told["jobId"] == "tr"
