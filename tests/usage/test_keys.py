"""The names of the roll-ups' keys."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.store.shards import prefix
from gateway.usage import keys
from tests.usage.charges import ADA, COMPANY_ID, HELPDESK

DAY = date(2026, 11, 21)


def test_every_key_carries_its_companys_shard() -> None:
    """All keys of a call hash to one slot."""
    tag = prefix(COMPANY_ID)
    assert keys.index(COMPANY_ID, DAY) == f"{tag}i:{COMPANY_ID}:20261121"
    assert keys.rollup("u", COMPANY_ID, DAY, keys.pair(ADA, None)) == f"{tag}u:{COMPANY_ID}:20261121:{ADA.id}:-"
    assert keys.credits_hash(COMPANY_ID, DAY) == f"{tag}c:{COMPANY_ID}:20261121"


@pytest.mark.parametrize("user", [ADA, None])
@pytest.mark.parametrize("agent", [HELPDESK, None])
def test_a_pair_comes_apart_again(user: object, agent: object) -> None:
    """What the index says of a user and an agent can be read back."""
    assert keys.parse_pair(keys.pair(user, agent)) == (user and user.id, agent and agent.id)


@pytest.mark.parametrize(
    ("zone", "instant", "expected"),
    [
        ("UTC", datetime(2026, 11, 21, 23, 59, 59, 999_000, UTC), date(2026, 11, 21)),
        ("Europe/Rome", datetime(2026, 11, 21, 23, 0, 0, 0, UTC), date(2026, 11, 22)),
        ("Asia/Kathmandu", datetime(2026, 11, 21, 18, 14, 59, 0, UTC), date(2026, 11, 21)),
        ("Asia/Kathmandu", datetime(2026, 11, 21, 18, 15, 0, 0, UTC), date(2026, 11, 22)),
        ("Europe/Rome", datetime(2026, 10, 25, 22, 59, 59, 0, UTC), date(2026, 10, 25)),
        ("UTC", datetime(2028, 2, 29, 12, 0, 0, 0, UTC), date(2028, 2, 29)),
    ],
)
def test_a_day_is_the_zones(zone: str, instant: datetime, expected: date) -> None:
    """Days turn at the zone's midnight, also where it is 45 minutes off or the clocks change."""
    assert keys.day_of(int(instant.timestamp() * 1000), ZoneInfo(zone)) == expected


@pytest.mark.parametrize("session", ["", "a", "x" * 100_000, "\ud800", "{q1}:u:\r\n"])
def test_a_session_is_kept_as_a_short_digest(session: str) -> None:
    """Client text never becomes part of the store; eight bytes in hex do."""
    digest = keys.session_digest(session)
    assert len(bytes.fromhex(digest)) == 8
    assert digest == keys.session_digest(session)
