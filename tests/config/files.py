"""Whole configuration files made of a small valid one, and what loading them gives.

In a text that must be refused, `»` stands where the problem is expected.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.config import Config, load
from gateway.errors import ConfigError, Problem

ROOT = Path(__file__).parents[2]
MARK = "»"
ACME = "11111111-1111-4111-8111-111111111111"
GLOBEX = "22222222-2222-4222-8222-222222222222"
ADA = "33333333-3333-4333-8333-333333333333"
BOB = "44444444-4444-4444-8444-444444444444"
DESK = "55555555-5555-4555-8555-555555555555"
KEY = "a-perfectly-fine-key"

BASE = {
    "providers": "providers: {demo: {dialect: demo, models: {demo: {}}}}",
    "companies": f"companies: [{{id: {ACME}, name: acme}}, {{id: {GLOBEX}, name: globex}}]",
    "users": f"users: [{{id: {ADA}, name: ada, company: acme}}]",
    "agents": f"agents: [{{id: {DESK}, name: desk, company: acme}}]",
    "keys": f"keys: [{{name: laptop, key: {KEY}, company: acme, user: ada}}]",
}


def document(*sections: str) -> str:
    """Give the small valid file with each of `sections` in the place of its namesake, or at the end."""
    lines = dict(BASE)
    for section in sections:
        lines[section.lstrip(MARK).partition(":")[0]] = section
    return "\n".join(lines.values()) + "\n"


def load_bytes(content: bytes, env: Mapping[str, str] | None = None, **overrides: str | int | None) -> Config:
    """Load a file of these bytes; it is called `config.yaml`."""
    with TemporaryDirectory() as directory:
        path = Path(directory, "config.yaml")
        path.write_bytes(content)
        return load(path, env or {}, **overrides)  # type: ignore[arg-type]


def load_text(text: str, env: Mapping[str, str] | None = None, **overrides: str | int | None) -> Config:
    """Load a file of this text."""
    return load_bytes(text.encode("utf-8", "surrogatepass"), env, **overrides)


def refusal(text: str, env: Mapping[str, str] | None = None, **overrides: str | int | None) -> list[Problem]:
    """Give the problems of a text that must be refused."""
    with pytest.raises(ConfigError) as caught:
        load_text(text, env, **overrides)
    return caught.value.problems


def outcome(text: str, env: Mapping[str, str] | None = None) -> Config | ConfigError:
    """Give what a text becomes: a configuration or its refusal; anything else is raised."""
    try:
        return load_text(text, env)
    except ConfigError as error:
        return error


def unmarked(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """Give the text without its marks, and the line and column of what stood behind each."""
    *before, last = marked.split(MARK)
    text, places = "", []
    for part in before:
        text += part
        places.append((text.count("\n") + 1, len(text) - text.rfind("\n")))
    return text + last, places


def assert_refused(section: str, fragment: str, env: Mapping[str, str] | None = None, *others: str) -> None:
    """Assert that `section` has exactly one problem, at its mark, with `fragment` in its path or words."""
    text, places = unmarked(document(section, *others))
    problems = refusal(text, env)
    assert [(problem.line, problem.column) for problem in problems] == places
    assert fragment in f"{problems[0].path}: {problems[0].message}"
