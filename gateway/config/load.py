"""Owns the order of things: read, parse, validate, build; problems of all steps are raised together."""

from collections.abc import Mapping
from pathlib import Path

from gateway.config.build import build
from gateway.config.findings import Findings, Place
from gateway.config.tree import Value, read_tree
from gateway.config.validate import validate
from gateway.config.value import Config

MAX_FILE_BYTES = 2**20
"""A file of this size takes seconds to parse; ours are a few kilobytes."""


def load(path: Path, env: Mapping[str, str], *, host: str | None = None, port: int | None = None) -> Config:
    """Read the configuration at `path`; `host` and `port` win over those of `server`.

    Raises ConfigError with everything that is wrong.
    """
    findings = Findings(str(path))
    tree = _override(read_tree(_read(path, findings), env, findings), host, port)
    document = validate(tree, findings)
    if document is None:
        findings.raise_if_any()
        raise AssertionError("a document that cannot be made has a problem")
    later = findings.follow_up()
    config = build(document, path.absolute(), later)
    findings.merge(later)
    findings.raise_if_any()
    return config


def _read(path: Path, findings: Findings) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        findings.fail(f"cannot be read: {error.strerror or 'unknown reason'}")
    if len(content) > MAX_FILE_BYTES:
        findings.fail(f"is larger than {MAX_FILE_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        findings.fail("is not UTF-8", Place(before.count("\n") + 1, len(before) - before.rfind("\n")))


def _override(tree: Value, host: str | None, port: int | None) -> Value:
    given = {name: str(value) for name, value in (("host", host), ("port", port)) if value is not None}
    server = tree.get("server") if isinstance(tree, dict) else None
    if not given or not isinstance(tree, dict) or not isinstance(server, dict | None):
        return tree
    return {**tree, "server": {**(server or {}), **given}}
