from __future__ import annotations

import json

import pytest

from headway.wire.attempts import ExitRecord, Launch, StopRequest, SupervisorRecord, Verb

_AT = "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    "launch",
    [
        Launch("tr", 1, "runs/tr", "candles"),
        Launch(
            "tr",
            2,
            "runs/tr",
            "candles",
            resume_from="checkpoints/000000000001",
            hard_deadline_s=60.0,
            budget_s=0.0,
            memory_bytes=1 << 30,
            grace_s=1.5,
            threads=4,
            gpus=(0, 3),
            context={"generation": 2, "predecessor": {"run_id": "tr", "model_dir": "m"}},
        ),
    ],
)
def test_a_launch_comes_back_as_it_was(launch: Launch) -> None:
    assert Launch.from_json(json.loads(json.dumps(launch.to_json()))) == launch


@pytest.mark.parametrize("verb", Verb)
def test_a_request_to_stop_comes_back_as_it_was(verb: Verb) -> None:
    request = StopRequest(verb, "someone", "asked to", _AT)
    assert StopRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


@pytest.mark.parametrize(
    "record", [SupervisorRecord(7, 12345, "boot"), SupervisorRecord(7, 12345, "boot", 8, 12399)]
)
def test_the_record_of_a_supervisor_comes_back_as_it_was(record: SupervisorRecord) -> None:
    assert SupervisorRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize("verb", [None, *Verb])
def test_a_proof_of_death_comes_back_as_it_was(verb: Verb | None) -> None:
    proof = ExitRecord(None, 9, verb, "supervisor", None, _AT, 12.5, 3, 1 << 20, 11.5, "killed")
    assert ExitRecord.from_json(json.loads(json.dumps(proof.to_json()))) == proof


def test_an_unknown_verb_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(ValueError):
        StopRequest.from_json({"verb": "nap", "by": "x", "why": "y", "at": _AT})
