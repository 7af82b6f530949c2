"""The shape of the file."""

from collections.abc import Iterator

import pytest

from gateway.config.reference import render
from gateway.config.section import Section


def sections(of: type[Section] = Section) -> Iterator[type[Section]]:
    """Give every section class."""
    for section in of.__subclasses__():
        yield section
        yield from sections(section)


@pytest.mark.parametrize("section", list(sections()), ids=lambda section: section.__name__)
def test_sections_refuse_what_they_do_not_know(section: type[Section]) -> None:
    """No section takes an unknown setting, and each describes its own."""
    assert section.model_config.get("extra") == "forbid"
    assert all(field.description for field in section.model_fields.values())


def test_what_does_not_exist_yet_is_no_setting() -> None:
    """A setting that would be accepted and ignored is worse than none."""
    table = render()
    assert "| `server.tls` |" not in table
