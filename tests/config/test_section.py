"""Sections and the way to them."""

from typing import Annotated

import pytest

from gateway.config.accounts import ModelSection
from gateway.config.findings import Path
from gateway.config.schema import Document, KeySection, ServerSection
from gateway.config.section import Section, bare_type, entry_type, section_at


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ((), Document),
        (("server",), ServerSection),
        (("keys", 3), KeySection),
        (("providers", "any", "models", "any"), ModelSection),
        (("keys",), None),
        (("server", "port"), None),
        (("nowhere",), None),
        (("server", "port", "deeper"), None),
    ],
)
def test_section_at(path: Path, section: type[Section] | None) -> None:
    """A path through settings, names and positions leads to the section there."""
    assert section_at(Document, path) is section


def test_types() -> None:
    """What a setting holds is found behind `| None` and `Annotated`."""
    assert bare_type(Annotated[int, "x"] | None) is int
    assert entry_type(dict[str, int]) is int
    assert entry_type(tuple[int, ...]) is int
    assert entry_type(int) is None
