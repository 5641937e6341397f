"""Requests for a run that are malformed whatever the candles are: refused by the name of the field."""

from __future__ import annotations

from random import Random
from typing import Any

import httpx
import pytest

from headway.control.translate_runs import list_keys
from headway.wire.runs import RunConfig
from tests.integration.calling import Api, make_api

CONFIG: dict[str, Any] = {"data_source": "BTC", "timeframes": ["1h", "4h"], "variant": "tiny"}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Api:
    """For requests that change nothing: making an application takes a while."""
    return make_api(tmp_path_factory.mktemp("quiet"))


def _get(api: Api, path: str, **query: Any) -> Any:
    answer = api.ask("GET", path, params=query)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


def _changed(overrides: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"config": {**CONFIG, **fields, "overrides": overrides}}


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"config": {**CONFIG, "learing_rate": 1}}, "config.learing_rate", "did you mean learning_rate?"),
    ({"config": CONFIG, "nam": "x"}, "nam", "did you mean name?"),
    ({"config": {"timeframes": ["1h"]}}, "config.data_source", "Field required"),
    ({"config": {**CONFIG, "timeframes": []}}, "config.timeframes", "at least 1 item"),
    ({"config": {**CONFIG, "timeframes": ["1h", "2h"]}}, "config.timeframes", "is no timeframe"),
    ({"config": {**CONFIG, "base_timeframe": "1d"}}, "config.timeframes", "begin with the base timeframe 1d"),
    ({"config": {**CONFIG, "timeframes": ["1h", "1h"]}}, "config.timeframes", "each at most once"),
    ({"config": {**CONFIG, "data_source": "../etc/passwd"}}, "config.data_source", "match pattern"),
    ({"config": {**CONFIG, "variant": "huge"}}, "config.variant", "'tiny', 'base', 'medium' or 'large'"),
    ({"config": {**CONFIG, "d_model": 33}}, "config.d_model", "must be even"),
    ({"config": {**CONFIG, "d_model": 8193}}, "config.d_model", "less than or equal to 4096"),
    ({"config": {**CONFIG, "n_heads": 5}}, "config.n_heads = 5", "must be a multiple of n_heads (5)"),
    ({"config": {**CONFIG, "dropout": 1.0}}, "config.dropout", "less than 1"),
    ({"config": {**CONFIG, "batch_size": "32"}}, "config.batch_size", "valid integer"),
    ({"config": {**CONFIG, "learning_rate": 0}}, "config.learning_rate", "greater than 0"),
    ({"config": {**CONFIG, "next_horizon": 0}}, "config.next_horizon", "greater than or equal to 1"),
    ({"config": {**CONFIG, "short_horizon": "soon"}}, "config.short_horizon", "is no duration"),
    ({"config": {**CONFIG, "short_horizon": "2w"}}, "config", "must be shorter"),
    ({"config": {**CONFIG, "features": ["RSI", "MAGIC"]}}, "config.features", "is no indicator"),
    ({"config": {**CONFIG, "loss_weights": {"up": 1.0}}}, "config.loss_weights.up", "known are regression"),
    ({"config": {**CONFIG, "regression_loss": "mse"}}, "config.regression_loss", "'gaussian_nll'"),
    (
        {"config": {**CONFIG, "start_date": "2024-01-02", "end_date": "2024-01-01"}},
        "config.start_date",
        "before end_date",
    ),
    ({"config": {**CONFIG, "start_date": "yesterday"}}, "config.start_date", "no date of ISO 8601"),
    ({"config": {**CONFIG, "overrides": {"training.patiense": 1}}}, "overrides", "did you mean training.patience?"),
    ({"config": {**CONFIG, "overrides": {"training": {"patience": "x"}}}}, "training.patience", "valid integer"),
    ({"config": {**CONFIG, "overrides": {"data.source": "${oc.env:ADMIN_SECRET}"}}}, "config.overrides", "${"),
    ({"config": {**CONFIG, "loss_weights": {"short": 1, "short.x": 1}}}, "config.loss_weights.short.x", "unknown"),
    (_changed({}, loss_weights=dict.fromkeys(("short", "long", "regression"), 0)), "config.loss_weights", "above 0"),
    (_changed({"features.per_timeframe": 5, "features.per_timeframe.1h": ["RSI"]}), "per_timeframe", "by timeframe"),
    (_changed({"features.per_timeframe.1h": ["RSI"], "features.per_timeframe": {}}), "per_timeframe", "at most once"),
    (_changed({"features.per_timeframe": [1]}), "config.overrides.features.per_timeframe", "indicators by timeframe"),
    (_changed({"features.per_timeframe": {"2h": ["RSI"]}}), "features.per_timeframe.2h", "is no timeframe"),
    (_changed({"features.per_timeframe": {"1d": ["RSI"]}}), "features.per_timeframe", "not in data.timeframes"),
    (_changed({"features.indicators": {}}), "config.overrides.features.indicators", "no mapping"),
    (_changed({"training.clip": 1, "training": {"clip": 2}}), "config.overrides.training.clip", "at most once"),
    (_changed({"data.scaler": "???"}), "config.overrides.data.scaler", "???"),
    (_changed({"horizons.next_bars": 0}), "config.overrides.horizons.next_bars = 0", "greater than or equal to 1"),
    (_changed({"training": {"max_epochs": 0}}, max_epochs=5), "overrides.training.max_epochs = 0", "equal to 1"),
    (_changed({"data.source": "a/b"}), "config.overrides.data.source = 'a/b'", "match pattern"),
    (_changed({"model.n_heads": 5}), "config.overrides.model.n_heads = 5", "must be a multiple of n_heads (5)"),
    (_changed({"model.stride": 9}), "config.overrides.model.stride = 9", "must not be above patch_len"),
    (_changed({}, learning_rate=1e-9), "config.learning_rate = 1e-09", "must not be above learning_rate"),
    (_changed({}, data_source="${"), "config.data_source = '${'", "no text with ${"),
    (_changed({}, data_source="???"), "config.data_source = '???'", "no text with"),
    (_changed({}, start_date="0001-01-01T00:00:00+14:00"), "config.start_date", "before the year 1"),
    (_changed({"data.start_date": "9999-12-31T23:59:59-14:00"}), "config.overrides.data.start_date", "after 9999"),
    ({"config": {**CONFIG, "max_hours": 1000}}, "config.max_hours", "HEADWAY_MAX_HOURS"),
    ({"config": {**CONFIG, "max_cost_usd": 101}}, "config.max_cost_usd", "HEADWAY_MAX_COST_USD"),
    ({"config": {**CONFIG, "seed": -1}}, "config.seed", "greater than or equal to 0"),
    ({"config": CONFIG, "name": "two\nlines"}, "name", "one line"),
    ({"config": CONFIG, "tags": ["with space"]}, "tags.0", "match pattern"),
    ({}, "config", "Field required"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "field", "bound"), BAD, ids=lambda value: str(value)[:60])
