"""Owns the table of all settings, made from the schema's own descriptions.

`python -m gateway.config.reference` prints it; `python -m gateway.config.reference docs/configuration.md` puts it
between the marks in that file.
"""

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_origin

from pydantic.fields import FieldInfo

from gateway.config.schema import Document
from gateway.config.section import Section, bare_type, entry_type

BEGIN = "<!-- settings: python -m gateway.config.reference docs/configuration.md -->"
END = "<!-- end of settings -->"
# What stands for the names that the operator chooses.
_ENTRY_NAMES = {"providers": "NAME", "purposes": "CODE", "models": "MODEL", "headers": "HEADER"}


def render() -> str:
    """Give the table in Markdown: setting, default, sentence."""
    rows = [f"| `{name}` | {default} | {sentence} |" for name, default, sentence in _rows(Document, "")]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows]) + "\n"


def insert(page: str) -> str:
    """Give `page` with the table between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{render()}{END}{after}"


def _rows(section: type[Section], prefix: str) -> Iterator[tuple[str, str, str]]:
    for field_name, field in section.model_fields.items():
        name = prefix + (field.alias or field_name)
        kind = bare_type(field.annotation)
        entry = bare_type(entry_type(kind))
        yield name, _default(field), field.description or ""
        if _is_section(kind):
            yield from _rows(kind, f"{name}.")
        elif _is_section(entry):
            step = f".{_ENTRY_NAMES[field_name]}." if get_origin(kind) is dict else "[]."
            yield from _rows(entry, name + step)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or isinstance(value, Section | dict) or value in {"", ()}:
        return ""
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def main() -> None:
    """Print the table, or bring the named page up to date."""
    if len(sys.argv) > 1:
        page = Path(sys.argv[1])
        page.write_text(insert(page.read_text("utf-8")), "utf-8")
    else:
        sys.stdout.write(render())


if __name__ == "__main__":
    main()
