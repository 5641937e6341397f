from __future__ import annotations

import pytest

from headway.domain.errors import InvalidInput
from headway.domain.ids import new_run_id, new_token, require_run_id
from tests.factories import T0, moment


def test_the_id_of_a_trading_run_tells_its_kind_and_its_time() -> None:
    prefix, at, chance = new_run_id("ppo", T0).split("_")

    assert prefix == "tr"
    assert int(at) == T0.timestamp() * 1000
    assert len(chance) == 8


def test_ids_of_one_moment_differ() -> None:
    assert len({new_run_id("ppo", T0) for _ in range(100)}) == 100


def test_ids_sort_by_time() -> None:
    ids = [new_run_id("ppo", moment(seconds)) for seconds in (0, 0.001, 1, 86400, 10**9)]
    assert ids == sorted(ids)


@pytest.mark.parametrize("engine", ["ppo", "lora", "forecast"])
def test_every_new_id_is_an_id(engine: str) -> None:
    made = new_run_id(engine, T0)
    assert require_run_id(made) == made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "../../etc/passwd",
        "tr_1700000000000_0123abcd/..",
        "tr_1700000000000_0123abcd\n",
        "tr_1700000000000_0123ABCD",
        "tr_170000000000_0123abcd",
        "t_1700000000000_0123abcd",
        "tr_17000000٠0000_0123abcd",
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        require_run_id(text)
    assert caught.value.field == "run id"


def test_tokens_differ_and_are_long_enough_not_to_be_guessed() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {32}
