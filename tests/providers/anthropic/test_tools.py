"""Which tools the provider runs, and how many answers that may take."""

from typing import Any

import pytest

from gateway.providers.anthropic.tools import MOST_ROUNDS
from tests.providers.anthropic.asking import URL, WEB_SEARCH, ask

TOOL = {"name": "f", "input_schema": {"type": "object"}}
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-5"}
COMPACT = {"edits": [{"type": "compact_20260112"}]}


@pytest.mark.parametrize(
    "kind", ["bash_20250124", "text_editor_20250728", "computer_20251124", "memory_20250818", "custom", None]
)
def test_tools_that_the_client_runs(kind: str | None) -> None:
    """They end the answer, so there is one."""
    call = ask(tools=[{**TOOL, "type": kind}])
    assert (call.choices, call.has_tools, call.has_unseen) == (1, True, False)


@pytest.mark.parametrize(
    ("fields", "rounds"),
    [
        ({"tools": [WEB_SEARCH]}, MOST_ROUNDS),
        ({"tools": [{**WEB_SEARCH, "max_uses": 2}]}, 3),
        ({"tools": [{**WEB_SEARCH, "max_uses": 2}, {**ADVISOR, "max_uses": 1}, TOOL]}, 4),
        ({"tools": [{**WEB_SEARCH, "max_uses": 2}, ADVISOR]}, MOST_ROUNDS),
        ({"tools": [{**WEB_SEARCH, "max_uses": 500}]}, MOST_ROUNDS),
        ({"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]}, MOST_ROUNDS),
        ({"tools": [{"type": "something_20300101", "name": "new"}]}, MOST_ROUNDS),
        ({"mcp_servers": [{"type": "url", "url": URL, "name": "m"}]}, MOST_ROUNDS),
        ({"context_management": COMPACT}, 2),
        ({"context_management": COMPACT, "tools": [{**WEB_SEARCH, "max_uses": 2}]}, 3),
    ],
)
def test_rounds(fields: dict[str, Any], rounds: int) -> None:
    """One after each use and one more, by the client's limit if it names one; a compaction is one more answer."""
    assert ask(**fields).choices == rounds


def test_an_advisor_is_another_model() -> None:
    """The key has to be allowed the model that a tool asks."""
    assert ask(tools=[ADVISOR]).other_models == ("claude-opus-5",)
    assert ask(tools=[WEB_SEARCH]).other_models == ()
