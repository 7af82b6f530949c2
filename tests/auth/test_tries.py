"""Tries: so many a minute for each address, and a bounded memory of who made them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.tries import MINUTE, MOST_BLOCKS, Tries, block_of

A_MINUTE = 6


def test_so_many_in_a_minute() -> None:
    """As many as are allowed may come at once; then one for each share of the minute."""
    tries = Tries()
    for _ in range(A_MINUTE):
        assert tries.wait_seconds("a", 0, A_MINUTE) == 0
        tries.note("a", 0, A_MINUTE)
    assert tries.wait_seconds("a", 0, A_MINUTE) == MINUTE / A_MINUTE
    assert tries.wait_seconds("a", MINUTE / A_MINUTE, A_MINUTE) == 0
    assert tries.wait_seconds("b", 0, A_MINUTE) == 0


def test_who_goes_on_waits_until_it_has_paused_a_minute() -> None:
    """Tries that are refused count too, and no flood is remembered for longer than a pause of a minute."""
    tries = Tries()
    for _ in range(100_000):
        tries.note("a", 0, A_MINUTE)
    assert tries.wait_seconds("a", 0, A_MINUTE) == MINUTE + MINUTE / A_MINUTE
    assert tries.wait_seconds("a", MINUTE, A_MINUTE) == MINUTE / A_MINUTE
    assert tries.wait_seconds("a", MINUTE + MINUTE / A_MINUTE, A_MINUTE) == 0


def test_it_is_calm_until_somebody_has_had_its_tries() -> None:
    """Nobody is looked up before that, nor once that has passed."""
    tries = Tries()
    for _ in range(A_MINUTE - 1):
        tries.note("a", 0, A_MINUTE)
        assert tries.is_calm(0)
    tries.note("a", 0, A_MINUTE)
    assert not tries.is_calm(0)
    assert tries.is_calm(MINUTE / A_MINUTE)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=60),
    st.integers(1, 20),
)
def test_nobody_who_waits_is_overlooked_while_it_is_calm(steps: list[tuple[str, float]], per_minute: int) -> None:
    """Calm means that nobody has to wait; and nobody ever has to for longer than a pause of a minute and a share."""
    tries, now = Tries(), 0.0
    for block, seconds in steps:
        now += seconds
        tries.note(block, now, per_minute)
        waits = [tries.wait_seconds(one, now, per_minute) for one in "abc"]
        assert max(waits) <= MINUTE + MINUTE / per_minute + 1e-6
        assert not tries.is_calm(now) or max(waits) <= 1e-6


def test_its_memory_is_bounded() -> None:
    """Beyond the most, who tried longest ago is forgotten, and who goes on is not."""
    tries = Tries()
    for _ in range(A_MINUTE):
        tries.note("first", 0, A_MINUTE)
    for number in range(MOST_BLOCKS * 2):
        tries.note(f"block {number}", 0, A_MINUTE)
        if number % 1_000 == 0:
            tries.note("first", 0, A_MINUTE)
    assert len(tries) == MOST_BLOCKS
    assert tries.wait_seconds("first", 0, A_MINUTE) > 0


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::ffff", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("nonsense" * 100, "nonsense" * 8),
    ],
)
def test_an_address_counts_as_a_block(address: str, block: str) -> None:
    """One customer's IPv6 addresses are one, and IPv4 is the same in either clothing."""
    assert block_of(address) == block
