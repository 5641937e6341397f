from __future__ import annotations

import json
import random
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.json import Json, canonical_json, encode_json, finite

_WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _WORDS
)
_VALUES: st.SearchStrategy[Json] = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("value", [None, nan, inf, -inf])
def test_a_number_that_is_missing_or_none_at_all_becomes_none(value: float | None) -> None:
    assert finite(value) is None


@pytest.mark.parametrize("value", [0.0, -0.5, 3, 1e300])
def test_a_number_stays_itself(value: float) -> None:
    assert finite(value) == value
    assert isinstance(finite(value), float)


@given(_VALUES)
def test_what_is_encoded_is_read_back(value: Json) -> None:
    assert json.loads(encode_json(value)) == value
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize("encode", [encode_json, canonical_json])
@pytest.mark.parametrize("value", [nan, inf, [1.0, nan], {"deep": {"er": [-inf]}}])
def test_what_is_not_a_number_is_refused_at_any_depth(encode: object, value: Json) -> None:
    assert callable(encode)
    with pytest.raises(ValueError):
        encode(value)


@given(st.dictionaries(_WORDS, _VALUES, max_size=6), st.randoms(use_true_random=False))
def test_equal_objects_have_one_canonical_spelling(value: dict[str, Json], chance: random.Random) -> None:
    keys = list(value)
    chance.shuffle(keys)
    assert canonical_json({key: value[key] for key in keys}) == canonical_json(value)


def test_encoding_is_compact_and_keeps_letters() -> None:
    assert encode_json({"b": [1, 2], "a": "é"}) == '{"b":[1,2],"a":"é"}'.encode()
    assert b"\n" not in encode_json({"text": "two\nlines"})
