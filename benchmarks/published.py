"""Figures of papers, which are not measured here: the tables that their authors published."""

from __future__ import annotations

from benchmarks.tables import Reference


def publish(**values: float) -> tuple[Reference, ...]:
    """References by name; `_` stands for a blank."""
    return tuple(Reference(name.replace("_", " "), value, published=True) for name, value in values.items())


# ETTh1, standardised test errors by hours ahead: the papers' own tables (DLinear with a lookback of 336, PatchTST/64 of
# 512, iTransformer and OLinear of 96).
ETTH1_MSE = {
    96: publish(DLinear=0.375, PatchTST=0.370, iTransformer=0.386, N_HiTS=0.378, OLinear=0.360),
    336: publish(DLinear=0.439, PatchTST=0.422, iTransformer=0.487, N_HiTS=0.458, OLinear=0.457),
}
ETTH1_MAE = {
    96: publish(DLinear=0.399, PatchTST=0.400, iTransformer=0.405, N_HiTS=0.393, OLinear=0.382),
    336: publish(DLinear=0.443, PatchTST=0.440, iTransformer=0.458, N_HiTS=0.484, OLinear=0.438),
}
