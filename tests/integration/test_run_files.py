"""Numbers, logs, files and predictions over the API."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from headway.control.archive import measure_tar, open_members, stream_tar
from headway.control.run_views import type_of
from headway.domain.artifacts import Artifact
from headway.domain.errors import Busy, DataError
from headway.domain.metrics import MetricPoint
from headway.domain.runs import Run
from headway.domain.states import State
from headway.wire.rundir import RunDir, hash_file, seal_checkpoint
from tests.factories import make_run, moment, run_id
from tests.fakes.candles import write_candles
from tests.integration.calling import Api

polars = pytest.importorskip("polars")

RUN = f"/runs/{run_id(1)}"


@pytest.fixture
def folder(api: Api) -> RunDir:
    """The directory of a run that is done, with some files in it."""
    _insert(api, make_run(1, state=State.DONE, attempt=1))
    folder = api.service.context.run_dir(run_id(1))
    folder.artifacts.mkdir(parents=True)
    folder.attempt(1).create()
    (folder.artifacts / "config.yaml").write_text("data:\n  source: BTC\n")
    (folder.path / "report.html").write_text("<h1>Report</h1>")
    draft = folder.checkpoints / ".draft"
    draft.mkdir(parents=True)
    (draft / "model.safetensors").write_bytes(b"weights" * 100)
    seal_checkpoint(folder, draft, 10)
    return folder


def _insert(api: Api, run: Run) -> None:
    api.service.context.store.write(lambda tx: tx.insert_run(run))


def _get(api: Api, path: str, **arguments: Any) -> httpx.Response:
    return api.ask("GET", path, **arguments)


# files


def test_every_file_is_listed_with_its_type_and_hash(api: Api, folder: RunDir) -> None:
    config = folder.artifacts / "config.yaml"
    kept = Artifact("artifacts/config.yaml", "data", 20, hash_file(config))
    api.service.context.store.write(lambda tx: tx.add_artifact(run_id(1), kept))
    (folder.artifacts / ".draft").write_text("no")
    (folder.artifacts / "link").symlink_to("/etc/passwd")

    listed = _get(api, f"{RUN}/artifacts").json()

    found = {each["name"]: each for each in listed["artifacts"]}
    assert listed["total_count"] == len(found) == 4
    assert set(found) == {
        "checkpoints/000000000010/CHECKPOINT.json",
        "checkpoints/000000000010/model.safetensors",
        "config.yaml",
        "report.html",
    }
    assert (found["config.yaml"]["artifact_type"], found["config.yaml"]["sha256"]) == ("config", kept.sha256)
    weights = found["checkpoints/000000000010/model.safetensors"]
    assert (weights["artifact_type"], weights["size_bytes"], len(weights["sha256"])) == (
        "checkpoint",
        700,
        64,
    )
    assert found["report.html"]["sha256"] is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("last.ckpt", "checkpoint"), ("model.pth", "checkpoint"), ("config.yaml", "config"),
        ("my-config.json", "config"),
        ("scaler.json", "scaler"), ("metrics.json", "metrics"), ("predictions.parquet", "predictions"),
        ("pred.csv", "predictions"), ("report.html", "report"), ("model.safetensors", "model"), ("notes.txt", "other"),
    ],
)  # fmt: skip
def test_the_type_of_a_file_is_that_of_its_name(name: str, kind: str) -> None:
    assert type_of(name) == kind


def test_a_file_comes_as_a_download_whole_or_in_parts(api: Api, folder: RunDir) -> None:
    path = f"{RUN}/artifacts/config.yaml"
    content = (folder.artifacts / "config.yaml").read_bytes()
    whole = _get(api, path)
    tag = whole.headers["etag"]

    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["content-disposition"] == 'attachment; filename="config.yaml"'
    part = _get(api, path, headers={"range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, content[2:6])
    assert part.headers["content-range"] == f"bytes 2-5/{len(content)}"
    same = _get(api, path, headers={"if-none-match": tag})
    assert (same.status_code, same.content) == (304, b"")
    assert _get(api, path, headers={"range": "bytes=2-5", "if-range": tag}).status_code == 206
    assert _get(api, path, headers={"range": "bytes=2-5", "if-range": '"old"'}).content == content
    assert _get(api, path, headers={"range": "bytes=900-"}).status_code == 416


@pytest.mark.parametrize(
    "name",
    [
        "%2e%2e/manifest.json", "..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "a/..%2F..%2Fb", "checkpoints/..%2Fx",
        "checkpoints%2F..%2F..%2Fadmin-secret", ".hidden", "%5C..%5Cx", "a%00b", "a//b", "out", "evil/secret",
        "checkpoints/../x.tar",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(api: Api, folder: RunDir, name: str) -> None:
    beside = folder.path / "artifacts_evil"
    beside.mkdir()
    (beside / "secret").write_text("x")
    (folder.artifacts / "out").symlink_to("/etc/passwd")
    (folder.artifacts / "evil").symlink_to(beside)

    answer = _get(api, f"{RUN}/artifacts/{name}")

    assert (answer.status_code, answer.json()["error"]) in [(403, "forbidden"), (404, "not_found")]
    if name != "checkpoints/../x.tar":  # the client takes that apart before it asks
        assert answer.status_code == httpx.codes.FORBIDDEN


@pytest.mark.parametrize(
    "name", ["missing.yaml", "checkpoints/000000000011.tar", "spec.json", "attempts/1/console.log"]
)
def test_files_that_are_not_there_are_not_found(api: Api, folder: RunDir, name: str) -> None:
    answer = _get(api, f"{RUN}/artifacts/{name}")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("name", ["x" * 300, f"checkpoints/{'9' * 300}.tar", f"{'x' * 300}/y.json"])
def test_a_name_that_no_file_can_have_is_not_found(api: Api, folder: RunDir, name: str) -> None:
    assert _get(api, f"{RUN}/artifacts/{name}").status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize("run", ["%00", "x" * 300, "..", "fc_0_0"])
def test_files_of_no_run_are_not_found(api: Api, run: str) -> None:
    assert _get(api, f"/runs/{run}/artifacts/checkpoints/1.tar").status_code == httpx.codes.NOT_FOUND


def test_a_checkpoint_comes_whole_as_tar(api: Api, folder: RunDir) -> None:
    answer = _get(api, f"{RUN}/artifacts/checkpoints/000000000010.tar")

    assert int(answer.headers["content-length"]) == len(answer.content)
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert archive.getnames() == ["000000000010/CHECKPOINT.json", "000000000010/model.safetensors"]
        weights = archive.extractfile("000000000010/model.safetensors")
        assert weights is not None
        assert weights.read() == b"weights" * 100


def test_a_checkpoint_that_is_pruned_while_it_is_sent_comes_whole(folder: RunDir) -> None:
    checkpoint = folder.checkpoints / "000000000010"
    members = open_members(checkpoint)
    pieces = stream_tar(members)
    first = next(pieces)
    shutil.rmtree(checkpoint)

    content = first + b"".join(pieces)

    assert len(content) == measure_tar(members)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.getnames() == ["000000000010/CHECKPOINT.json", "000000000010/model.safetensors"]
    assert all(member.file.closed for member in members)


def test_a_file_that_is_pruned_while_it_is_looked_up_is_not_found(
    api: Api, folder: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hash is asked of the store once it was seen: a fake of that moment is the only way to be between the two."""
    read = api.service.context.store.read
    config = folder.artifacts / "config.yaml"

    def prune_and_read(work: Any) -> Any:
        found = read(work)
        if found == []:  # the artifacts that are registered
            config.unlink()
        return found

    monkeypatch.setattr(api.service.context.store, "read", prune_and_read)

    assert _get(api, f"{RUN}/artifacts/config.yaml").status_code == 404
    assert not config.exists()


