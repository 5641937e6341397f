from __future__ import annotations

import json

import pytest

from headway.domain.artifacts import Artifact, Checkpoint
from headway.domain.manifest import DataSource, Manifest
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.specs import Spec
from headway.domain.states import TERMINAL, State
from headway.store.codec import decode_run, encode_run
from tests.factories import make_run, make_spec, moment

_RESULT = Result(
    Reason.STOPPED_EARLY,
    {"sharpe": 1.25, "trades": None},
    {"windows": [1, 2], "why": None},
    (Artifact("artifacts/model.zip", "model", 12, "ab" * 32),),
    data_label="demo data",
    simulated=True,
)


def test_a_result_comes_back_as_it_was_through_json_text() -> None:
    assert Result.from_json(json.loads(json.dumps(_RESULT.to_json()))) == _RESULT


def test_a_spec_comes_back_as_it_was_through_json_text() -> None:
    spec = make_spec(priority=3, notes="é", request={"durationHours": 1.0}, executor="elsewhere", seed=None)
    assert Spec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_files_come_back_as_they_were() -> None:
    artifact, checkpoint = Artifact("a", "model", 1, "aa"), Checkpoint("checkpoints/1", 1, 2, "bb")
    assert Artifact.from_json(artifact.to_json()) == artifact
    assert Checkpoint.from_json(checkpoint.to_json()) == checkpoint


def test_a_run_comes_back_as_it_was_through_its_text() -> None:
    run = make_run(
        state=State.DONE,
        attempt=2,
        started_at=moment(1),
        finished_at=moment(2.000001),
        reason=Reason.STOPPED_EARLY,
        result=_RESULT,
        latest={"train/loss": -0.5},
        best={"train/loss": -1.5},
        retries=1,
        spent_s=12.5,
    )
    assert decode_run(encode_run(run)) == run
    assert decode_run(encode_run(make_run())) == make_run()


def test_evolving_a_run_leaves_the_old_one_as_it_was() -> None:
    run = make_run()
    assert run.evolve(attempt=1).attempt == 1
    assert run == make_run()


@pytest.mark.parametrize("state", State)
def test_a_run_has_ended_in_the_terminal_states_and_no_others(state: State) -> None:
    assert make_run(state=state, cancel_requested_at=moment(3)).ended is (state in TERMINAL)


def test_a_manifest_tells_its_data_sources_as_objects() -> None:
    source = DataSource("BTC", "file", "ab", 3, "2026-01-01", "2026-01-03")
    manifest = Manifest("tr", 1, "now", 7, {}, {"headway": "1"}, {}, {}, data=(source,))

    told = json.loads(json.dumps(manifest.to_json()))

    assert told["data"][0]["sha256"] == "ab"
    assert told["seed"] == 7