def test_what_cannot_be_trained_is_refused_by_name(
    quiet: Api, body: dict[str, Any], field: str, bound: str
) -> None:
    answer = quiet.ask("POST", "/runs", json=body)

    told = answer.json()
    assert (answer.status_code, told["error"]) == (400, "invalid_input"), told
    assert field in told["message"]
    assert field.partition(" = ")[0] in told["field"]
    assert bound in answer.text.replace('\\"', '"')
    assert _get(quiet, "/runs")["total_count"] == 0


def test_all_that_is_wrong_is_told_at_once(quiet: Api) -> None:
    wrong = _changed({"training.clip": -1}, dropout=2.0, max_hours=1000)
    told = quiet.ask("POST", "/runs/preview", json=wrong).json()

    assert told["field"] == "config.dropout"
    assert [each["field"] for each in told["also"]] == ["config.overrides.training.clip", "config.max_hours"]
    shapeless = quiet.ask("POST", "/runs/preview", json={"config": {**CONFIG, "seed": -1}, "tags": ["a b"]})
    assert [each["field"] for each in shapeless.json()["also"]] == ["tags.0"]


_ODD: list[Any] = [
    None, True, 0, -1, 10**400, 1e308, "", "1h", "${a}", "???", "\\", "\x7f", "9" * 40 + "w",
    "0001-01-01T00:00:00+14:00", [], [[]], [None, {}], {}, {"": 1},
    {"1h": {"a.b": 1}}, {"..": ["RSI"]}, {"x": {"y": {"z": 1}}},
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_no_change_of_the_tree_is_an_error_of_the_server(quiet: Api, seed: int) -> None:
    """Odd values under known, free and broken keys, two at a time; what is taken or refused is another matter."""
    draw = Random(seed)
    keys = [
        *list_keys(),
        "features.per_timeframe.1h",
        "features.per_timeframe.",
        "features",
        "",
        ".",
        "loss.weights",
    ]
    fields = [*RunConfig.model_fields]
    for _ in range(150):
        overrides = {draw.choice(keys): draw.choice(_ODD) for _ in range(2)}
        body = {"config": {**CONFIG, "overrides": overrides, draw.choice(fields): draw.choice(_ODD)}}
        answer = quiet.ask("POST", "/runs/preview", json=body)
        assert answer.status_code in {200, 400, 422}, (answer.status_code, body)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("place", ['"learning_rate": %s', '"overrides": {"training.clip": %s}'])
def test_nan_is_no_number(quiet: Api, number: str, place: str) -> None:
    body = '{"config": {"data_source": "BTC", "timeframes": ["1h"], ' + place % number + "}}"
    answer = quiet.ask("POST", "/runs", content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_input")
