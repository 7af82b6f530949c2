"""The three tables of wire languages agree with each other."""

from gateway.model import DIALECT_WIRES, Endpoint, Wire
from gateway.providers import DIALECTS, ERRORS, FORMATS


def test_the_tables_are_whole() -> None:
    """Each dialect of the configuration, each operation and each language has who answers for it."""
    assert (set(DIALECTS), set(FORMATS), set(ERRORS)) == (set(DIALECT_WIRES), set(Endpoint), set(Wire))


def test_a_dialect_takes_its_own_language() -> None:
    """No account takes an operation of another wire language: bytes pass through."""
    assert all(
        endpoint.wire is DIALECT_WIRES[name] for name, dialect in DIALECTS.items() for endpoint in dialect.ENDPOINTS
    )
