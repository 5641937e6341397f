"""How the server says it stands, and the demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.control.demo import SYMBOLS, submit_demo, why_no_demo
from headway.control.system import view_disk, view_system
from headway.domain.errors import RateLimited
from tests.factories import make_run, run_id
from tests.fakes.services import make_services


def test_the_queue_the_store_and_the_disk_are_told_of(tmp_path: Path) -> None:
    context = make_services(tmp_path, cpu_slots=2).context
    context.store.write(
        lambda tx: [(tx.insert_run(run), tx.enqueue(run)) for run in (make_run(2), make_run(1))]
    )

    found = view_system(context)

    assert [run.id for run in found.queue.waiting] == [run_id(1), run_id(2)]
    assert [slot.index for slot in found.queue.slots] == [0, 1]
    assert (found.unread_bytes, found.told.active, found.told.dead) == (0, 0, 0)
    assert found.store.technology == "memory"
    assert 0 < found.disk.free_bytes <= found.disk.total_bytes


def test_a_disk_below_the_minimum_is_short(tmp_path: Path) -> None:
    assert view_disk(make_services(tmp_path, min_free_bytes=1 << 60).context).is_short
    assert not view_disk(make_services(tmp_path, min_free_bytes=1).context).is_short


def test_the_demo_is_a_run_like_any_other_and_says_what_it_is(tmp_path: Path) -> None:
    context = make_services(tmp_path, symbols=("BTC",), jobs_per_hour=1).context

    demo = submit_demo(context, owner="a")

    run = context.store.read(lambda tx: tx.get_run(demo))
    assert run.spec.config["symbols"] == list(SYMBOLS)
    assert run.tags == ("demo",)
    assert run.name.startswith("Demo")
    assert "demo data, not yours" in run.notes
    with pytest.raises(RateLimited):
        submit_demo(context, owner="a")


def test_a_demo_that_cannot_run_says_why(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    assert why_no_demo(services.context) == ""

    services.engines.missing.add("ppo")

    assert why_no_demo(services.context) == "ppo is not installed"
