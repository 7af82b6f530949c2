"""The one spelling of a GUID."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.guid import parse_guid

GUID = "abcdefab-cdef-4abc-8def-abcdefabcdef"


@pytest.mark.parametrize(
    "text", [GUID, GUID.upper(), GUID.replace("-", ""), f"{{{GUID}}}", f"{{{GUID.replace('-', '')}}}"]
)
def test_every_usual_spelling_becomes_one(text: str) -> None:
    """Capitals, missing hyphens and braces make no difference."""
    assert parse_guid(text) == GUID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        GUID[1:],
        GUID + "0",
        f"{{{GUID}",
        f"{GUID}}}",
        f"urn:uuid:{GUID}",
        f" {GUID}",
        f"{GUID}\n",
        "abcdefab-cdef4abc-8defabcdefabcdef",
        "2" * 31 + "\u0662",
    ],
)
def test_all_else_is_none(text: str) -> None:
    """What only resembles a GUID is none."""
    assert parse_guid(text) is None


@given(st.uuids())
def test_any_guid_is_itself(guid: object) -> None:
    """The canonical spelling is a fixed point."""
    assert parse_guid(str(guid)) == str(guid)
