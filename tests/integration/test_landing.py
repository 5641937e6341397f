"""What a commit has answered reaches the requests that wait for it, whatever became of them meanwhile."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from headway.api.landing import Landing


def test_all_that_a_commit_has_answered_is_handed_over_at_once() -> None:
    async def ask(landing: Landing) -> list[int]:
        outcomes: list[Future[int]] = [Future() for _ in range(20)]
        waiting = [asyncio.ensure_future(landing.wait(outcome)) for outcome in outcomes]
        await asyncio.to_thread(lambda: [outcome.set_result(n) for n, outcome in enumerate(outcomes)])
        return await asyncio.gather(*waiting)

    assert asyncio.run(ask(Landing())) == list(range(20))


def test_an_error_comes_out_where_it_was_asked_for_and_what_is_there_already_at_once() -> None:
    async def ask(landing: Landing, outcome: Future[int]) -> int:
        return await landing.wait(outcome)

    refused: Future[int] = Future()
    refused.set_exception(ValueError("refused"))
    with pytest.raises(ValueError, match="refused"):
        asyncio.run(ask(Landing(), refused))


def test_a_request_that_was_called_off_holds_up_no_other() -> None:
    async def ask(landing: Landing) -> int:
        first: Future[int] = Future()
        second: Future[int] = Future()
        gone = asyncio.ensure_future(landing.wait(first))
        stays = asyncio.ensure_future(landing.wait(second))
        await asyncio.sleep(0)
        gone.cancel()
        first.set_result(1)
        second.set_result(2)
        return await stays

    assert asyncio.run(ask(Landing())) == 2


def test_a_loop_that_has_ended_is_forgotten() -> None:
    landing, late = Landing(), Future[int]()

    async def leave() -> None:
        task = asyncio.ensure_future(landing.wait(late))
        await asyncio.sleep(0)
        task.cancel()

    async def ask(outcome: Future[int]) -> int:
        return await landing.wait(outcome)

    asyncio.run(leave())
    late.set_result(1)

    assert asyncio.run(ask(late)) == 1
