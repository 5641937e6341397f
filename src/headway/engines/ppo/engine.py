"""The PPO engine, from an assignment to a result. docs/ppo.md tells how it works."""

from __future__ import annotations

# The optimizer would import these at its first use, for a second that forked processes need not wait.
import torch
import torch._dynamo  # noqa: F401
import torch.profiler  # noqa: F401

from headway.domain.artifacts import Artifact
from headway.domain.manifest import Manifest
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.states import State
from headway.engines.base import Assignment, Reporter
from headway.engines.ppo.assess import Assessment, assess, compare
from headway.engines.ppo.learn import Learned, learn
from headway.engines.ppo.models import write_model
from headway.engines.ppo.prepare import Prepared, prepare
from headway.engines.ppo.provenance import describe_run
from headway.engines.ppo.report import ReportContents, Training, write_report
from headway.engines.ppo.summary import summarize_details, summarize_metrics
from headway.engines.ppo.tables import tabulate_equity, tabulate_trades
from headway.engines.tables import write_table

# Networks of this size are too small to share: two threads learn slower than one, and much slower beside other work.
_THREADS = 1


def train(assignment: Assignment, reporter: Reporter) -> Result:
    """Prepare, learn, evaluate on the test window, save.

    Raises Stopped when it was asked to stop, Diverged when a weight became NaN, and DataError, InvalidInput or
    PreflightFailed when the assignment cannot be trained.
    """
    torch.set_num_threads(_THREADS)
    reporter.enter(State.PREFLIGHT, "Preparing candles and features")
    prepared = prepare(assignment, reporter)
    manifest = describe_run(assignment, prepared)
    reporter.manifest(manifest)
    reporter.check()

    reporter.enter(State.TRAINING, "Training")
    learned = learn(prepared.plan, reporter, resume_from=assignment.resume)

    reporter.enter(State.EVALUATING, "Playing the test window")
    assessment = assess(learned.model.policy, prepared, pulse=reporter.check)
    reporter.advance(0.5, text="Comparing with the generation before")
    sharpe = assessment.agent.sharpe
    comparison = compare(prepared, assignment.context, sharpe, pulse=reporter.check)
    reporter.advance(0.7, text="Saving model and report")
    saved = _save(assignment, reporter, prepared, learned)
    saved += _save_tables(assignment, reporter, prepared, assessment)
    write_report(assignment.run.report, _contents(prepared, learned, assessment, manifest))
    saved.append(reporter.artifact(assignment.run.report, "report"))
    reporter.advance(1.0, text="Saved")
    return Result(
        reason=Reason.COMPLETED,
        metrics=summarize_metrics(learned, assessment, comparison, assignment.context),
        details=summarize_details(prepared, learned, assessment, comparison),
        artifacts=tuple(saved),
        data_label=prepared.data_label,
        simulated=prepared.is_simulated,
    )


def _save(assignment: Assignment, reporter: Reporter, prepared: Prepared, learned: Learned) -> list[Artifact]:
    reporter.check()
    paths = write_model(assignment.run.artifacts / "model", learned.model, prepared)
    return [reporter.artifact(path, "model") for path in paths]


def _save_tables(
    assignment: Assignment, reporter: Reporter, prepared: Prepared, assessment: Assessment
) -> list[Artifact]:
    reporter.check()
    run, test, results = assignment.run, prepared.windows.test, assessment.results
    cost = prepared.plan.rules.cost_fraction
    write_table(run.equity, tabulate_equity(results, test))
    write_table(run.trades, tabulate_trades(results, test, prepared.candles, cost_fraction=cost))
    return [reporter.artifact(path, "data") for path in (run.equity, run.trades)]


def _contents(
    prepared: Prepared, learned: Learned, assessment: Assessment, manifest: Manifest
) -> ReportContents:
    config = prepared.config
    return ReportContents(
        title=f"PPO on {', '.join(config.symbols)}, {config.timeframe}",
        manifest=manifest,
        symbols=config.symbols,
        timeframe=config.timeframe,
        windows=prepared.windows.describe(),
        rules=prepared.plan.rules,
        training=Training(learned.steps, learned.elapsed_s, learned.best.step, learned.validations),
        agent=assessment.agent,
        buy_and_hold=assessment.buy_and_hold,
        difference=assessment.difference,
        results=assessment.results,
        data_label=prepared.data_label,
        simulated=prepared.is_simulated,
    )
