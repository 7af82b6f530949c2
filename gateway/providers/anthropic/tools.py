"""Tools: which of them the provider runs by itself, and how often it may sample before it answers.

The rule that matters: each round of a tool that the provider runs is one more completion of up to `max_tokens`, and
reads the whole prompt again. (https://platform.claude.com/docs/en/agents-and-tools/tool-use/server-tools)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.providers.fields import invalid, optional, required, wrong_type

MOST_ROUNDS = 10
"""Samplings of one request, after which the provider stops with `pause_turn` (same guide)."""

# Types without a date are ours to run; a date follows the others (`bash_20250124`).
_RUN_BY_CLIENT = ("bash_", "text_editor_", "computer_", "memory_", "browser_")


@dataclass(frozen=True, slots=True)
class Tools:
    """What the tools of a request mean: completions at most, and other models that they ask.

    `are_hosted`: the provider runs some of them, and what they find joins the prompt.
    """

    rounds: int
    are_hosted: bool
    models: tuple[str, ...]


def tools_of(body: Mapping[str, Any]) -> Tools:
    """Check the tools and give what they mean. Raises BadRequest."""
    tools = optional(body, "tools", list) or ()
    uses: list[int | None] = [None] if optional(body, "mcp_servers", list) else []
    models: list[str] = []
    for place, tool in enumerate(tools):
        at = f"tools[{place}]"
        if type(tool) is not dict:
            raise wrong_type(at, "an object", tool)
        kind = optional(tool, "type", str, at=f"{at}.") or "custom"
        if kind != "custom" and not kind.startswith(_RUN_BY_CLIENT):
            uses.append(_most_uses(tool, at))
        if kind.startswith("advisor_"):
            models.append(required(tool, "model", str, at=f"{at}."))
    return Tools(max(_rounds(uses), _compactions(body)), bool(uses), tuple(models))


def _most_uses(tool: Mapping[str, Any], at: str) -> int | None:
    uses = optional(tool, "max_uses", int, at=f"{at}.")
    if uses is not None and uses < 1:
        raise invalid(f"{at}.max_uses", "it must be at least 1")
    return uses


def _rounds(uses: list[int | None]) -> int:
    """Give the samplings: one after each use and one more, up to the provider's own limit."""
    known = [number for number in uses if number is not None]
    return min(MOST_ROUNDS, 1 + sum(known)) if len(known) == len(uses) else MOST_ROUNDS


def _compactions(body: Mapping[str, Any]) -> int:
    return 2 if compacts(body) else 1


def compacts(body: Mapping[str, Any]) -> bool:
    """Say whether the provider may summarise the prompt first: it then reads it twice.

    (https://platform.claude.com/docs/en/build-with-claude/compaction)
    """
    management = optional(body, "context_management", dict) or {}
    edits = optional(management, "edits", list, at="context_management.") or ()
    return any(type(edit) is dict and str(edit.get("type")).startswith("compact") for edit in edits)
