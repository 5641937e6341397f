"""The formula and the network count alike; the estimate of memory grows with what it depends on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headway.domain.forecast_size import NetworkShape, count_parameters, estimate_training_bytes

TINY = NetworkShape((3, 2), 8, 2, 1, 1, 2, patch_len=4, stride=2, context_patches=5, next_bars=3)


def test_the_count_of_a_small_network_by_hand() -> None:
    single = NetworkShape((3,), 4, 2, 0, 2, 2, patch_len=2, stride=2, context_patches=3, next_bars=1)

    patches, last_norm = (3 * 2 * 4 + 4), 2 * 4
    heads = (8 * 2 + 2) + 2 * (8 * 3 + 3)
    assert count_parameters(single) == patches + last_norm + heads


def test_a_context_holds_overlapping_patches() -> None:
    assert TINY.context_bars == 12


@pytest.mark.parametrize(
    "larger", [{"d_model": 16}, {"context_patches": 9}, {"n_layers_tf": 2}, {"features": (3, 2, 2)}]
)
def test_memory_grows_with_batch_and_size(larger: dict[str, int]) -> None:
    usual = estimate_training_bytes(TINY, batch=8)

    assert estimate_training_bytes(TINY, batch=16) > usual
    assert estimate_training_bytes(replace(TINY, **larger), batch=8) > usual  # type: ignore[arg-type]


def test_kept_patches_of_several_timeframes_are_refused() -> None:
    with pytest.raises(ValueError, match="single timeframe"):
        replace(TINY, keeps_patches=True)