def test_of_a_checkpoint_that_is_half_pruned_no_archive_is_begun(api: Api, folder: RunDir) -> None:
    (folder.checkpoints / "000000000010" / "model.safetensors").unlink()

    answer = _get(api, f"{RUN}/artifacts/checkpoints/000000000010.tar")

    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert "was pruned" in answer.json()["message"]


# numbers


def _log(api: Api, name: str, values: list[float]) -> None:
    points = [MetricPoint(name, step, value, moment(step)) for step, value in enumerate(values)]
    api.service.context.store.write(lambda tx: tx.append_points(run_id(1), 1, points))


def test_a_long_series_is_thinned_and_keeps_its_extremes(api: Api, folder: RunDir) -> None:
    values = [float(step % 7) for step in range(5000)]
    values[1234], values[4321] = 99.0, -99.0
    _log(api, "val/loss", values)
    _log(api, "val/da", [0.5, 0.25])

    found = _get(api, f"{RUN}/metrics", params={"points": 100}).json()

    series = found["series"]["val/loss"]
    assert found["names"] == ["val/da", "val/loss"]
    assert found["thinned"] == ["val/loss"]
    assert len(series["steps"]) <= 100
    assert {99.0, -99.0} <= set(series["values"])
    assert series["steps"] == sorted(series["steps"])
    assert (series["steps"][0], series["steps"][-1], series["values"][-1]) == (0, 4999, values[-1])
    assert found["series"]["val/da"] == {"steps": [0, 1], "values": [0.5, 0.25]}
    some = _get(api, f"{RUN}/metrics", params={"names": "val/loss", "first_step": 10, "last_step": 12}).json()
    assert some["series"] == {"val/loss": {"steps": [10, 11, 12], "values": [3.0, 4.0, 5.0]}}


def test_tables_hold_every_point_unless_fewer_are_asked_for(api: Api, folder: RunDir) -> None:
    _log(api, "val/loss", [float(step % 7) for step in range(5000)])

    whole = _get(api, f"{RUN}/metrics", params={"format": "csv"})
    thin = _get(api, f"{RUN}/metrics", params={"format": "csv", "points": 100})
    one = _get(api, f"{RUN}/metrics", params={"points": 1}).json()

    assert len(whole.text.splitlines()) == 5001
    assert "x-thinned" not in whole.headers
    assert thin.headers["x-thinned"] == "val/loss"
    assert len(thin.text.splitlines()) <= 101
    assert len(one["series"]["val/loss"]["steps"]) == 1


