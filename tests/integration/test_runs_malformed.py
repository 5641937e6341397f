"""Requests for a run that are malformed whatever the candles are: refused by the name of the field."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

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
    ({"config": {**CONFIG, "n_heads": 5}}, "config.d_model", "must be a multiple of n_heads (5)"),
    ({"config": {**CONFIG, "dropout": 1.0}}, "config.dropout", "less than 1"),
    ({"config": {**CONFIG, "batch_size": "32"}}, "config.batch_size", "valid integer"),
    ({"config": {**CONFIG, "learning_rate": 0}}, "config.learning_rate", "greater than 0"),
    ({"config": {**CONFIG, "next_horizon": 0}}, "config.next_horizon", "greater than or equal to 1"),
    ({"config": {**CONFIG, "short_horizon": "soon"}}, "config.short_horizon", "is no duration"),
    ({"config": {**CONFIG, "short_horizon": "2w"}}, "config", "must be shorter"),
    ({"config": {**CONFIG, "features": ["RSI", "MAGIC"]}}, "config.features", "is no indicator"),
    ({"config": {**CONFIG, "loss_weights": {"up": 1.0}}}, "config.loss.weights.up", "known are regression"),
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
    assert field in told["field"]
    assert bound in answer.text.replace('\\"', '"')
    assert _get(quiet, "/runs")["total_count"] == 0


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("place", ['"learning_rate": %s', '"overrides": {"training.clip": %s}'])
def test_nan_is_no_number(quiet: Api, number: str, place: str) -> None:
    body = '{"config": {"data_source": "BTC", "timeframes": ["1h"], ' + place % number + "}}"
    answer = quiet.ask("POST", "/runs", content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_input")
