from __future__ import annotations

import pytest

from headway.domain.reasons import RULES, Reason, rule_of
from headway.domain.states import TERMINAL, State


def test_every_reason_has_a_rule_and_every_rule_a_reason() -> None:
    assert set(RULES) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_leads_to_an_end_with_a_text_and_a_remedy(reason: Reason) -> None:
    rule = rule_of(reason)

    assert rule.end in TERMINAL
    for sentence in (rule.text, rule.remedy):
        assert sentence.endswith(".")
        assert sentence[0].isupper()


def test_only_what_was_lost_without_fault_of_the_run_is_tried_again() -> None:
    retried = {reason for reason in Reason if rule_of(reason).retried}

    assert retried == {Reason.SUPERVISOR_LOST, Reason.HOST_UNREACHABLE, Reason.SERVER_SHUTDOWN}
    assert all(rule_of(reason).end is State.FAILED for reason in retried)


def test_a_run_is_done_by_completing_or_stopping_early_alone() -> None:
    ends = {reason: rule_of(reason).end for reason in Reason}

    done = {reason for reason, end in ends.items() if end is State.DONE}
    assert done == {Reason.COMPLETED, Reason.STOPPED_EARLY}
    assert [reason for reason, end in ends.items() if end is State.CANCELLED] == [Reason.CANCELLED_BY_USER]


def test_texts_are_told_apart() -> None:
    texts = [rule.text for rule in RULES.values()]
    assert len(set(texts)) == len(texts)
