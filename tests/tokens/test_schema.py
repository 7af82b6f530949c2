"""Tool definitions as TypeScript, from honest and hostile schemas."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tokens.schema import NotRendered, compact_json, namespace
from tests.tokens.bodies import JSON


def tool(schema: Any, **extra: Any) -> dict[str, Any]:
    """Wrap a schema in a tool."""
    return {"type": "function", "function": {"name": "f", "parameters": schema, **extra}}


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "The city\nand state"},
        "days": {"type": "integer", "default": 3},
        "units": {"type": "array", "items": {"enum": ["c", "f", 1]}},
        "where": {
            "type": "object",
            "properties": {"lat": {"type": "number", "description": "North"}, "exact": {"type": "boolean"}},
            "required": ["lat"],
        },
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "other": {"type": ["string", "null"]},
        "tree": {"$ref": "#/$defs/Tree"},
        "kind": {"const": "x"},
        "free": {"type": "object"},
        "table": {"type": "object", "additionalProperties": {"type": "string"}},
        "list": {"type": "array"},
        "nothing": {},
    },
    "required": ["city"],
    "$defs": {"Tree": {"type": "object"}},
}
_RENDERED = """namespace functions {

// Get it
type f = (_: {
// The city
// and state
city: string,
days?: number, // default: 3
units?: "c" | "f" | 1[],
where?: {
  // North
  lat: number,
  exact?: boolean,
},
note?: string | null,
other?: string | null,
tree?: #/$defs/Tree,
kind?: "x",
free?: object,
table?: {
{"type":"string"}
},
list?: any[],
nothing?: any,
}) => any;
{"Tree":{"type":"object"}}

type f = () => any;

} // namespace functions"""


def test_a_namespace() -> None:
    """Descriptions, optional properties, enums, arrays and nested objects have their TypeScript form."""
    tools = [tool(_SCHEMA, description="Get it"), tool({"type": "object", "properties": {}})]
    assert namespace(tools) == _RENDERED


@pytest.mark.parametrize(
    "schema",
    [None, 7, "text", [], [1], {"properties": 7}, {"properties": []}, {"properties": {}}, {"type": "object"}],
)
def test_no_properties_is_no_argument(schema: Any) -> None:
    """A schema without properties, or of a wrong type, is a function without arguments."""
    assert "type f = () => any;" in namespace([tool(schema)])


@pytest.mark.parametrize("what", [None, 7, "text", [1, {"a": 2}], {}, {"function": 7}, {"type": "web_search"}])
def test_what_is_no_function_is_json(what: Any) -> None:
    """A tool of another kind is shown as it is, so that it is counted."""
    assert compact_json(what) in namespace([what])


@pytest.mark.parametrize("key", ["items", "anyOf", "allOf", "properties"])
def test_depth_is_bounded(key: str) -> None:
    """A schema ten thousand levels deep raises one named error, whichever way it nests."""
    schema: Any = {"type": "string"}
    for _ in range(10_000):
        inner, kind = {"properties": ({"a": schema}, "object"), "items": (schema, "array")}.get(key, ([schema], None))
        schema = {"type": kind, key: inner}
    with pytest.raises(NotRendered):
        namespace([tool({"type": "object", "properties": {"a": schema}})])


def test_work_is_bounded() -> None:
    """A schema that offers every way to visit its children is rendered in the order of its size."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(15):
        kinds = ["object", "array", "object", "string"]
        schema = {"type": kinds, "properties": {"a": schema}, "anyOf": [{"type": "null"}], "required": [1, "a"]}
    assert len(namespace([tool({"properties": {"a": schema}})])) < 5_000


def test_a_number_that_cannot_be_printed() -> None:
    """A number of more digits than Python prints is not rendered, and no other error."""
    with pytest.raises(NotRendered):
        compact_json({"a": 1 << 99_999})


WORDS = ["type", "properties", "items", "anyOf", "enum", "required", "description", "$ref", "default", "$defs", "const"]
KINDS = st.sampled_from(["object", "array", "string", "null", "nonsense"])
HOSTILE = st.recursive(
    JSON | KINDS | st.lists(KINDS, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(WORDS), inner, max_size=6) | st.lists(inner, max_size=3),
    max_leaves=25,
)


@given(schema=HOSTILE, other=JSON)
def test_any_schema_is_rendered(schema: Any, other: Any) -> None:
    """Any JSON in the place of a schema or of a tool gives text."""
    properties = tool({"type": "object", "properties": {"a": schema}})
    assert namespace([tool(schema), properties, other]).endswith("} // namespace functions")
