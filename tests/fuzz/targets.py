"""All that is fuzzed, by name: where its cases come from, and what is checked of each."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.fuzz import documents, framings, meters, records, requests, trees, wires


@dataclass(frozen=True)
class Target:
    """A reader of foreign bytes: `check` raises where a promise is broken. `examples` take a few seconds."""

    name: str
    cases: st.SearchStrategy[bytes]
    check: Callable[[bytes], None]
    examples: int = 300


TARGETS = (
    Target("sse", framings.SSE_CASES, framings.sse),
    Target("json_lines", framings.LINE_CASES, framings.lines),
    Target("json_array", framings.ARRAY_CASES, framings.array),
    Target("event_stream", framings.MESSAGE_CASES, framings.messages),
    Target("json", requests.JSON_CASES, requests.json_reader),
    Target("requests", requests.READ_CASES, requests.read),
    Target("forms", requests.FORM_CASES, requests.form),
    Target("streams", meters.STREAM_CASES, meters.stream),
    Target("answers", meters.PIECE_CASES, meters.piece),
    Target("config", documents.CONFIG_CASES, documents.config, 60),
    Target("config_trees", trees.CASES, trees.tree, 100),
    Target("paths", documents.PATH_CASES, documents.path),
    Target("queries", documents.QUERY_CASES, documents.query),
    Target("bodies", documents.BODY_CASES, documents.body),
    Target("webhooks", documents.WEBHOOK_CASES, documents.webhook, 100),
    Target("journal", records.JOURNAL_CASES, records.journal),
    Target("forwarded", records.ADDRESS_CASES, records.forwarded),
    Target("http", wires.CASES, wires.http),
)