def test_numbers_come_as_tables(api: Api, folder: RunDir) -> None:
    _log(api, "a,b", [0.5])
    _log(api, "c", [1.0, 2.0])

    text = _get(api, f"{RUN}/metrics", params={"format": "csv"}).text
    packed = _get(api, f"{RUN}/metrics", params={"format": "parquet"}).content

    assert text == 'name,step,value\n"a,b",0,0.5\nc,0,1.0\nc,1,2.0\n'
    assert polars.read_parquet(io.BytesIO(packed)).rows() == [("a,b", 0, 0.5), ("c", 0, 1.0), ("c", 1, 2.0)]


# logs


def _lines(page: dict[str, Any]) -> list[str]:
    return [line["text"] for line in page["lines"]]


def test_a_log_is_read_from_its_end_from_an_offset_and_by_search(api: Api, folder: RunDir) -> None:
    console = folder.attempt(1).console
    console.write_bytes(b"".join(b"line %d\n" % number for number in range(1000)) + b"Loss was NaN\nend")

    tail = _get(api, f"{RUN}/logs", params={"tail": 2}).json()
    assert (_lines(tail), tail["done"], tail["attempt"]) == (["Loss was NaN", "end"], True, 1)
    first = _get(api, f"{RUN}/logs", params={"offset": 0, "tail": 3}).json()
    assert (_lines(first), first["next_offset"], first["done"]) == (["line 0", "line 1", "line 2"], 21, False)
    following = _get(api, f"{RUN}/logs", params={"offset": first["next_offset"], "tail": 1}).json()
    assert _lines(following) == ["line 3"]
    found = _get(api, f"{RUN}/logs", params={"search": "nan"}).json()
    assert (_lines(found), found["done"]) == (["Loss was NaN"], True)
    one = _get(api, f"{RUN}/logs", params={"search": "line 99", "tail": 2}).json()
    assert _lines(one) == ["line 99", "line 990"]
    more = _get(api, f"{RUN}/logs", params={"search": "line 99", "offset": one["next_offset"]}).json()
    assert _lines(more)[0] == "line 991"


def test_a_log_that_is_not_there_yet_is_empty_and_long_lines_are_cut(api: Api, folder: RunDir) -> None:
    assert _get(api, f"{RUN}/logs").json()["lines"] == []
    folder.attempt(1).console.write_bytes(b"x" * 40_000 + b"\xff\n")
    page = _get(api, f"{RUN}/logs", params={"offset": 0}).json()
    assert [len(text) for text in _lines(page)] == [16384, 16384, 7233]


# predictions


def test_a_prediction_is_made_outside_of_the_server_and_comes_as_asked(api: Api, tmp_path: Path) -> None:
    done = _create_forecast(api)
    write_candles(tmp_path / "candles" / "BTC_1h.csv", bars=3, seed=1)
    content = io.BytesIO()
    polars.DataFrame({"timestamp": ["a"], "pred_mean": [0.5]}).write_parquet(content)
    api.predictor.content = content.getvalue()

    assert _get(api, f"/runs/{done}/predict").content == content.getvalue()
    table = _get(api, f"/runs/{done}/predict", params={"format": "csv", "data": "BTC_1h.csv"})
    assert table.text == "timestamp,pred_mean\na,0.5\n"
    assert _get(api, f"/runs/{done}/predict?format=json").json() == [{"timestamp": "a", "pred_mean": 0.5}]
    assert [data for _, data in api.predictor.asked] == [None, tmp_path / "candles" / "BTC_1h.csv", None]


def test_a_prediction_that_cannot_be_says_why(api: Api, folder: RunDir) -> None:
    done = _create_forecast(api)
    path = f"/runs/{done}/predict"
    assert _get(api, f"{RUN}/predict").json()["field"] == "run id"
    assert _get(api, path, params={"data": "../x"}).json()["field"] == "filename"
    assert _get(api, path, params={"data": "ETH_1h.csv"}).status_code == httpx.codes.NOT_FOUND
    for failure, status in ((Busy("busy", run_id=done), 409), (DataError("no model"), 422)):
        api.predictor.failure = failure
        assert _get(api, path).status_code == status


def _create_forecast(api: Api) -> str:
    body = {"config": {"data_source": "BTC", "timeframes": ["1h"], "variant": "tiny"}}
    made = str(api.ask("POST", "/runs", json=body).json()["id"])
    early = _get(api, f"/runs/{made}/predict")
    assert (early.status_code, early.json()["error"]) == (409, "not_ready")
    run = api.service.context.store.read(lambda tx: tx.get_run(made))
    done = run.evolve(state=State.DONE, event_seq=run.event_seq + 1)
    api.service.context.store.write(lambda tx: tx.update_run(done, expected_seq=run.event_seq))
    return made
