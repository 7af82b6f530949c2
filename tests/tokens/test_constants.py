"""The table of provider facts holds together."""

import pytest

from gateway.model import Endpoint
from gateway.tokens.constants import FAMILIES, PIECE_CHARACTERS, ROLES, UNKNOWN, Family
from gateway.tokens.text import Encoding, count


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_is_one_token(encoding: Encoding, role: str) -> None:
    """Every role that counts as one token is one."""
    assert count(encoding, role) == 1


def test_the_unknown_is_the_last_and_the_largest() -> None:
    """What matches nothing else is multiplied by the largest number of the table."""
    assert FAMILIES[-1] is UNKNOWN
    assert UNKNOWN.multiplier == max(family.multiplier for family in FAMILIES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_rows_are_honest(family: Family) -> None:
    """No row lowers a count, a formula has no multiplier, and tools never cost less than none."""
    plain = family.added_tokens(Endpoint.CHAT, has_tools=False)
    assert family.multiplier == 1 if family.formula else family.multiplier >= 1
    assert 0 <= plain <= family.added_tokens(Endpoint.CHAT, has_tools=True)
    assert 0 <= family.added_tokens(Endpoint.EMBEDDINGS, has_tools=False) <= plain or family.formula


def test_a_piece_is_far_from_the_panic() -> None:
    """Tiktoken 0.14 panics on about a million spaces; no piece comes near."""
    assert PIECE_CHARACTERS < 100_000
