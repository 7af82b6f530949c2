"""Which slot a command belongs to, and reading who holds what."""

import pytest

from gateway.store.shards import prefixes
from gateway.store.slots import place_of, read_ranges, read_redirect, slot_of_command, slot_of_key

ASKED = ("10.0.0.9", 6379)


def test_a_shard_has_one_slot_whatever_follows():
    """All keys of a shard share a slot, and the shards are spread over many."""
    assert len({slot_of_key(f"{shard}{rest}") for shard in prefixes() for rest in ("L", "b:u:1")}) == 256
    assert slot_of_key("123456789") == slot_of_key(b"123456789") == 0x31C3  # the specification's own example


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("GET", "{q1}:b"), "{q1}:b"),
        (("HSCAN", b"{q1}:u", 0, "COUNT", 10), "{q1}:u"),
        (("EVAL", "return 1", 1, "{q1}:b", "x"), "{q1}:b"),
        (("XINFO", "STREAM", "{q1}:E"), "{q1}:E"),
        (("PING",), None),
        (("TIME",), None),
        (("INFO", "server"), None),
        (("CONFIG GET", "save"), None),
        (("CLUSTER SLOTS",), None),
        (("SCAN", 0, "MATCH", "{q*"), None),
    ],
)
def test_a_command_goes_where_its_key_lives(command, key):
    """The key is the second word, but for a few commands; some have none."""
    assert slot_of_command(command) == (None if key is None else slot_of_key(key))


def test_the_map_of_slots_is_read():
    """Ranges come in order; a server that does not know its own host is where it was asked."""
    reply = [
        [8192, 16383, [b"10.0.0.2", 7001, b"id", []], [b"10.0.0.3", 7002, b"id", []]],
        [0, 8191, [None, 7000, b"id", []]],
    ]
    assert read_ranges(reply, ASKED) == ((0, 8191, ("10.0.0.9", 7000)), (8192, 16383, ("10.0.0.2", 7001)))


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ("MOVED 3999 127.0.0.1:6381", ("127.0.0.1", 6381)),
        ("ASK 3999 store-2.example:6381", ("store-2.example", 6381)),
        ("MOVED 3999 ::1:6381", ("::1", 6381)),
        ("MOVED 3999 :6381", ("10.0.0.9", 6381)),
        ("MOVED 3999 ?:6381", ("10.0.0.9", 6381)),
    ],
)
def test_a_redirect_names_a_place(reply, place):
    """Without a host it is the one that was asked, on another port."""
    assert read_redirect(reply, ASKED) == place
    assert place_of("", 1, ASKED) == ("10.0.0.9", 1)
