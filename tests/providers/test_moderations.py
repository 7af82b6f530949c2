"""What is to be judged: checked before anything looks at it."""

import pytest

from gateway.errors import BadRequest
from gateway.model import Endpoint
from tests.providers.minimal import call_for


@pytest.mark.parametrize("kind", [[], {}, 5, None, True])
def test_a_part_has_a_type_that_is_text(kind: object) -> None:
    """Any other is refused by its place."""
    with pytest.raises(BadRequest) as refused:
        call_for(Endpoint.MODERATIONS, {"input": ["one", {"type": kind, "text": "two"}]})
    assert (refused.value.param, refused.value.code) == ("input[1].type", "invalid_type")
