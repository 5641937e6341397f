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

# ETTh1, standardised test errors by hours ahead: the papers' own tables (DLinear with a lookback of 336, PatchTST/64 of
# 512, iTransformer and OLinear of 96).
ETTH1_MSE = {
    96: quote(DLinear=0.375, PatchTST=0.370, iTransformer=0.386, N_HiTS=0.378, OLinear=0.360),
    336: quote(DLinear=0.439, PatchTST=0.422, iTransformer=0.487, N_HiTS=0.458, OLinear=0.457),
}
ETTH1_MAE = {
    96: quote(DLinear=0.399, PatchTST=0.400, iTransformer=0.405, N_HiTS=0.393, OLinear=0.382),
    336: quote(DLinear=0.443, PatchTST=0.440, iTransformer=0.458, N_HiTS=0.484, OLinear=0.438),
}
