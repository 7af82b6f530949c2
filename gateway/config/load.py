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
    return parse(read(path), path, env, host=host, port=port)


def read(path: Path) -> bytes:
    """Give what stands in the file. Raises ConfigError when it cannot be read, or is too large to be ours."""
    findings = Findings(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        findings.fail(f"cannot be read: {error.strerror or 'unknown reason'}")
    if len(content) > MAX_FILE_BYTES:
        findings.fail(f"is larger than {MAX_FILE_BYTES:,} bytes")
    return content


def parse(
    content: bytes, path: Path, env: Mapping[str, str], *, host: str | None = None, port: int | None = None
) -> Config:
    """Make the configuration of what was read at `path`, as `load` does: processes that share it read it once."""
    findings = Findings(str(path))
    tree = _override(read_tree(_decoded(content, findings), env, findings), host, port)
    document = validate(tree, findings)
    if document is None:
        findings.raise_if_any()
        raise AssertionError("a document that cannot be made has a problem")
    later = findings.follow_up()
    config = build(document, path.absolute(), later)
    findings.merge(later)
    findings.raise_if_any()
    return config


def _decoded(content: bytes, findings: Findings) -> str:
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
