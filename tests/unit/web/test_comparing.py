"""Which number is the best, and which checkpoint."""

from __future__ import annotations

from headway.web.compare_page import make_rows
from headway.web.run_sections import Figure, pick_marks, shared_reason
from headway.wire.runs import CheckpointInfo, TrainingRun


def test_the_best_is_marked_also_twice_and_never_where_all_are_alike() -> None:
    rows = make_rows([{"loss": 0.5, "f1": 0.3}, {"loss": 0.5, "f1": 0.3}, {"loss": 0.7, "sharpe": 1.0}])
    assert {row.name: row.best for row in rows} == {"f1": set(), "loss": {0, 1}, "sharpe": set()}
    assert [row.values for row in rows if row.name == "f1"] == [[0.3, 0.3, None]]


def test_the_best_checkpoint_is_that_of_the_result_else_that_of_the_lowest_loss() -> None:
    kept = [_checkpoint(step, loss) for step, loss in ((10, 0.4), (20, 0.3), (30, 0.5))]
    assert pick_marks(_run(kept)) == {"c/10": [], "c/20": ["best"], "c/30": ["last"]}
    chosen = _run(kept, details={"training": {"best_step": 10}})
    assert pick_marks(chosen) == {"c/10": ["best"], "c/20": [], "c/30": ["last"]}


def test_a_checkpoint_that_is_gone_is_marked_and_is_neither_the_best_nor_the_last() -> None:
    kept = [
        _checkpoint(10, 0.4),
        _checkpoint(20, 0.5),
        _checkpoint(30, 0.3).model_copy(update={"pruned": True}),
    ]
    assert pick_marks(_run(kept)) == {"c/10": ["best"], "c/20": ["last"], "c/30": ["pruned"]}


def test_a_reason_is_told_once_where_all_share_it() -> None:
    missing = Figure("CPU", "system/cpu_fraction", None, why="not measured")
    assert shared_reason([missing, missing]) == "not measured"
    assert shared_reason([missing, Figure("Memory", "system/memory_mb", 1.0)]) is None


def _checkpoint(step: int, loss: float) -> CheckpointInfo:
    return CheckpointInfo(filename=f"c/{step}", step=step, val_loss=loss, size_mb=1.0, sha256="0" * 64)


def _run(checkpoints: list[CheckpointInfo], details: dict[str, object] | None = None) -> TrainingRun:
    return TrainingRun(
        id="fc_1",
        status="running",
        state="training",
        engine="forecast",
        origin="runs",
        created_at="2026-01-01T00:00:00Z",
        config={},
        resolved={},
        checkpoints=checkpoints,
        details=details or {},
    )
