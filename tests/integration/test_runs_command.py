"""`headway runs` against a real server: what each command asks for, shows, and answers to what goes wrong."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headway.cli.exits import Exit
from headway.cli.main import app
from headway.domain.states import State
from headway.wire.attempts import Verb
from headway.wire.rundir import seal_checkpoint
from tests.factories import make_run, make_spec
from tests.fakes.candles import write_candles
from tests.integration.calling import SECRET
from tests.integration.streaming import Spoken, Streaming, streaming
from tests.waiting import eventually

polars = pytest.importorskip("polars")

MISSING = "fc_1700000000000_00000000"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streaming]:
    with streaming(tmp_path_factory.mktemp("server")) as server:
        yield server


class _Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


def _run(live: Streaming, *arguments: str, secret: str = SECRET) -> _Ran:
    environment = {"TRAIN_API_HOST": f"http://127.0.0.1:{live.port}", "ADMIN_SECRET": secret}
    result = CliRunner().invoke(app, [*arguments], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return _Ran(result.exit_code, result.stdout, result.stderr)


def _create(live: Streaming, *arguments: str) -> dict[str, Any]:
    ran = _run(
        live,
        "runs",
        "create",
        "--data",
        "BTC",
        "--timeframes",
        "1h,4h",
        "--variant",
        "tiny",
        "--json",
        *arguments,
    )
    assert ran.code == Exit.DONE, ran.err
    return ran.document


def _ended(live: Streaming) -> Spoken:
    run = live.begin()
    run.train()
    run.measure(0.9, 0.5, 0.7)
    run.print("first\nsecond thing\nthird\n")
    run.end()
    return run


def test_a_run_is_created_from_flags_and_the_same_key_makes_no_second_one(live: Streaming) -> None:
    flags = (
        "--set",
        "model.dropout=0.2",
        "--set",
        "training.patience=5",
        "--seed",
        "7",
        "--name",
        "by flags",
    )
    created = _create(live, *flags, "--idempotency-key", "one")
    again = _create(live, *flags, "--idempotency-key", "one")
    found = _run(live, "runs", "show", created["id"], "--json").document

    assert created == again
    assert (found["name"], found["seed"]) == ("by flags", 7)
    assert (found["resolved"]["model"]["dropout"], found["resolved"]["training"]["patience"]) == (0.2, 5)


def test_a_file_is_read_and_flags_win_over_it(live: Streaming, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("data_source: BTC\ntimeframes: [1h]\nvariant: tiny\nseed: 1\nstart_date: 2024-01-01\n")
    ran = _run(live, "runs", "create", str(file), "--seed", "2", "--tag", "a", "--tag", "b")
    assert ran.code == Exit.DONE, ran.err
    run_id = ran.out.split()[2]
    found = _run(live, "runs", "show", run_id, "--json").document

    assert f"watch it: headway runs watch {run_id}" in ran.out
    assert (found["seed"], found["tags"], found["config"]["start_date"]) == (2, ["a", "b"], "2024-01-01")


def test_a_preview_creates_nothing(live: Streaming) -> None:
    before = _run(live, "runs", "list", "--json").document["total_count"]
    ran = _run(
        live, "runs", "create", "--data", "BTC", "--timeframes", "1h", "--variant", "tiny", "--preview"
    )

    assert ran.code == Exit.DONE, ran.err
    assert "Nothing was created" in ran.out
    assert _run(live, "runs", "list", "--json").document["total_count"] == before


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("create", "--data", "BTC"), Exit.USAGE, "timeframes"),
        (("create", "--data", "BTC", "--timeframes", "1h", "--variant", "huge"), Exit.USAGE, "variant"),
        (("create", "--data", "BTC", "--timeframes", "1h", "--set", "dropout"), Exit.USAGE, "NAME=VALUE"),
        (("create", "--data", "BTC", "--timeframes", "7m"), Exit.REFUSED, "timeframe"),
        (
            ("create", "--data", "BTC", "--timeframes", "1h", "--set", "model.nothing=1"),
            Exit.REFUSED,
            "nothing",
        ),
        (("create", "/no/such/file"), Exit.USAGE, "can be read"),
        (("show", MISSING), Exit.ERROR, "there is no run"),
        (("show", "nonsense"), Exit.USAGE, "run id"),
        (("watch", MISSING), Exit.ERROR, "there is no run"),
        (("compare", MISSING), Exit.USAGE, "two runs"),
        (("resume", MISSING), Exit.ERROR, "there is no run"),
    ],
)
def test_every_error_says_what_is_wrong(
    live: Streaming, arguments: tuple[str, ...], code: Exit, told: str
) -> None:
    ran = _run(live, "runs", *arguments)

    assert (ran.code, told in ran.err) == (code, True), ran.err


def test_a_wrong_secret_says_what_to_set(live: Streaming) -> None:
    for command in ("show", "watch"):
        ran = _run(live, "runs", command, MISSING, secret="wrong")
        assert (ran.code, "ADMIN_SECRET" in ran.err) == (Exit.ERROR, True), ran.err


def test_runs_are_listed_with_filters_and_all_pages(live: Streaming) -> None:
    ids = {_create(live, "--tag", "listed")["id"] for _ in range(3)}
    page = _run(live, "runs", "list", "--tag", "listed", "--limit", "2", "--json").document
    whole = _run(live, "runs", "list", "--tag", "listed", "--limit", "2", "--all", "--json").document

    assert len(page["runs"]) == 2
    assert {run["id"] for run in whole["runs"]} == ids
    assert "3 of 3 runs" in _run(live, "runs", "list", "--tag", "listed").out
    assert "--all shows the rest" in _run(live, "runs", "list", "--tag", "listed", "--limit", "2").out


def test_watching_shows_the_course_and_its_exit_code_the_end(live: Streaming) -> None:
    run = live.begin()
    talking = threading.Thread(target=lambda: (run.train(), run.measure(0.5), run.save(1), run.end()))
    talking.start()
    ran = _run(live, "runs", "watch", run.run_id)
    talking.join()

    assert ran.code == Exit.FAILED
    assert "checkpoint of step 1" in ran.out
    assert f"{run.run_id}  failed" in ran.out


def test_watching_for_programs_is_a_line_a_message(live: Streaming) -> None:
    run = _ended(live)
    ran = _run(live, "runs", "watch", run.run_id, "--json")
    lines = [json.loads(line) for line in ran.out.splitlines()]

    assert [line["event_type"] for line in lines[:-1]] == ["status", "metrics", "log", "status"]
    assert (lines[-1]["kind"], lines[-1]["data"]["status"]) == ("run", "failed")


def test_numbers_are_shown_with_their_course_and_written_as_csv(live: Streaming, tmp_path: Path) -> None:
    run = _ended(live)
    shown = _run(live, "runs", "metrics", run.run_id)
    file = tmp_path / "numbers.csv"
    written = _run(live, "runs", "metrics", run.run_id, "train/loss", "--csv", str(file))

    assert "train/loss" in shown.out
    assert "█▁▄" in shown.out
    assert written.code == Exit.DONE
    assert file.read_text().splitlines() == [
        "name,step,value",
        "train/loss,1,0.9",
        "train/loss,2,0.5",
        "train/loss,3,0.7",
    ]


def test_numbers_are_written_as_parquet_beside_their_json(live: Streaming, tmp_path: Path) -> None:
    run = _ended(live)
    file = tmp_path / "numbers.parquet"
    ran = _run(live, "runs", "metrics", run.run_id, "--parquet", str(file), "--json")

    assert ran.document["series"]["train/loss"]["values"] == [0.9, 0.5, 0.7]
    assert file.read_bytes()[:4] == b"PAR1"


def test_a_search_as_json_goes_through_all_pages(live: Streaming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.control.console._MAX_SEARCHED_BYTES", 8)
    found = _run(live, "runs", "logs", _ended(live).run_id, "--search", "ir", "--json").document

    assert [line["text"] for line in found["lines"]] == ["first", "third"]
    assert found["done"]


def test_the_console_is_shown_searched_and_followed(live: Streaming) -> None:
    run = _ended(live)

    assert _run(live, "runs", "logs", run.run_id, "--tail", "2").out == "second thing\nthird\n"
    assert _run(live, "runs", "logs", run.run_id, "--search", "thing").out == "second thing\n"
    cut = _run(live, "runs", "logs", run.run_id, "--search", "i", "--tail", "2")
    assert (cut.out, "may be more" in cut.err) == ("first\nsecond thing\n", True)
    assert _run(live, "runs", "logs", run.run_id, "--follow").out == "first\nsecond thing\nthird\n"
    assert (
        _run(live, "runs", "logs", run.run_id, "--follow", "--search", "THI").out == "second thing\nthird\n"
    )


def test_files_are_listed_and_fetched_and_one_that_is_not_there_is_named(
    live: Streaming, tmp_path: Path
) -> None:
    run = _ended(live)
    folder = live.api.service.context.run_dir(run.run_id).artifacts
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("a: 1\n")
    listed = _run(live, "runs", "artifacts", run.run_id, "--json").document
    name = next(one["name"] for one in listed["artifacts"] if one["name"].endswith("config.yaml"))
    fetched = _run(live, "runs", "artifacts", run.run_id, "--download", name, "--to", str(tmp_path))
    missing = _run(live, "runs", "artifacts", run.run_id, "--download", "nothing", "--to", str(tmp_path))

    assert fetched.code == Exit.DONE, fetched.err
    assert (tmp_path / name).read_text() == "a: 1\n"
    assert (missing.code, "config.yaml" in missing.err) == (Exit.ERROR, True)


def test_a_whole_checkpoint_is_fetched_as_tar(live: Streaming, tmp_path: Path) -> None:
    run = _ended(live)
    folder = live.api.service.context.run_dir(run.run_id)
    draft = folder.checkpoints / ".draft"
    draft.mkdir(parents=True)
    (draft / "model.safetensors").write_bytes(b"weights")
    name = f"{seal_checkpoint(folder, draft, 10).path}.tar"
    fetched = _run(live, "runs", "artifacts", run.run_id, "--download", name, "--to", str(tmp_path))

    assert fetched.code == Exit.DONE, fetched.err
    with tarfile.open(tmp_path / name) as archive:
        assert archive.getnames() == ["000000000010/CHECKPOINT.json", "000000000010/model.safetensors"]


def test_runs_are_cancelled_resumed_cloned_and_compared(live: Streaming) -> None:
    first = _create(live, "--seed", "1")["id"]
    cancelled = _run(live, "runs", "cancel", first)
    resumed = _run(live, "runs", "resume", first, "--json")
    clone = _run(live, "runs", "clone", first, "--set", "seed=2", "--name", "again", "--json")
    assert clone.code == Exit.DONE, clone.err
    second = clone.document["id"]
    compared = _run(live, "runs", "compare", first, second)

    assert cancelled.out == f"{first}: cancelled\n"
    assert resumed.document["id"] == first
    assert compared.code == Exit.DONE, compared.err
    assert second in compared.out
    assert _run(live, "runs", "show", second, "--json").document["seed"] == 2


def test_cancelling_a_running_one_waits_for_its_proven_death(live: Streaming) -> None:
    run = live.begin()
    executor = live.api.services.executor

    def die() -> None:
        eventually(lambda: any(attempt == (run.run_id, 1) for attempt, _ in executor.cancels))
        run.end(Verb.CANCEL)

    dying = threading.Thread(target=die)
    dying.start()
    ran = _run(live, "runs", "cancel", run.run_id, "--wait")
    dying.join()

    assert ran.code == Exit.DONE, ran.err
    assert "cancel requested" in ran.out


def test_a_model_that_is_not_there_forecasts_nothing(live: Streaming, tmp_path: Path) -> None:
    out = tmp_path / "predictions.parquet"
    ran = _run(live, "predict", _ended(live).run_id, "--out", str(out))

    assert ran.code == Exit.ERROR
    assert not out.exists()


def test_forecasts_are_written_in_the_format_that_is_asked_for(live: Streaming, tmp_path: Path) -> None:
    run = make_run(7, spec=make_spec(engine="forecast"), state=State.DONE, attempt=1)
    live.api.service.context.store.write(lambda tx: tx.insert_run(run))
    content = io.BytesIO()
    polars.DataFrame({"timestamp": [1], "split": ["new"]}).write_parquet(content)
    live.api.predictor.content = content.getvalue()

    ran = _run(live, "predict", run.id, "--format", "csv", "--out", str(tmp_path / "forecasts"))

    assert ran.code == Exit.DONE, ran.err
    assert (tmp_path / "forecasts").read_text() == "timestamp,split\n1,new\n"


def test_a_path_is_a_file_of_this_machine_and_never_replaces_one_of_the_server(
    live: Streaming, tmp_path: Path
) -> None:
    run_id = _ended(live).run_id
    out = ("--out", str(tmp_path / "predictions.parquet"))
    absent = _run(live, "predict", run_id, "--data", str(tmp_path / "ETHUSDT_1h.csv"), *out)
    write_candles(tmp_path / "BTC_1h.csv", bars=20, seed=1)
    taken = _run(live, "predict", run_id, "--data", str(tmp_path / "BTC_1h.csv"), *out)
    write_candles(tmp_path / "ETHUSDT_1h.csv", bars=20, seed=1)
    _run(live, "predict", run_id, "--data", str(tmp_path / "ETHUSDT_1h.csv"), *out)

    assert (absent.code, "there is no file" in absent.err) == (Exit.ERROR, True)
    assert "`--data BTC_1h.csv` forecasts on the server's" in taken.err
    kept = live.api.service.context.policy.candles_dir / "ETHUSDT_1h.csv"
    assert kept.read_bytes() == (tmp_path / "ETHUSDT_1h.csv").read_bytes()
