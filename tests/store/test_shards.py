"""Which shard a company lives in."""

import pytest

from gateway.store import shards


@pytest.mark.parametrize(
    ("company_id", "prefix"),
    [
        ("11111111-1111-4111-8111-111111111111", "{q192}:"),
        ("acme", "{q62}:"),
        ("società", "{q6}:"),
        ("", "{q0}:"),
    ],
)
def test_a_company_never_moves(company_id, prefix):
    """A company's prefix is the same in every version of the program."""
    assert shards.prefix(company_id) == prefix


def test_every_prefix_is_known_by_name():
    """Background work can name all 256 shards, and no company lives elsewhere."""
    assert len(set(shards.prefixes())) == 256
    assert {shards.prefix(f"company-{n}") for n in range(5000)} == set(shards.prefixes())
