"""The table from foreign errors to ours."""

import pytest
from redis import exceptions

from gateway.errors import StoreUnavailable
from gateway.store.border import STATES, CommandRefused, Meaning, is_never_run, outage, refusal, translate


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)]
)
def test_every_error_of_the_library_becomes_one_of_ours(kind):
    """No class of redis-py passes, and none of its words do."""
    if not issubclass(kind, exceptions.RedisError | OSError):
        return
    error = kind("1 words:1")  # a place to go to, for those that name one
    ours = translate(error)
    assert isinstance(ours, StoreUnavailable | CommandRefused)
    assert "words" not in str(ours)


@pytest.mark.parametrize("code", [code for code in STATES if code != "NOSCRIPT"])
def test_a_state_is_an_outage_in_our_words(code):
    """Each row of the table is an outage, to a caller and inside a script; only those that moved are sent again."""
    meaning, words = STATES[code]
    for ours in (refusal(f"{code} words:1 of the server"), outage(f"{code} words:1 of the server")):
        assert isinstance(ours, StoreUnavailable)
        assert words in ours.message
        assert "of the server" not in ours.message
        assert ours.headers == {"Retry-After": "1"}
    assert is_never_run(code) == (meaning is Meaning.RETRY)


@pytest.mark.parametrize(
    "reply",
    [
        "ERR max number of clients reached",
        "ERR ACL failure in script: User gw has no permissions",
        "ERR The user executing the script can't run this command or subcommand",
    ],
)
def test_some_errors_without_a_kind_are_outages(reply):
    """Too many clients, and a permission that a script lacks, say so in words only."""
    assert isinstance(outage(reply), StoreUnavailable)


@pytest.mark.parametrize(
    "reply", ["WRONGTYPE x", "ERR syntax error", "CROSSSLOT Keys in request", "NOSCRIPT No matching", "LOADINGX y"]
)
def test_anything_else_is_a_mistake_of_ours(reply):
    """The command is at fault, not the server."""
    assert outage(reply) is None
    assert isinstance(refusal(reply), CommandRefused)
