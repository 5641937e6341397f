"""The runs front door: making, listing, looking, labelling, ending and making again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from headway.control.list_cursors import write_cursor
from headway.domain.artifacts import Artifact
from headway.domain.events import EventKind
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.wire.attempts import Verb
from tests.integration.calling import Api, make_api
from tests.integration.stages import CONFIG, begin, create, end, get


@pytest.fixture
def api(tmp_path: Path) -> Api:
    """Over a real SQLite file."""
    return make_api(tmp_path, store_url=f"sqlite:///{tmp_path / 'headway.db'}")


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Api:
    """For requests that change nothing: making an application takes a while."""
    return make_api(tmp_path_factory.mktemp("quiet"))


def test_a_run_is_accepted_with_its_place_in_the_queue(api: Api) -> None:
    answer = api.ask("POST", "/runs", json={"config": CONFIG, "name": "first", "tags": ["a", "b", "a"]})

    created = answer.json()
    assert answer.status_code == httpx.codes.CREATED
    assert created["id"].startswith("fc_")
    assert answer.headers["location"] == f"/runs/{created['id']}"
    assert (created["status"], created["name"], created["queue_position"]) == ("pending", "first", 0)
    run = get(api, f"/runs/{created['id']}")
    assert run["config"] == CONFIG
    assert run["resolved"]["model"]["d_model"] == 32
    assert (run["engine"], run["symbols"], run["timeframes"]) == ("forecast", ["BTC"], ["1h", "4h"])
    assert run["tags"] == ["a", "b"]
    assert run["metrics"]["train_loss"] is None


def test_the_same_key_gives_the_same_run_and_another_body_is_refused(api: Api) -> None:
    def ask(**body: Any) -> httpx.Response:
        return api.ask("POST", "/runs", json={"config": CONFIG, **body}, headers={"idempotency-key": "k"})

    first, again, other = ask(), ask(), ask(name="other")

    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["error"]) == (409, "idempotency_conflict")


def test_overrides_reach_the_engine_and_beat_the_fields(api: Api) -> None:
    changed = {"batch_size": 16, "overrides": {"training.batch_size": 8, "horizons": {"epsilon_bps": 3}}}
    run = get(api, f"/runs/{create(api, config=changed)}")

    assert run["resolved"]["training"]["batch_size"] == 8
    assert run["resolved"]["horizons"]["epsilon_bps"] == 3


def test_options_of_the_network_reach_the_engine_and_stand_in_its_configuration(api: Api) -> None:
    chosen = {"instance_norm": True, "linear_skip": True}
    plain, both = (
        api.ask("POST", "/runs/preview", json={"config": {**CONFIG, **change}}).json()
        for change in ({}, chosen)
    )

    assert {name: plain["config"]["model"][name] for name in chosen} == {
        "instance_norm": False,
        "linear_skip": False,
    }
    assert "  instance_norm: true\n  linear_skip: true\n" in both["config_yaml"]
    assert both["parameter_count"] > plain["parameter_count"]
    assert get(api, f"/runs/{create(api, config=chosen)}")["resolved"]["model"]["linear_skip"] is True


def test_too_few_rows_are_told_before_the_run_exists(api: Api) -> None:
    api.services.candles.bars = 900
    answer = api.ask("POST", "/runs", json={"config": {**CONFIG, "variant": "base"}})

    assert (answer.status_code, answer.json()["error"]) == (422, "data_unavailable")
    assert "context of 4104 bars" in answer.json()["message"]


def test_a_running_run_tells_its_numbers_by_the_missions_names(api: Api) -> None:
    create(api)
    run = get(api, f"/runs/{begin(api)}")

    assert (run["status"], run["state"]) == ("running", "training")
    assert run["metrics"] == {
        "epoch": 1, "step": 10, "train_loss": 0.5, "val_loss": 0.75, "val_da": None, "val_f1": None,
        "val_rmse": None, "learning_rate": None, "gpu_memory_mb": None, "gpu_utilization": None, "eta_minutes": 2.0,
    }  # fmt: skip
    [checkpoint] = run["checkpoints"]
    assert (checkpoint["step"], checkpoint["size_mb"]) == (10, 1.0)
    assert (checkpoint["epoch"], checkpoint["val_loss"], checkpoint["val_score"]) == (1, 0.75, 0.53)
    assert [step["event"] for step in run["timeline"]] == ["run_queued", "run_claimed", "training_started"]
    assert [each["number"] for each in run["attempts"]] == [1]


def test_a_pending_run_is_cancelled_at_once_and_a_second_time_quietly(api: Api) -> None:
    run_id = create(api)

    first, again = (api.ask("POST", f"/runs/{run_id}/cancel") for _ in range(2))

    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert (again.status_code, again.json()) == (200, first.json())


def test_a_running_run_is_cancelled_once_nothing_of_it_lives(api: Api) -> None:
    create(api)
    run_id = begin(api)

    answers = [api.ask("POST", f"/runs/{run_id}/cancel") for _ in range(2)]
    assert [answer.json()["status"] for answer in answers] == ["running", "running"]
    end(api, run_id, Verb.CANCEL)

    run = get(api, f"/runs/{run_id}")
    assert (run["status"], run["reason"]) == ("cancelled", "cancelled_by_user")
    assert run["attempts"][0]["ended_at"] is not None


def test_a_completed_run_cannot_be_cancelled(api: Api) -> None:
    create(api)
    run_id = begin(api)
    end(
        api,
        run_id,
        result=Result(Reason.COMPLETED, {"val_da": 0.5}, artifacts=(Artifact("a", "model", 1, "f"),)),
    )

    answer = api.ask("POST", f"/runs/{run_id}/cancel")

    assert (answer.status_code, answer.json()["error"]) == (409, "already_ended")
    assert get(api, f"/runs/{run_id}")["results"] == {"val_da": 0.5}


def test_a_cancelled_run_resumes_with_higher_limits(api: Api) -> None:
    run_id = create(api, config={"max_hours": 1})
    api.ask("POST", f"/runs/{run_id}/cancel")

    answer = api.ask("POST", f"/runs/{run_id}/resume", json={"max_hours": 2.5})

    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    run = get(api, f"/runs/{run_id}")
    assert (run["max_hours"], run["timeline"][-1]["event"]) == (2.5, "run_resumed")
    assert api.ask("POST", f"/runs/{run_id}/resume").json()["error"] == "not_resumable"


def test_a_clone_is_the_same_run_but_for_what_is_changed(api: Api) -> None:
    old = create(api, config={"seed": 5}, name="old", tags=["x"])

    answer = api.ask("POST", f"/runs/{old}/clone", json={"config": {"batch_size": 16}, "name": "new"})

    assert answer.status_code == httpx.codes.CREATED
    run = get(api, f"/runs/{answer.json()['id']}")
    assert (run["name"], run["tags"], run["seed"]) == ("new", ["x"], 5)
    assert run["config"] == {**CONFIG, "seed": 5, "batch_size": 16}
    refused = api.ask("POST", f"/runs/{old}/clone", json={"config": {"batchsize": 16}})
    assert (refused.status_code, refused.json()["field"]) == (400, "config.batchsize")
    assert "did you mean batch_size?" in refused.json()["bound"]


def test_a_clone_takes_what_is_changed_before_an_override_of_the_old_run(api: Api) -> None:
    overrides = {"training": {"max_epochs": 3, "patience": 5}, "loss.weights.short": 0.5}
    old = create(api, config={"overrides": overrides})

    changes = {"max_epochs": 40, "loss_weights": {"short": 0.1}}
    answer = api.ask("POST", f"/runs/{old}/clone", json={"config": changes})

    resolved = get(api, f"/runs/{answer.json()['id']}")["resolved"]
    assert (resolved["training"]["max_epochs"], resolved["training"]["patience"]) == (40, 5)
    assert resolved["loss"]["weights"]["short"] == 0.1


def test_labels_change_also_after_the_end_and_the_change_is_kept(api: Api) -> None:
    run_id = create(api, name="old", notes="some")
    api.ask("POST", f"/runs/{run_id}/cancel")

    run = api.ask("PATCH", f"/runs/{run_id}", json={"name": "new", "tags": ["t"]}).json()
    api.ask("PATCH", f"/runs/{run_id}", json={"name": "new"})

    assert (run["name"], run["tags"], run["notes"], run["status"]) == ("new", ["t"], "some", "cancelled")
    events = api.service.context.store.read(lambda tx: tx.events_of(run_id, 0, 100))
    assert [event.data for event in events if event.kind is EventKind.RUN_RELABELLED] == [
        {"name": "new", "tags": ["t"]}
    ]
    assert [each["id"] for each in get(api, "/runs", text="new", tag="t")["runs"]] == [run_id]
    assert get(api, "/runs", text="old")["total_count"] == 0


def test_every_kind_of_run_is_listed_and_found(api: Api) -> None:
    job = api.submit(symbols=["ETH"], notes="a job of old")
    api.services.clock.advance(1)
    run = create(api, name="wide net")

    assert [each["id"] for each in get(api, "/runs")["runs"]] == [run, job]
    assert get(api, "/runs", kind="ppo")["runs"][0]["symbols"] == ["ETH"]
    assert get(api, "/runs", symbol="BTC")["runs"][0]["id"] == run
    assert get(api, "/runs", text="job")["runs"][0]["id"] == job
    assert get(api, "/runs", status="pending")["total_count"] == 2
    assert get(api, "/runs", status="completed") == {"runs": [], "total_count": 0, "next_cursor": None}
    assert get(api, "/runs", created_before="2020-01-01")["total_count"] == 0
    assert get(api, f"/runs/{job}")["config"]["symbols"] == ["ETH"]


@pytest.mark.parametrize("sort", ["created", "started", "finished", "name", "status", "progress"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_the_list_follow_one_another(api: Api, sort: str, order: str) -> None:
    made = {create(api, name=f"run {number}") for number in range(3)}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(api, "/runs", limit=2, sort=sort, order=order, **cursor)
        assert page["total_count"] == 3
        seen += [each["id"] for each in page["runs"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert (len(seen), set(seen)) == (3, made)


def test_runs_are_sorted_by_any_metric(api: Api) -> None:
    ids = []
    for value in (0.2, 0.9, 0.5):
        create(api)
        ids.append(begin(api))
        api.services.clock.advance(1)
        end(api, ids[-1], result=Result(Reason.COMPLETED, {"val_da": value}))
    create(api)

    page = get(api, "/runs", sort="val_da")
    assert [each["id"] for each in page["runs"]] == [ids[1], ids[2], ids[0]]
    assert page["total_count"] == 3
    assert len(get(api, "/runs", sort="val/loss", order="asc")["runs"]) == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"status": "queued"}, "status"),
        ({"order": "up"}, "order"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": write_cursor((10**30, "fc_1764000000000_0f1e2d3c")), "sort": "progress"}, "cursor"),
        ({"cursor": "WyIyMDI2IiwgIngiXQ=="}, "cursor"),
        ({"cursor": "W05hTiwgImZjXzE3NjQwMDAwMDAwMDBfMGYxZTJkM2MiXQ==", "sort": "progress"}, "cursor"),
        ({"created_from": "soon"}, "created_from"),
        ({"stat": "pending"}, "stat"),
        ({"text": "x" * 201}, "text"),
    ],
)
def test_a_list_that_cannot_be_is_refused(quiet: Api, query: dict[str, Any], field: str) -> None:
    answer = quiet.ask("GET", "/runs", params=query)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_runs_are_compared_by_what_differs(api: Api) -> None:
    first = create(api, config={"seed": 1})
    api.services.clock.advance(1)
    second = create(api, config={"batch_size": 8})
    assert begin(api) == first

    found = get(api, "/runs/compare", ids=f"{first},{second}")

    assert found["differences"] == [{"key": "training.batch_size", "values": [64, 8]}]
    assert found["metrics"]["val/loss"] == {"steps": [10], "values": [[0.75], [None]]}
    assert [each["id"] for each in found["runs"]] == [first, second]
    assert api.ask("GET", f"/runs/compare?ids={first}").json()["field"] == "ids"


@pytest.mark.parametrize(
    "path", ["/runs", "/runs/x", "/runs/compare?ids=a,b", "/datasets", "/nowhere", "/API/x"]
)
def test_nothing_is_told_without_the_secret(quiet: Api, path: str) -> None:
    for secret in (None, "wrong"):
        answer = quiet.ask("GET", path, secret=secret)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")


@pytest.mark.parametrize("run_id", ["fc_1764000000000_00000000", "fc_1", "..%2F..%2Fetc"])
@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", ""), ("PATCH", ""), ("POST", "/cancel"), ("POST", "/resume"), ("POST", "/clone"), ("GET", "/metrics"),
        ("GET", "/logs"), ("GET", "/artifacts"), ("GET", "/artifacts/config.yaml"), ("GET", "/predict"),
    ],
)  # fmt: skip
def test_a_run_that_is_not_there_is_not_found(quiet: Api, run_id: str, method: str, rest: str) -> None:
    body: dict[str, Any] = {"json": {}} if method in ("POST", "PATCH") else {}
    answer = quiet.ask(method, f"/runs/{run_id}{rest}", **body)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_long_answers_are_packed_for_who_takes_that_and_are_the_same(api: Api) -> None:
    for number in range(5):
        create(api, name=f"run {number}")
    plain = api.ask("GET", "/runs", headers={"Accept-Encoding": "identity"})
    packed = api.ask("GET", "/runs", headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
