"""What every executor promises, held by real processes; and that the local one proves death whatever it runs."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headway.domain.errors import Conflict, NotFound
from headway.executors import local
from headway.executors.local import LocalExecutor
from headway.executors.predictor import ProcessPredictor
from headway.executors.starters import PlainStarter
from headway.wire.attempts import ExitRecord, Launch, StopRequest, Verb
from headway.wire.rundir import AttemptDir, RunDir, find_json
from tests.faults.mounts import may_mount, read_only
from tests.waiting import eventually, is_alive

RUN = "tr_1700000000000_0123abcd"
CANCEL = StopRequest(Verb.CANCEL, "someone", "asked to", "2026-01-01T00:00:00.000000Z")

Make = Callable[..., LocalExecutor]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """An executor whose training program behaves as named; all it has started is dead afterwards."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)
    made: list[LocalExecutor] = []

    def build(behaviour: str) -> LocalExecutor:
        session = [sys.executable, "-m", "tests.fakes.rogues", behaviour]
        made.append(LocalExecutor(tmp_path, [PlainStarter(session)]))
        return made[-1]

    yield build
    for executor in made:
        _end(executor, tmp_path)


def _end(executor: LocalExecutor, runs_dir: Path) -> None:
    record = find_json(_attempt(runs_dir).supervisor)
    if record is not None and not _attempt(runs_dir).exit.exists():
        os.kill(record["pid"], signal.SIGKILL)
        eventually(lambda: executor.observe(RUN, 1).alive is not True)
        executor.bury(RUN, 1)
    executor.close()


def _attempt(runs_dir: Path) -> AttemptDir:
    return RunDir(runs_dir / RUN).attempt(1)


def _launch(
    runs_dir: Path, *, grace_s: float = 1.0, hard_s: float | None = None, memory: int | None = None
) -> Launch:
    return Launch(
        run_id=RUN,
        attempt=1,
        run_dir=str(runs_dir / RUN),
        candles_dir=str(runs_dir),
        grace_s=grace_s,
        hard_deadline_s=hard_s,
        memory_bytes=memory,
    )


def _pids(runs_dir: Path) -> list[int]:
    """What the training program has started, once it is under way."""
    path = _attempt(runs_dir).path / "pids"
    return [int(text) for text in eventually(lambda: path.read_text() if path.exists() else None).split()]


def _exit_of(executor: LocalExecutor) -> ExitRecord:
    return eventually(lambda: executor.observe(RUN, 1).exit, what="the attempt ends")


def test_an_attempt_that_was_never_started_is_not_found(make: Make) -> None:
    with pytest.raises(NotFound):
        make("quick").observe(RUN, 1)


def test_an_attempt_that_ends_by_itself_leaves_its_exit_code_as_proof(make: Make, tmp_path: Path) -> None:
    executor = make("crashing")

    executor.start(_launch(tmp_path))

    proof = _exit_of(executor)
    assert (proof.code, proof.signal, proof.verb, proof.by) == (7, None, None, "supervisor")
    assert proof.max_rss_bytes is not None
    assert executor.observe(RUN, 1).alive is False


def test_starting_twice_starts_once(make: Make, tmp_path: Path) -> None:
    executor = make("obedient")
    executor.start(_launch(tmp_path))
    first = _pids(tmp_path)

    executor.start(_launch(tmp_path))
    make("obedient").start(_launch(tmp_path))  # as a restarted server would

    assert executor.observe(RUN, 1).alive is True
    executor.cancel(RUN, 1, CANCEL)
    _exit_of(executor)
    executor.start(_launch(tmp_path))
    assert _pids(tmp_path) == first
    assert _exit_of(executor).verb is Verb.CANCEL


def test_a_live_attempt_beats(make: Make, tmp_path: Path) -> None:
    executor = make("obedient")
    executor.start(_launch(tmp_path))

    assert eventually(lambda: executor.observe(RUN, 1).heartbeat_at) is not None
    assert executor.observe(RUN, 1).alive is True


def test_an_attempt_that_is_asked_to_stop_is_dead_when_it_says_so(make: Make, tmp_path: Path) -> None:
    executor = make("obedient")
    executor.start(_launch(tmp_path, grace_s=60.0))
    pids = _pids(tmp_path)

    executor.cancel(RUN, 1, CANCEL)
    executor.cancel(RUN, 1, CANCEL)

    proof = _exit_of(executor)
    assert (proof.code, proof.verb, proof.killed) == (3, Verb.CANCEL, 0)
    assert not any(is_alive(pid) for pid in pids)


def test_a_cancel_before_the_supervisor_listens_is_not_lost(make: Make, tmp_path: Path) -> None:
    executor = make("obedient")
    executor.start(_launch(tmp_path, grace_s=60.0))

    executor.cancel(RUN, 1, CANCEL)

    assert _exit_of(executor).verb is Verb.CANCEL


