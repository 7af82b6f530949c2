"""The table from foreign errors to ours."""

import pytest
from redis import exceptions

from gateway.errors import StoreUnavailable
from gateway.store.border import CommandRefused, outage, refusal, translate


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


@pytest.mark.parametrize(
    ("reply", "kind"),
    [("LOADING x", StoreUnavailable), ("NOAUTH x", StoreUnavailable), ("WRONGTYPE x", CommandRefused)],
)
def test_an_error_reply_is_an_outage_or_a_mistake(reply, kind):
    """The first word decides: the server's state, our credentials, or the command."""
    assert isinstance(refusal(reply), kind)
    assert (outage(reply) is None) == (not reply.startswith("LOADING"))
