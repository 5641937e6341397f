"""A preview in the words of the runs API."""

from __future__ import annotations

from headway.api.errors import presentable
from headway.control.forecast_plan import longest_warmup
from headway.control.preview import Preview
from headway.control.translate_runs import write_yaml
from headway.domain.specs import Spec
from headway.domain.trading import TIMEFRAMES_S
from headway.wire import runs

_DAY_S = 86_400.0


def to_preview(found: Preview, spec: Spec) -> runs.RunPreview:
    config, plan, time = found.config, found.plan, found.time
    tree = config.model_dump(mode="json")
    return runs.RunPreview(
        config=tree,
        config_yaml=write_yaml(tree),
        contexts=[_to_context(found, name) for name in config.data.timeframes],
        warmup_bars=longest_warmup(config),
        purge_bars=config.purge_bars,
        rows=plan.rows if plan else None,
        rows_usable=plan.usable if plan else None,
        splits=runs.SplitRows(train=plan.train, validation=plan.validation, test=plan.test) if plan else None,
        parameter_count=found.parameters,
        memory_bytes=found.memory_bytes,
        time=runs.TimeRange(low_s=time.low_s, high_s=time.high_s, measured_on=time.measured_on)
        if time
        else None,
        estimated_cost_usd=found.cost_usd,
        max_cost_usd=spec.limits.max_cost_usd,
        queue_position=found.queue_position,
        refusals=[
            runs.Refusal(
                field=each.field,
                value=presentable(each.value),
                bound=each.bound,
                remedy=each.remedy or None,
                message=str(each),
            )
            for each in found.refusals
        ],
        warnings=found.warnings,
        missing=found.missing,
    )


def _to_context(found: Preview, timeframe: str) -> runs.TimeframeContext:
    bars, coverage = found.config.model.context_bars, found.coverages[timeframe]
    return runs.TimeframeContext(
        timeframe=timeframe,
        context_bars=bars,
        context_days=bars * TIMEFRAMES_S[timeframe] / _DAY_S,
        rows=coverage.rows if coverage else None,
        rows_source=coverage.filename if coverage else None,
    )
