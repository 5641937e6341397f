"""What a run comes to, told before it exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headway.domain.forecast_size import count_parameters, estimate_training_bytes
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.wire.forecast import ForecastConfig
from headway.wire.forecast_shape import shape_of
from tests.integration.calling import Api, make_api
from tests.integration.stages import CONFIG, begin, create, end, get


@pytest.fixture
def api(tmp_path: Path) -> Api:
    """Over a real SQLite file."""
    return make_api(tmp_path, store_url=f"sqlite:///{tmp_path / 'headway.db'}")


def test_a_preview_tells_what_a_run_comes_to_and_creates_nothing(api: Api) -> None:
    create(api)
    found = api.ask("POST", "/runs/preview", json={"config": CONFIG}).json()

    context = {each["timeframe"]: each for each in found["contexts"]}
    assert context["1h"]["context_bars"] == 68
    assert context["4h"]["context_days"] == pytest.approx(68 * 4 / 24)
    assert found["warmup_bars"] == 199 * 4
    assert found["purge_bars"] == 168
    assert found["rows_usable"] == 10_000 - (199 + 68) * 4 + 1
    assert sum(found["splits"].values()) == found["rows_usable"] - 2 * 168
    shape = shape_of(ForecastConfig.model_validate(found["config"]))
    assert found["parameter_count"] == count_parameters(shape)
    assert found["memory_bytes"] == estimate_training_bytes(shape, batch=64)
    assert found["time"] is None
    assert "measured, not guessed" in found["missing"]["time"]
    assert found["queue_position"] == 1
    assert found["config_yaml"].startswith("data:\n")
    assert any("short horizon of 30m" in warning for warning in found["warnings"])
    assert get(api, "/runs")["total_count"] == 1


def _finish_forecast(api: Api, *, elapsed_s: float, parameters: int) -> None:
    """A run of ten seconds, of two epochs of 640 windows, each validated on 300."""
    create(api)
    run_id = begin(api)
    training: dict[str, Any] = {"elapsed_s": elapsed_s, "steps": 20, "validations": [{}, {}]}
    details: dict[str, Any] = {
        "training": training,
        "windows": {"train": 640, "validation": 300, "test": 300},
        "parameters": parameters,
    }
    end(api, run_id, result=Result(Reason.COMPLETED, {}, details))
    assert get(api, f"/runs/{run_id}")["status"] == "completed"


def _preview(api: Api, **config: Any) -> Any:
    return api.ask("POST", "/runs/preview", json={"config": {**CONFIG, **config}}).json()


def test_a_preview_takes_its_time_from_runs_that_have_finished_here(api: Api) -> None:
    size = _preview(api)["parameter_count"]
    _finish_forecast(api, elapsed_s=6.0, parameters=size)

    found = _preview(api)

    windows = 3 * found["splits"]["train"] + found["splits"]["validation"]
    epoch_s = 6.0 * windows / (2 * (3 * 640 + 300))
    assert found["time"]["measured_on"] == 1
    assert found["time"]["high_s"] == pytest.approx(20 * epoch_s + 4.0, rel=1e-3)
    assert found["time"]["low_s"] == pytest.approx(16 * epoch_s + 4.0, rel=1e-3)


def test_a_larger_network_takes_longer_and_one_far_larger_is_not_guessed(api: Api) -> None:
    size = _preview(api)["parameter_count"]
    _finish_forecast(api, elapsed_s=10.0, parameters=size)

    larger = _preview(api, overrides={"model.n_layers_tf": 3})
    far_larger = _preview(api, overrides={"model.d_model": 256})

    part = larger["parameter_count"] / size
    assert larger["time"]["high_s"] == pytest.approx(_preview(api)["time"]["high_s"] * part, rel=1e-3)
    assert far_larger["time"] is None
    assert "about this size" in far_larger["missing"]["time"]
