"""The dialects there are."""

from gateway.model import Endpoint
from gateway.providers import DIALECTS


def test_the_dialects() -> None:
    """Each dialect of the configuration has an object that answers for its wire format."""
    assert set(DIALECTS) == {"openai", "demo"}


def test_every_endpoint_is_answered() -> None:
    """No endpoint is without a path, in any dialect."""
    assert all(dialect.path(endpoint).startswith("/") for dialect in DIALECTS.values() for endpoint in Endpoint)
