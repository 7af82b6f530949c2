"""How consumption is named, and how few names hostile text can make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Route
from gateway.usage.names import MAX_PART_CHARS, ModelNames, UsageKey, clean, parse_usage_key, usage_key
from tests.usage.charges import COMPANY_ID, DAY_MS, EXACT, LOCAL, NOON_MS, OPENAI, PATTERN

RIVAL_ID = "99999999-9999-4999-8999-999999999999"


def test_a_usage_key_reads_as_designed() -> None:
    """The parts stand in their order; the charge is a dollar sign or nothing."""
    assert usage_key("openai", "chat", "sk-...abcd", "gpt-4o", chargeable=True, purpose="QA") == (
        "openai|chat|sk-...abcd|gpt-4o|$|QA"
    )
    assert usage_key("local", "chat", "sk-...abcd", "llama3", chargeable=False, purpose="DT") == (
        "local|chat|sk-...abcd|llama3||DT"
    )


ANY_TEXT = st.text(st.characters(codec=None), max_size=100)


@given(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT), st.booleans())
def test_a_usage_key_has_five_bars_whatever_its_parts(parts: tuple[str, str, str, str, str], chargeable: bool) -> None:
    """Any text gives a printable key of bounded length that comes apart again into what was counted."""
    provider, endpoint, hint, model, purpose = parts
    key = usage_key(provider, endpoint, hint, model, chargeable=chargeable, purpose=purpose)
    assert key.count("|") == 5
    assert key.isprintable()
    assert len(key.encode()) <= 5 * 4 * MAX_PART_CHARS + 6
    expected = UsageKey(
        clean(provider), clean(endpoint), clean(hint), clean(model), "$" if chargeable else "", clean(purpose)
    )
    assert parse_usage_key(key) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("gpt-4o|$|QA", "gpt-4o$QA"),
        ("a\r\nb\x00\x1b[31mc", "ab[31mc"),
        ("a\u2028b\u202ec\ud800", "abc"),
        ("модель", "модель"),
        ("x" * 1000, "x" * MAX_PART_CHARS),
    ],
)
def test_a_part_is_cleaned(part: str, expected: str) -> None:
    """Bars, controls, line separators, direction marks and lone surrogates vanish; long text is cut."""
    assert clean(part) == expected


@pytest.mark.parametrize("text", ["", "a|b", "a|b|c|d|e|f|g"])
def test_other_text_is_no_usage_key(text: str) -> None:
    """Only five bars make a usage key."""
    with pytest.raises(ValueError, match="not a usage key"):
        parse_usage_key(text)


def requested(model: str) -> Route:
    """Make the route of a model that only a pattern lists."""
    return Route(LOCAL, PATTERN, model)


def test_a_listed_model_goes_by_its_listed_name() -> None:
    """An exact entry names the model, and takes no room from the others."""
    names = ModelNames(most=0)
    assert names.of(Route(OPENAI, EXACT, "gpt-4o-mini"), COMPANY_ID, NOON_MS) == "gpt-4o-mini"


def test_invented_models_are_bounded() -> None:
    """A hundred thousand invented names make as many as allowed, then `other`; the known ones keep theirs."""
    names = ModelNames(most=256)
    given_names = {names.of(requested(f"model-{n}"), COMPANY_ID, NOON_MS) for n in range(100_000)}
    assert given_names == {f"model-{n}" for n in range(256)} | {"other"}
    assert names.of(requested("model-7"), COMPANY_ID, NOON_MS) == "model-7"


def test_a_company_cannot_take_the_names_of_another() -> None:
    """The bound is each company's own."""
    names = ModelNames(most=1)
    assert names.of(requested("a"), COMPANY_ID, NOON_MS) == "a"
    assert names.of(requested("b"), COMPANY_ID, NOON_MS) == "other"
    assert names.of(requested("b"), RIVAL_ID, NOON_MS) == "b"


def test_a_new_day_has_room_again() -> None:
    """The bound is a day's."""
    names = ModelNames(most=1)
    assert names.of(requested("a"), COMPANY_ID, NOON_MS) == "a"
    assert names.of(requested("b"), COMPANY_ID, NOON_MS + DAY_MS) == "b"


def test_a_hostile_model_name_is_cleaned() -> None:
    """Client text becomes a part of a usage key before it is remembered."""
    assert ModelNames().of(requested("a|b\n" + "x" * 1_000_000), COMPANY_ID, NOON_MS) == "ab" + "x" * 62
