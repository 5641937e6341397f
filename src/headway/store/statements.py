"""The statements of the store that have a fixed shape: built once, and compiled once (`session.Session.run`).

All their parameters are in them by name. Where one stands for a row to be found and not for a value to be stored, it
begins with `b_`, lest it be taken for a column of an update.
"""

from __future__ import annotations

from sqlalchemy import (
    Integer,
    String,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    tuple_,
    update,
)

from headway.domain.states import ACTIVE, TERMINAL, State
from headway.store.tables import counters, events, leases, log_cursors, queue, replies, run_marks, runs, slots

POSITION = "event_position"
LENGTH = "queue_length"
_LIST_VERSION = "list_version"
_ACTIVE = [literal(state.value) for state in ACTIVE]
_TERMINAL = [literal(state.value) for state in TERMINAL]

UPDATE_RUN = (
    update(runs)
    .where(runs.c.id == bindparam("b_id"), runs.c.event_seq == bindparam("b_seq"))
    .values({column.name: bindparam(column.name) for column in runs.c if column is not runs.c.id})
)
UPDATE_RUN_IN_STATE = UPDATE_RUN.where(runs.c.state == bindparam("b_state"))
TOUCH_RUN = (
    update(runs)
    .where(
        runs.c.id == bindparam("b_id"),
        runs.c.attempt == bindparam("b_attempt"),
        runs.c.state.not_in(_TERMINAL),
    )
    .values(record=bindparam("record"))
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
FIND_REPLY = select(replies.c.run_id, replies.c.body_sha256, replies.c.response, replies.c.created_at).where(
    replies.c.owner == bindparam("b_owner"), replies.c.key == bindparam("b_key")
)
ENQUEUE = insert(queue).from_select(
    ["run_id", "rank", "created_at"],
    select(
        bindparam("b_id", type_=String),
        bindparam("b_rank", type_=Integer),
        bindparam("b_created", type_=String),
    ).where(~select(queue.c.run_id).where(queue.c.run_id == bindparam("b_id")).exists()),
)
DEQUEUE = delete(queue).where(queue.c.run_id == bindparam("b_id"))
LAST_PLACE = (
    select(queue.c.rank, queue.c.created_at, queue.c.run_id)
    .order_by(queue.c.rank.desc(), queue.c.created_at.desc(), queue.c.run_id.desc())
    .limit(1)
)
_PLACES = tuple_(queue.c.rank, queue.c.created_at, queue.c.run_id)
_PLACE = tuple_(bindparam("b_rank"), bindparam("b_created"), bindparam("b_id"))
COUNT_AHEAD = select(func.count()).select_from(queue).where(_PLACES < _PLACE)
_other = queue.alias("other")
# Texts as expressions: SQLite seeks in an index no further than the first column that is compared with a column.
_HERE = tuple_(queue.c.rank, queue.c.created_at + "", queue.c.run_id + "")
_BEHIND = select(_other.c.run_id).where(tuple_(_other.c.rank, _other.c.created_at, _other.c.run_id) > _HERE)
FIND_PLACE = select(
    queue.c.rank,
    queue.c.created_at,
    select(func.count())
    .select_from(_BEHIND.correlate(queue).limit(bindparam("b_limit")).subquery())
    .scalar_subquery(),
).where(queue.c.run_id == bindparam("b_id"))
QUEUED = (
    select(queue.c.run_id)
    .order_by(queue.c.rank, queue.c.created_at, queue.c.run_id)
    .limit(bindparam("b_limit"))
)
FREE_RETIRED_SLOTS = delete(slots).where(slots.c.run_id == bindparam("b_id"), slots.c.retired == 1)
FREE_SLOTS = update(slots).where(slots.c.run_id == bindparam("b_id")).values(run_id=null())
SLOTS = select(slots.c.kind, slots.c.slot, slots.c.run_id).order_by(slots.c.kind, slots.c.slot)
INSERT_LEASE = insert(leases)
FIND_LEASE = select(leases.c.token, leases.c.until).where(leases.c.run_id == bindparam("b_id"))
EXTEND_LEASE = (
    update(leases)
    .where(leases.c.run_id == bindparam("b_id"), leases.c.token == bindparam("b_token"))
    .values(until=bindparam("until"))
)
DROP_LEASE = delete(leases).where(leases.c.run_id == bindparam("b_id"))
COUNTERS = select(counters.c.name, counters.c.value).where(
    counters.c.name.in_([literal(POSITION), literal(LENGTH)])
)
LIST_VERSION = select(counters.c.value).where(counters.c.name == _LIST_VERSION)
MOVE_COUNTERS = (
    update(counters)
    .where(counters.c.name.in_([literal(POSITION), literal(LENGTH), literal(_LIST_VERSION)]))
    .values(
        value=counters.c.value
        + case(
            (counters.c.name == POSITION, bindparam("b_events", type_=Integer)),
            (counters.c.name == LENGTH, bindparam("b_queued", type_=Integer)),
            else_=bindparam("b_lists", type_=Integer),
        )
    )
)
_MARKED = and_(
    run_marks.c.kind == bindparam("b_kind"),
    run_marks.c.value.between(bindparam("b_low"), bindparam("b_high")),
)
_VALUES = select(run_marks.c.value).where(_MARKED).limit(1)
FIRST_AND_LAST_MARK = select(
    _VALUES.order_by(run_marks.c.value).scalar_subquery(),
    _VALUES.order_by(run_marks.c.value.desc()).scalar_subquery(),
)
COUNT_MARKED = select(func.count()).select_from(
    select(run_marks.c.run_id).where(_MARKED).limit(bindparam("b_most")).subquery()
)
_EVENT = select(
    events.c.run_id,
    events.c.seq,
    events.c.position,
    events.c.attempt,
    events.c.at,
    events.c.kind,
    events.c.data,
)
EVENTS_OF = (
    _EVENT.where(events.c.run_id == bindparam("b_id"), events.c.seq > bindparam("b_after"))
    .order_by(events.c.seq)
    .limit(bindparam("b_limit"))
)
EVENTS_AFTER = (
    _EVENT.where(events.c.position > bindparam("b_after"))
    .order_by(events.c.position)
    .limit(bindparam("b_limit"))
)
LOG_CURSOR = select(log_cursors.c.offset_bytes, log_cursors.c.seq).where(
    log_cursors.c.run_id == bindparam("b_id"), log_cursors.c.attempt == bindparam("b_attempt")
)
INSERT_LOG_CURSOR = insert(log_cursors)
MOVE_LOG_CURSOR = (
    update(log_cursors)
    .where(log_cursors.c.run_id == bindparam("b_id"), log_cursors.c.attempt == bindparam("b_attempt"))
    .values(offset_bytes=bindparam("offset_bytes"), seq=bindparam("seq"))
)
