"""The statements of the store that have a fixed shape: built once, so that SQLAlchemy compiles each only once.

Their parameters begin with `b_`, lest they be taken for the columns of an update.
"""

from __future__ import annotations

from sqlalchemy import Integer, String, bindparam, func, insert, select, tuple_, update

from headway.domain.states import ACTIVE, TERMINAL, State
from headway.store.tables import counters, events, log_cursors, queue, replies, runs

_POSITION = "event_position"
_ACTIVE = tuple(state.value for state in ACTIVE)
_TERMINAL = tuple(state.value for state in TERMINAL)

INSERT_RUN = insert(runs)
UPDATE_RUN = update(runs).where(runs.c.id == bindparam("b_id"), runs.c.event_seq == bindparam("b_seq"))
TOUCH_RUN = update(runs).where(
    runs.c.id == bindparam("b_id"), runs.c.attempt == bindparam("b_attempt"), runs.c.state.not_in(_TERMINAL)
)
FIND_RUN = select(runs.c.record).where(runs.c.id == bindparam("b_id"))
ACTIVE_RUNS = select(runs.c.record).where(runs.c.state.in_(_ACTIVE)).order_by(runs.c.created_at, runs.c.id)
NEWEST_DONE = (
    select(runs.c.record)
    .where(
        runs.c.engine == bindparam("b_engine"),
        runs.c.series == bindparam("b_series"),
        runs.c.state == State.DONE.value,
    )
    .order_by(runs.c.finished_at.desc(), runs.c.id.desc())
    .limit(1)
)
CREATION_TIMES = (
    select(runs.c.created_at)
    .where(runs.c.owner == bindparam("b_owner"), runs.c.created_at >= bindparam("b_since"))
    .order_by(runs.c.created_at.desc())
    .limit(bindparam("b_limit"))
)
FIND_REPLY = select(replies).where(
    replies.c.owner == bindparam("b_owner"), replies.c.key == bindparam("b_key")
)
FIND_QUEUED = select(queue).where(queue.c.run_id == bindparam("b_id"))
ENQUEUE = insert(queue).from_select(
    ["run_id", "rank", "created_at"],
    select(
        bindparam("b_id", type_=String),
        bindparam("b_rank", type_=Integer),
        bindparam("b_created", type_=String),
    ).where(~select(queue.c.run_id).where(queue.c.run_id == bindparam("b_id")).exists()),
)
COUNT_AHEAD = (
    select(func.count())
    .select_from(queue)
    .where(
        tuple_(queue.c.rank, queue.c.created_at, queue.c.run_id)
        < tuple_(bindparam("b_rank"), bindparam("b_created"), bindparam("b_id"))
    )
)
QUEUED = (
    select(queue.c.run_id)
    .order_by(queue.c.rank, queue.c.created_at, queue.c.run_id)
    .limit(bindparam("b_limit"))
)
NEXT_POSITION = (
    update(counters)
    .where(counters.c.name == _POSITION)
    .values(value=counters.c.value + 1)
    .returning(counters.c.value)
)
LAST_POSITION = select(counters.c.value).where(counters.c.name == _POSITION)
EVENTS_OF = (
    select(events)
    .where(events.c.run_id == bindparam("b_id"), events.c.seq > bindparam("b_after"))
    .order_by(events.c.seq)
    .limit(bindparam("b_limit"))
)
EVENTS_AFTER = (
    select(events)
    .where(events.c.position > bindparam("b_after"))
    .order_by(events.c.position)
    .limit(bindparam("b_limit"))
)
LOG_CURSOR = select(log_cursors.c.offset_bytes, log_cursors.c.seq).where(
    log_cursors.c.run_id == bindparam("b_id"), log_cursors.c.attempt == bindparam("b_attempt")
)
