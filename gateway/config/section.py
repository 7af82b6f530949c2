"""Owns what all sections of the file share, and the way from a path to the section that stands there.

The rule that matters: a setting that no section declares is refused.
"""

from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.config.findings import Path


class Section(BaseModel):
    """A mapping of settings. A setting without a value (`name:`) is as if it were not there."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if value is not None}
        return {} if data is None else data


def setting(default: Any, description: str, *, alias: str | None = None) -> Any:
    """Declare a setting that may be left out; `alias` is its name in the file where Python reserves that word."""
    return Field(default, description=description, alias=alias)


def required(description: str) -> Any:
    """Declare a setting that must be given."""
    return Field(description=description)


def section_at(root: type[Section], path: Path) -> type[Section] | None:
    """Give the section whose settings stand under `path` of a document of type `root`; None where there is none."""
    kind: Any = root
    for part in path:
        if isinstance(kind, type) and issubclass(kind, Section):
            names = {field.alias or name: field for name, field in kind.model_fields.items()}
            kind = names[str(part)].annotation if part in names else None
        else:
            kind = entry_type(kind)
        kind = bare_type(kind)
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def bare_type(kind: Any) -> Any:
    """Take `| None` and `Annotated` off a type."""
    while get_origin(kind) is Annotated or type(None) in get_args(kind):
        kind = get_args(kind)[0]
    return kind


def entry_type(kind: Any) -> Any:
    """Give what a list or mapping holds; None if `kind` is neither."""
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return arguments[1]
    return arguments[0] if get_origin(kind) is tuple else None
