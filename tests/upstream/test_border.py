"""The table from foreign errors to ours."""

import socket
import ssl

import aiohttp
import pytest
from aiohttp import client_exceptions

from gateway.errors import UpstreamBroken, UpstreamError, UpstreamSilent, UpstreamUnreachable
from gateway.upstream.border import DIALLING, RULES, Border, Rule, translate
from gateway.upstream.connection import NotHttp

FOREIGN = [kind for kind in vars(client_exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_the_table_knows_every_error_of_aiohttp(kind: type[Exception]) -> None:
    """No error class of the client library passes the border untranslated."""
    assert not issubclass(kind, aiohttp.ClientError) or any(issubclass(kind, rule.foreign) for rule in RULES)


@pytest.mark.parametrize("rules", [RULES, DIALLING], ids=["exchange", "dialling"])
def test_no_rule_is_shadowed(rules: tuple[Rule, ...]) -> None:
    """A class stands before its bases, or it would never match."""
    for at, rule in enumerate(rules):
        assert not any(issubclass(rule.foreign, earlier.foreign) for earlier in rules[:at])


@pytest.mark.parametrize(
    ("error", "ours", "sent"),
    [
        (aiohttp.SocketTimeoutError(), UpstreamSilent, True),
        (TimeoutError(), UpstreamSilent, True),
        (aiohttp.ServerDisconnectedError(), UpstreamBroken, True),
        (aiohttp.ClientOSError(104, "reset"), UpstreamBroken, True),
        (aiohttp.ClientConnectionResetError(), UpstreamBroken, True),
        (ssl.SSLError("late alert"), UpstreamBroken, True),
        (NotHttp("x"), UpstreamBroken, True),
    ],
)
def test_errors_are_translated(error: Exception, ours: type[UpstreamError], *, sent: bool) -> None:
    """The class and `sent` follow from what is known about the moment of the failure."""
    translated = translate("far", error)
    assert (type(translated), translated is not None and translated.sent) == (ours, sent)


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ssl.SSLCertVerificationError(),
        ssl.SSLError(),
        socket.gaierror(),
        OSError(111, "x"),
        ValueError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_nothing_was_sent_while_dialling(error: Exception) -> None:
    """Whatever stands in the way of a connection, no byte of the request has left."""
    translated = translate("far", error, DIALLING)
    assert isinstance(translated, UpstreamUnreachable)
    assert not translated.sent


@pytest.mark.parametrize("error", [KeyError("bug"), TypeError("bug"), UpstreamSilent("ours", sent=True)])
def test_bugs_and_our_own_errors_pass(error: Exception) -> None:
    """What the table does not know is not dressed up as a provider's failure."""
    with pytest.raises(type(error)) as caught, Border("far"):
        raise error
    assert caught.value is error
