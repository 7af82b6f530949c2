"""The fields of a change: what is taken, what is refused in which words. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.chat_quota.bodies import Form
from gateway.api.chat_quota.fields import MOST_TOKENS, Change, read_asked, read_change
from gateway.api.chat_quota.words import InvalidFields
from gateway.model import Period

USER = "22222222-2222-4222-8222-22222222aaaa"
INVALID = "A valid integer is required."
SPELLINGS = (USER, USER.upper(), USER.replace("-", ""), USER.replace("-", "").upper(), f"{{{USER}}}")


def problems(data: Any) -> dict[str, list[str]]:
    """Give what is wrong with a body."""
    with pytest.raises(InvalidFields) as refusal:
        read_change(data)
    return dict(refusal.value.problems)


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        (None, None), (0, 0), (-1, -1), (123, 123), (MOST_TOKENS, MOST_TOKENS), ("123", 123), ("-1", -1), ("1.0", 1),
        ("1.", 1), ("1.000 ", 1), (" 12 ", 12), ("+5", 5), ("1_000", 1000), ("٣", 3), (1.0, 1), (-0.0, 0), (1e3, 1000),
        (-1.0, -1),
    ],
)  # fmt: skip
def test_a_limit_is_taken(value: Any, limit: int | None) -> None:
    """Whole numbers, as numbers or as text; null clears."""
    assert read_change({"user_uuid": USER, "weekly_limit": value}) == Change(USER, {Period.WEEK: limit})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *((value, INVALID) for value in (True, False, 1.5, "1.5", "abc", "", [], [1], {}, "0x10", ".0", "1e3", 1e16)),
        *((value, INVALID) for value in ("NaN", "True", "None", "- 1", "1__0", "_1", "1 2", "\u22121", "1,000")),
        *((value, "Ensure this value is greater than or equal to -1.") for value in (-2, "-2", -2.0, -(10**300))),
        *((value, f"Ensure this value is less than or equal to {MOST_TOKENS}.") for value in (2**31, "9" * 999)),
        ("1" * 1001, "String value too large."),
    ],
)
def test_what_is_no_limit_is_refused(value: Any, words: str) -> None:
    """Booleans, fractions, lists and words are no integers; an integer fits 32 bits and is at least -1."""
    assert problems({"user_uuid": USER, "daily_limit": value}) == {"daily_limit": [words]}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_user_has_one_id_however_it_is_spelled(spelling: str) -> None:
    """32 hex digits or hyphens, in either case, name the same user."""
    assert read_change({"user_uuid": spelling}) == Change(USER, {})
    assert read_asked(spelling) == USER


@pytest.mark.parametrize(
    "value", ["", "x", f" {USER}", f"{USER}\n", f"urn:uuid:{USER}", USER[:-1], 5, True, [USER], {}]
)
def test_what_is_no_uuid_is_refused(value: Any) -> None:
    """No other spelling, no number."""
    assert problems({"user_uuid": value}) == {"user_uuid": ["Must be a valid UUID."]}


def test_a_user_has_to_be_named() -> None:
    """A change without a user, or for null, says so."""
    assert problems({"daily_limit": 1}) == {"user_uuid": ["This field is required."]}
    assert problems({"user_uuid": None}) == {"user_uuid": ["This field may not be null."]}


def test_all_that_is_wrong_is_told_at_once() -> None:
    """One answer names every bad field, in the order of the API."""
    found = problems({"monthly_limit": "x", "weekly_limit": -2, "daily_limit": 5, "user_uuid": 7})
    assert list(found) == ["user_uuid", "weekly_limit", "monthly_limit"]


def test_what_is_left_out_is_not_in_the_change() -> None:
    """Only the fields that are present count."""
    body = {"user_uuid": USER, "daily_limit": 5, "monthly_limit": None}
    assert read_change(body) == Change(USER, {Period.DAY: 5, Period.MONTH: None})


def test_a_field_that_does_not_exist_is_named() -> None:
    """A misspelt limit is told, and nothing is changed."""
    assert problems({"user_uuid": USER, "dayly_limit": 4}) == {"dayly_limit": ["Unknown field."]}


def test_a_blank_field_of_a_form_clears() -> None:
    """A form cannot write null: blank stands for it where null may stand."""
    assert read_change(Form(user_uuid=USER, daily_limit="", weekly_limit="7")).limits == {
        Period.DAY: None,
        Period.WEEK: 7,
    }
    assert problems(Form(user_uuid="", daily_limit="null")) == {
        "user_uuid": ["Must be a valid UUID."],
        "daily_limit": [INVALID],
    }


@pytest.mark.parametrize(("data", "kind"), [([], "list"), ("x", "str"), (5, "int"), (1.5, "float"), (True, "bool")])
def test_a_body_is_an_object(data: Any, kind: str) -> None:
    """Any other JSON value is refused by its type."""
    assert problems(data) == {"non_field_errors": [f"Invalid data. Expected a dictionary, but got {kind}."]}


def test_null_is_no_body() -> None:
    """A JSON null has words of its own."""
    assert problems(None) == {"non_field_errors": ["No data provided"]}


@pytest.mark.parametrize("text", [None, ""])
def test_a_blank_query_names_nobody(text: str | None) -> None:
    """Left out or blank, the caller's own quota is meant."""
    assert read_asked(text) is None


def test_a_query_that_is_no_uuid_is_refused() -> None:
    """In the same words as in a body."""
    with pytest.raises(InvalidFields) as refusal:
        read_asked("nobody")
    assert refusal.value.problems == {"user_uuid": ["Must be a valid UUID."]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
limits = st.dictionaries(st.sampled_from(["daily_limit", "weekly_limit", "monthly_limit"]), json_values)


def change_or_problems(data: Any) -> Change | Mapping[str, Sequence[str]]:
    """Give what comes out of a body."""
    try:
        return read_change(data)
    except InvalidFields as refusal:
        return refusal.problems


@given(json_values | limits.map(lambda fields: {"user_uuid": USER} | fields))
def test_any_body_is_a_change_or_names_what_is_wrong(data: Any) -> None:
    """Nothing else comes out: a change of limits that can be stored, or problems."""
    outcome = change_or_problems(data)
    if isinstance(outcome, Change):
        assert outcome.user_id == USER
        assert all(limit is None or -1 <= limit <= MOST_TOKENS for limit in outcome.limits.values())
    else:
        assert outcome
        assert all(words and all(words) for words in outcome.values())


@given(st.integers(-1, MOST_TOKENS))
def test_every_spelling_of_a_number_is_that_number(limit: int) -> None:
    """As a number, as text, with a point and zeros."""
    for spelling in (limit, str(limit), f"{limit}.0", f" {limit}.00 ", float(limit)):
        assert read_change({"user_uuid": USER, "daily_limit": spelling}).limits == {Period.DAY: limit}
