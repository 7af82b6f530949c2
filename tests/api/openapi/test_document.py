"""The document says what the program does: its paths, its version, nothing that a YAML 1.2 reader would not take."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import validate

import gateway
from gateway.api.openapi import document
from gateway.app.table import TABLE
from tests.edge import Edge

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(document())
    return found


def test_it_is_valid(spec: dict[str, Any]) -> None:
    """It is an OpenAPI 3.1 document of this version of the gateway."""
    validate(spec)
    assert spec["openapi"].startswith("3.1.")
    assert spec["info"]["version"] == gateway.__version__


def test_any_reader_of_yaml_takes_it() -> None:
    """It needs no merge keys, which YAML 1.2 has no longer."""
    assert b"<<:" not in document()


def _documented(path: str) -> list[str]:
    """Give the paths that the document has for one of the table's: a suffix that may be empty makes two."""
    path = path.replace("...}", "}")
    return [path, path.removesuffix("{suffix}")] if path.endswith("{suffix}") else [path]


def test_it_has_the_paths_and_methods_of_the_endpoint_table(spec: dict[str, Any]) -> None:
    """Each entry of the table is documented with its methods, and nothing else is."""
    methods = {path: {name.upper() for name in METHODS & set(item)} for path, item in spec["paths"].items()}
    assert methods == {name: set(entry.methods) for path, entry in TABLE.items() for name in _documented(path)}


def test_every_operation_has_a_name_and_a_tag(spec: dict[str, Any]) -> None:
    """Operations are told apart by name, and each has a tag that is explained."""
    operations = [item[method] for item in spec["paths"].values() for method in METHODS & set(item)]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert {tag for operation in operations for tag in operation["tags"]} == {tag["name"] for tag in spec["tags"]}


def test_nothing_is_defined_that_nothing_refers_to(spec: dict[str, Any]) -> None:
    """Each component is used."""
    text = document().decode()
    defined = [
        f"#/components/{kind}/{name}"
        for kind in spec["components"]
        if kind != "securitySchemes"
        for name in spec["components"][kind]
    ]
    assert [name for name in defined if not re.search(rf'"{re.escape(name)}["/]', text)] == []


def _with_examples(node: Any) -> Iterator[dict[str, Any]]:
    """Give whatever has an example beside its schema, and the schemas that have one themselves."""
    if isinstance(node, dict):
        if "example" in node:
            yield node
        for value in node.values():
            yield from _with_examples(value)
    elif isinstance(node, list):
        for value in node:
            yield from _with_examples(value)


def test_every_example_fits_its_schema(spec: dict[str, Any]) -> None:
    """What a reader copies is true."""
    found = list(_with_examples(spec))
    for node in found:
        schema = {**node.get("schema", node), "components": spec["components"]}
        OAS31Validator(schema, format_checker=oas31_format_checker).validate(node["example"])
    assert len(found) > 20


@pytest.mark.asyncio(loop_scope="module")
async def test_it_is_served_to_everybody(edge: Edge) -> None:
    """`GET /openapi.yaml` asks for no key."""
    async with ClientSession() as session, session.get(f"{edge.client.url}/openapi.yaml") as answer:
        assert (answer.status, answer.content_type) == (200, "application/yaml")
        assert await answer.read() == document()
