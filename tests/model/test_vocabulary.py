"""What the values of the vocabulary derive, and that a secret stays one."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Budget, Enforcement, Level, Lifetime, ModelSpec, Provider, Scope, Secret, Unit
from gateway.model.guid import parse_guid

BUDGET = Budget("b", "b", Scope.COMPANY, "c", Unit.TOKENS, Lifetime(), 100, Enforcement.HARD)
CANARY = "canary-0123456789"


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r}".format, "%s".__mod__, lambda secret: f"{[secret]}"])
def test_a_secret_does_not_show_itself(show: object) -> None:
    """Text made of a secret holds three stars, not the secret."""
    assert callable(show)
    assert CANARY not in show(Secret(CANARY))
    assert "***" in show(Secret(CANARY))


def test_a_secret_stays_one_inside_a_provider() -> None:
    """The text of a provider shows neither its credential nor its extra headers."""
    provider = Provider("p", "openai", "https://p.example", Secret(CANARY), headers=(("x-a", Secret(CANARY)),))
    assert CANARY not in repr(provider)
    assert CANARY not in json.dumps(provider, default=str)


def test_a_secret_is_revealed_by_name_alone() -> None:
    """`reveal()` gives the text; an empty secret is false."""
    assert Secret(CANARY).reveal() == CANARY
    assert Secret(CANARY)
    assert not Secret("")


@pytest.mark.parametrize(
    ("api_key", "is_off"), [(None, False), (Secret(""), True), (Secret("k"), False)], ids=["none", "empty", "given"]
)
def test_a_provider_is_off_without_the_credential_it_asks_for(api_key: Secret | None, is_off: bool) -> None:
    """A credential that expanded to nothing turns a provider off; one that asks for none is on."""
    assert Provider("p", "openai", "https://p.example", api_key).is_off is is_off


@pytest.mark.parametrize(("name", "is_pattern"), [("gpt-4o", False), ("gpt-4o*", True), ("*", True)])
def test_a_star_makes_a_pattern(name: str, is_pattern: bool) -> None:
    """A model's name with a star stands for several models."""
    assert ModelSpec(name).is_pattern is is_pattern


@pytest.mark.parametrize(
    ("limit", "used", "held", "remaining"),
    [(100, 0, 0, 100), (100, 60, 30, 10), (100, 60, 40, 0), (100, 150, 0, 0), (0, 0, 0, 0), (-1, 10**9, 5, None)],
)
def test_what_remains_is_neither_used_nor_held(limit: int, used: int, held: int, remaining: int | None) -> None:
    """Remaining is limit - used - held, never negative, and None where there is no limit."""
    level = Level(replace(BUDGET, limit=limit), limit, used, held, resets_at_ms=None)
    assert level.remaining == remaining


@given(st.uuids(), st.sampled_from(["{}", "{{{}}}"]), st.booleans(), st.booleans())
def test_a_guid_has_one_spelling(guid: UUID, frame: str, hyphens: bool, upper: bool) -> None:
    """However a GUID is written, it is read as lower case with hyphens."""
    text = frame.format(guid if hyphens else guid.hex)
    assert parse_guid(text.upper() if upper else text) == str(guid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "urn:uuid:11111111-1111-4111-8111-111111111111",
        "1111-11111111-4111-8111-111111111111",
        "{11111111-1111-4111-8111-111111111111",
        "11111111-1111-4111-8111-111111111111\n",
        "11111111_1111_4111_8111_111111111111",
        "\N{ARABIC-INDIC DIGIT ONE}" * 32,
    ],
)
def test_what_is_not_a_guid_is_none(text: str) -> None:
    """Nearly a GUID is no GUID."""
    assert parse_guid(text) is None
