"""One set of vocabularies for the whole room: they take a second to read."""

from collections.abc import AsyncIterator

import pytest

from gateway.tokens import Counter, Vocabularies
from gateway.tokens.constants import CL100K, O200K
from gateway.tokens.text import Encoding


@pytest.fixture(scope="session")
def vocabularies() -> Vocabularies:
    """Both vocabularies, read."""
    vocabularies = Vocabularies()
    assert vocabularies.load(O200K), vocabularies.reason(O200K)
    assert vocabularies.load(CL100K), vocabularies.reason(CL100K)
    return vocabularies


@pytest.fixture(scope="session")
def o200k(vocabularies: Vocabularies) -> Encoding:
    """o200k_base."""
    found = vocabularies.get(O200K)
    assert found
    return found


@pytest.fixture(scope="session")
def cl100k(vocabularies: Vocabularies) -> Encoding:
    """cl100k_base."""
    found = vocabularies.get(CL100K)
    assert found
    return found


@pytest.fixture(params=[O200K, CL100K])
def encoding(request: pytest.FixtureRequest, vocabularies: Vocabularies) -> Encoding:
    """Each vocabulary in turn."""
    found = vocabularies.get(request.param)
    assert found
    return found


@pytest.fixture
async def counter(vocabularies: Vocabularies) -> AsyncIterator[Counter]:
    """Give a counter with both vocabularies."""
    counter = Counter(vocabularies)
    yield counter
    counter.close()
