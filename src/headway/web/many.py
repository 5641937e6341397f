"""One thing done to several runs: each stands or falls alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from headway.control.cancel import pass_on, record_cancel
from headway.control.context import Context
from headway.control.label import relabel
from headway.control.query import get_view
from headway.domain.errors import HeadwayError, InvalidInput
from headway.wire.runs import MAX_TAGS, Asked, LabelRequest, Tag

_MAX_RUNS = 200


class Several(Asked):
    """What a script asks for: which runs, and, to tag them, the tag."""

    ids: Annotated[list[str], Field(min_length=1, max_length=_MAX_RUNS)]
    tag: Tag | None = None


@dataclass
class Outcome:
    """Ids of the runs that it was done to; for the others why it was not."""

    done: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def read(body: bytes) -> Several:
    """The body of a request. Raises ValidationError."""
    return Several.model_validate_json(body)


def cancel_all(context: Context, ids: Sequence[str], owner: str) -> Outcome:
    """Ask each to end. All requests are handed over before the first is waited for: they share a commit."""
    by = f"secret {owner}"
    recorded = {run_id: record_cancel(context, run_id, by=by) for run_id in ids}
    return _each(ids, lambda run_id: pass_on(context, recorded[run_id].result(), by=by))


def tag_all(context: Context, ids: Sequence[str], tag: str | None) -> Outcome:
    """Give each one more tag; one that has it already keeps it. InvalidInput without a tag."""
    if tag is None:
        raise InvalidInput("tag", tag, "a tag")

    def add(run_id: str) -> None:
        tags = get_view(context, run_id).run.tags
        if tag not in tags and len(tags) >= MAX_TAGS:
            raise InvalidInput("tags", len(tags) + 1, f"at most {MAX_TAGS}")
        relabel(context, run_id, LabelRequest(tags=list(dict.fromkeys((*tags, tag)))))

    return _each(ids, add)


def _each(ids: Sequence[str], work: Callable[[str], object]) -> Outcome:
    outcome = Outcome()
    for run_id in dict.fromkeys(ids):
        try:
            work(run_id)
        except HeadwayError as error:
            outcome.left[run_id] = str(error)
        else:
            outcome.done.append(run_id)
    return outcome