def test_a_cancel_that_the_disk_has_no_room_for_is_passed_on_all_the_same(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = make("obedient")
    executor.start(_launch(tmp_path))
    eventually(lambda: _pids(tmp_path))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(local, "write_json", full)
    executor.cancel(RUN, 1, CANCEL)

    proof = eventually(lambda: executor.observe(RUN, 1).exit)
    assert proof.verb is Verb.CANCEL
    assert "full disk" in proof.note


def test_a_cancel_after_the_end_is_quiet(make: Make, tmp_path: Path) -> None:
    executor = make("quick")
    executor.start(_launch(tmp_path))
    proof = _exit_of(executor)

    executor.cancel(RUN, 1, CANCEL)

    assert executor.observe(RUN, 1).exit == proof


@pytest.mark.parametrize("behaviour", ["deaf", "double_forking"])
def test_what_does_not_listen_is_killed_with_all_that_it_has_started(
    make: Make, tmp_path: Path, behaviour: str
) -> None:
    executor = make(behaviour)
    executor.start(_launch(tmp_path, grace_s=0.5))
    pids = _pids(tmp_path)

    executor.cancel(RUN, 1, CANCEL)

    proof = _exit_of(executor)
    assert proof.killed == len(pids)
    assert proof.signal == signal.SIGKILL
    assert not any(is_alive(pid) for pid in pids)


def test_what_a_training_leaves_behind_is_killed_before_the_end_is_told(make: Make, tmp_path: Path) -> None:
    executor = make("leaving")
    executor.start(_launch(tmp_path))

    proof = _exit_of(executor)

    assert (proof.code, proof.killed) == (0, 1)
    assert not any(is_alive(pid) for pid in _pids(tmp_path))


def test_the_hard_limit_of_time_ends_an_attempt(make: Make, tmp_path: Path) -> None:
    executor = make("obedient")

    executor.start(_launch(tmp_path, hard_s=0.3))

    proof = _exit_of(executor)
    assert proof.verb is Verb.DEADLINE
    assert "limit of time" in proof.note


def test_a_tree_that_uses_more_memory_than_it_may_is_ended(make: Make, tmp_path: Path) -> None:
    executor = make("hungry")

    executor.start(_launch(tmp_path, grace_s=0.5, memory=200 << 20))

    proof = _exit_of(executor)
    assert proof.verb is Verb.MEMORY
    assert "200 MiB are allowed" in proof.note


def test_a_supervisor_that_is_told_to_end_ends_the_training_first(make: Make, tmp_path: Path) -> None:
    executor = make("obedient")
    executor.start(_launch(tmp_path))
    pids = _pids(tmp_path)
    record = find_json(_attempt(tmp_path).supervisor)
    assert record is not None

    os.kill(record["pid"], signal.SIGTERM)

    assert _exit_of(executor).verb is Verb.SHUTDOWN
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("behaviour", ["obedient", "double_forking"])
def test_a_killed_supervisor_is_seen_and_its_attempt_is_buried_with_all_it_had(
    make: Make, tmp_path: Path, behaviour: str
) -> None:
    executor = make(behaviour)
    executor.start(_launch(tmp_path))
    pids = _pids(tmp_path)
    record = eventually(lambda: find_json(_attempt(tmp_path).supervisor))
    with pytest.raises(Conflict):
        executor.bury(RUN, 1)

    os.kill(record["pid"], signal.SIGKILL)

    eventually(lambda: executor.observe(RUN, 1).alive is False)
    proof = executor.bury(RUN, 1)
    assert proof.by == "executor"
    assert not any(is_alive(pid) for pid in pids)
    assert executor.observe(RUN, 1).exit == proof
    assert executor.bury(RUN, 1) == proof


def test_a_buried_attempt_can_never_start(make: Make, tmp_path: Path) -> None:
    executor = make("obedient")

    executor.bury(RUN, 1)
    executor.start(_launch(tmp_path))

    assert not (_attempt(tmp_path).supervisor).exists()
    assert executor.observe(RUN, 1).alive is False


def test_a_second_supervisor_of_an_attempt_does_nothing(make: Make, tmp_path: Path) -> None:
    executor = make("obedient")
    executor.start(_launch(tmp_path))
    first = _pids(tmp_path)
    session = [sys.executable, "-m", "tests.fakes.rogues", "obedient"]
    descriptor = os.open(os.devnull, os.O_RDONLY)

    second = PlainStarter(session)
    second.start(_attempt(tmp_path), descriptor)
    os.close(descriptor)

    eventually(lambda: second._children[0].poll() is not None)
    assert _pids(tmp_path) == first
    assert executor.observe(RUN, 1).alive is True
    second.close()


@pytest.mark.parametrize(
    "name",
    [
        "ADMIN_SECRET",
        "admin_secret",
        "HEADWAY_DATABASE_URL",
        "HEADWAY_NOTIFY_URLS",
        "PGPASSWORD",
        "PGPASSFILE",
    ],
)
def test_neither_supervisor_nor_training_is_given_a_secret(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "do-not-tell")
    make("obedient").start(_launch(tmp_path))
    trainer = _pids(tmp_path)
    record = eventually(lambda: find_json(_attempt(tmp_path).supervisor))

    environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in (*trainer, record["pid"])]

    assert len(environments) == 2
    assert not any(b"do-not-tell" in environment for environment in environments)


def test_a_prediction_is_given_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "do-not-tell")
    show = "import os, sys; open(sys.argv[3], 'w').write(repr(os.environ))"

    ProcessPredictor([sys.executable, "-c", show]).predict(tmp_path, None, tmp_path / "out")

    told = (tmp_path / "out").read_text()
    assert "OMP_NUM_THREADS" in told
    assert "do-not-tell" not in told


def test_the_output_of_a_training_is_kept(make: Make, tmp_path: Path) -> None:
    executor = make("unknown behaviour")

    executor.start(_launch(tmp_path))

    assert _exit_of(executor).code == 1
    console = _attempt(tmp_path).console.read_text()
    assert "KeyError: 'unknown behaviour'" in console


@pytest.mark.skipif(not may_mount(), reason="this user may not mount")
def test_life_and_death_are_seen_also_where_nothing_can_be_written(make: Make, tmp_path: Path) -> None:
    executor = make("obedient")
    executor.start(_launch(tmp_path))
    _pids(tmp_path)
    with read_only(_attempt(tmp_path).path):
        assert executor.observe(RUN, 1).alive is True

    executor.cancel(RUN, 1, CANCEL)
    assert _exit_of(executor).code == 3
