from __future__ import annotations

import inspect
import pickle

import pytest

from headway.domain import errors
from headway.domain.errors import HeadwayError, InvalidInput

_TREE = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, HeadwayError) and found.__module__ == errors.__name__
]


def _make(kind: type[HeadwayError]) -> HeadwayError:
    if kind is InvalidInput:
        return InvalidInput("steps", 0, "at least 1", remedy="Give more")
    parameters = inspect.signature(kind.__init__).parameters.values()
    options = {
        p.name: 7 if p.name == "retry_after_s" else "word" for p in parameters if p.kind is p.KEYWORD_ONLY
    }
    return kind("what went wrong", **options)


def test_the_tree_drawn_at_the_head_of_the_file_names_every_error() -> None:
    drawn = errors.__doc__ or ""
    assert len(_TREE) > 10
    assert [kind.__name__ for kind in _TREE if kind.__name__ not in drawn] == []


@pytest.mark.parametrize("kind", _TREE)
def test_an_error_crosses_a_process_whole(kind: type[HeadwayError]) -> None:
    error = _make(kind)
    back = pickle.loads(pickle.dumps(error))

    assert type(back) is kind
    assert str(back) == str(error)
    assert vars(back) == vars(error)
    assert back.args == error.args


def test_an_invalid_input_names_field_value_bound_and_remedy() -> None:
    error = InvalidInput("steps", 0, "at least 1", remedy="Give more")

    assert str(error) == "steps = 0 is not allowed: at least 1. Give more"
    assert (error.field, error.value, error.bound, error.remedy) == ("steps", 0, "at least 1", "Give more")
    assert str(InvalidInput("steps", 0, "at least 1")) == "steps = 0 is not allowed: at least 1"


def test_a_long_value_is_shortened_in_the_message_but_kept() -> None:
    error = InvalidInput("notes", "x" * 5000, "at most 2000 letters")

    assert len(str(error)) < 150
    assert error.value == "x" * 5000
