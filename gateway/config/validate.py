"""Owns the border to pydantic: from the tree of text to a `Document`, and from its errors to plain words with a place.

The rule that matters: pydantic's own messages and inputs go no further, for they repeat values.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.config.findings import Findings, Path
from gateway.config.schema import Document
from gateway.config.section import section_at
from gateway.config.tree import Value

_WORDS: Mapping[str, str] = {
    "missing": "is required",
    "model_type": "must be a mapping of settings (`name: value`)",
    "dict_type": "must be a mapping (`name: value`)",
    "tuple_type": "must be a list (`- entry` or `[entry, ...]`)",
    "too_short": "must not be empty",
}
# What other entries refer to: an entry that is lost here makes references to it look wrong.
_REFERRED = frozenset({"providers", "purposes", "companies", "users", "agents", "keys"})


def validate(tree: Value, findings: Findings) -> Document | None:
    """Give the document, noting what is wrong with it.

    With settings that are wrong but could be left out, the document is the one without them, so that further checks can
    run; None when it cannot be made.
    """
    try:
        return Document.model_validate(tree)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    for detail in details:
        _note(detail, findings)
    paths = [_removable(_path(detail)) for detail in details]
    try:
        return None if None in paths else Document.model_validate(_without(tree, {path for path in paths if path}))
    except ValidationError:
        return None


def _note(detail: ErrorDetails, findings: Findings) -> None:
    path = _path(detail)
    if findings.is_covered(path):
        return
    at_key = detail["type"] == "extra_forbidden" or detail["loc"][-1:] == ("[key]",)
    findings.add(path, _words(detail, path), findings.keys.get(path) if at_key else None)


def _words(detail: ErrorDetails, path: Path) -> str:
    if detail["type"] == "extra_forbidden":
        section = section_at(Document, path[:-1])
        known = [field.alias or name for name, field in section.model_fields.items()] if section else []
        return f"is no setting; here may stand: {', '.join(known)}"
    return _WORDS.get(detail["type"], detail["msg"] if detail["type"] == "words" else "is not allowed here")


def _path(detail: ErrorDetails) -> Path:
    path = detail["loc"]
    return path[:-1] if path[-1:] == ("[key]",) else path


def _removable(path: Path) -> Path | None:
    """Give what to leave out so that the rest can be judged: never a list's entry, for the others would move up."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    is_entry = len(path) <= 2 and path[:1] and path[0] in _REFERRED  # noqa: PLR2004  # section and name
    return None if is_entry or not path else path


def _without(tree: Any, paths: set[Path]) -> Any:
    """Copy the tree without what stands at `paths`."""

    def copy(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {name: copy(child, (*path, name)) for name, child in value.items() if (*path, name) not in paths}
        if isinstance(value, list):
            return [copy(child, (*path, index)) for index, child in enumerate(value)]
        return value

    return copy(tree, ())
