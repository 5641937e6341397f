"""Figures of others, as docs/benchmarks.md quotes them: not measured here, on a machine of the same kind."""

from __future__ import annotations

from benchmarks.tables import Reference


def quote(**values: float) -> tuple[Reference, ...]:
    """References by name; `_` stands for a blank."""
    return tuple(Reference(name.replace("_", " "), value, measured=False) for name, value in values.items())


SUBMIT_P95_MS = quote(MLflow=752, Ray=661, DBOS=434)
SUBMITS_PER_S = quote(MLflow=75, Ray=29, DBOS=150)
FIRST_STEP_S = quote(Ray=4.2)
LOG_CALL_P50_US = quote(TensorBoard=54, Trackio=61, MLflow_async=190, Weights_and_Biases_offline=490)
LOG_CALL_P99_US = quote(Trackio=176, TensorBoard=330, Weights_and_Biases_offline=1637, MLflow_async=4389)
POINTS_PER_S = quote(Trackio=24_352, TensorBoard=19_025, Weights_and_Biases_offline=7_520, MLflow=4_165)
CHART_OF_A_MILLION_MS = quote(MLflow=2950, Trackio=2600)
CANCEL_TOLD_S = quote(Ray=1.4)
COLD_START_S = quote(DBOS=0.6, Trackio=1, Ray=5, MLflow=12.5)
IDLE_MB = quote(Trackio=55, DBOS=59, Ray=570, MLflow=1700)
