"""What is said: the JSON answers and the frames of a stream, as pure functions of the script and the request."""

import base64
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.provider.counting import WORDS, count
from tests.provider.script import Script

TOOL_NAME = "get_weather"
TOOL_OPEN, TOOL_CLOSE = '{"q":"', '"}'


@dataclass(frozen=True, slots=True)
class Frame:
    """One SSE frame's JSON (None: [DONE]) and the tokens it brings; `waits` before it when it is generated text."""

    data: dict[str, Any] | None
    tokens: int = 0
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to be given: the script, the request and the prompt's count."""

    id: str
    script: Script
    body: dict[str, Any]
    prompt_tokens: int
    is_chat: bool

    @property
    def choices(self) -> int:
        """How many completions were asked for."""
        return self.body.get("n") or 1

    @property
    def words(self) -> int:
        """Words a choice will hold: the script's, or fewer when the request says so."""
        names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
        limits = [*(self.body.get(name) for name in names), self.script.tokens]
        if self.script.overrun:
            return self.script.tokens
        return max(0, min(limit for limit in limits if limit is not None))

    @property
    def finish(self) -> str:
        """The finish_reason of each choice."""
        if self.words < self.script.tokens:
            return "length"
        return "tool_calls" if self.script.tools else "stop"

    @property
    def has_usage_frame(self) -> bool:
        """Whether the usage comes in a frame of its own."""
        asked = bool((self.body.get("stream_options") or {}).get("include_usage"))
        return self.script.usage == "always" or (asked and self.script.usage not in {"none", "finish"})


def pieces(reply: Reply, choice: int) -> list[str]:
    """Give the text of a choice, a piece a frame; each word is one token."""
    text = [WORDS[(at + choice) % len(WORDS)] for at in range(reply.words)]
    if reply.script.tools:
        return [TOOL_OPEN, *text, TOOL_CLOSE]
    if reply.script.echo:
        text.insert(0, last_text(reply.body))
    if reply.script.huge:
        text.insert(0, "a" * reply.script.huge)
    return text


def last_text(body: dict[str, Any]) -> str:
    """Give the last message's text, or the prompt."""
    if "messages" not in body and type(body.get("input")) is not list:
        return str(body.get("prompt", body.get("input", "")))
    content = body.get("messages", body.get("input"))[-1].get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)


def has_result(body: dict[str, Any]) -> bool:
    """Say whether a tool's result stands in the request."""
    items = body.get("messages") or body.get("input")
    return isinstance(items, list) and any(
        item.get("role") == "tool" or str(item.get("type")).endswith("_output") for item in items
    )


def usage(reply: Reply, completion: int) -> Any:
    """Give the usage object as the script wants it reported."""
    match reply.script.usage:
        case "none" | "null":
            return None
        case "zero":
            return {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        case "wrong":
            return {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        case "junk":
            return {"prompt_tokens": "7", "completion_tokens": -3, "total_tokens": True}
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": reply.prompt_tokens + completion,
        "prompt_tokens_details": {"cached_tokens": reply.script.cached},
        "completion_tokens_details": {"reasoning_tokens": reply.script.think},
    }


def document(reply: Reply) -> tuple[dict[str, Any], int]:
    """Give the answer in one piece, and its completion tokens."""
    texts = [pieces(reply, choice) for choice in range(reply.choices)]
    tool_tokens = count(TOOL_NAME) if reply.script.tools else 0
    completion = sum(sum(map(count, text)) + tool_tokens for text in texts) + reply.script.think
    kind = "chat.completion" if reply.is_chat else "text_completion"
    answer = {
        "id": reply.id,
        "object": kind,
        "created": 1,
        "model": reply.body["model"],
        "choices": [
            {"index": at, **_said(reply, "".join(text)), "finish_reason": reply.finish} for at, text in enumerate(texts)
        ],
    }
    if reply.script.usage != "none":
        answer["usage"] = usage(reply, completion)
    return answer, completion


def _said(reply: Reply, text: str) -> dict[str, Any]:
    if not reply.is_chat:
        return {"text": text}
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if reply.script.tools:
        call = {"id": "call_1", "type": "function", "function": {"name": TOOL_NAME, "arguments": text}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {"message": message}


def stream(reply: Reply) -> Iterator[Frame]:
    """Give the frames of a stream, in order."""
    served = reply.script.think
    running = reply.script.usage == "continuous"
    if reply.is_chat:
        for choice in range(reply.choices):
            opening = _opening(reply)
            tokens = count(TOOL_NAME) if reply.script.tools else 0
            served += tokens
            yield Frame(_chunk(reply, choice, opening, None, usage(reply, served) if running else None), tokens)
    for choice in range(reply.choices):
        for piece in pieces(reply, choice):
            tokens = count(piece)
            served += tokens
            delta = _delta(reply, piece)
            yield Frame(
                _chunk(reply, choice, delta, None, usage(reply, served) if running else None), tokens, waits=True
            )
    yield from _ending(reply, served)


def _ending(reply: Reply, served: int) -> Iterator[Frame]:
    total = usage(reply, served)
    on_finish = total if reply.script.usage in {"finish", "groq", "continuous"} else None
    for choice in range(reply.choices):
        chunk = _chunk(reply, choice, {} if reply.is_chat else {"text": ""}, reply.finish, on_finish)
        if reply.script.usage == "groq":
            chunk["x_groq"] = {"id": reply.id, "usage": total}
        yield Frame(chunk)
    if reply.has_usage_frame:
        yield Frame({**_head(reply), "choices": [], "usage": total})
        if reply.script.usage == "null-after":
            yield Frame({**_head(reply), "choices": [], "usage": None})
    if not reply.script.nodone:
        yield Frame(None)


def _opening(reply: Reply) -> dict[str, Any]:
    if not reply.script.tools:
        return {"role": "assistant", "content": ""}
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": TOOL_NAME, "arguments": ""}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _delta(reply: Reply, piece: str) -> dict[str, Any]:
    if not reply.is_chat:
        return {"text": piece}
    if reply.script.tools:
        return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
    return {"content": piece}


def _head(reply: Reply) -> dict[str, Any]:
    kind = "chat.completion.chunk" if reply.is_chat else "text_completion"
    return {"id": reply.id, "object": kind, "created": 1, "model": reply.body["model"]}


def _chunk(reply: Reply, choice: int, said: dict[str, Any], finish: str | None, used: Any) -> dict[str, Any]:
    content = {"delta": said} if reply.is_chat else said
    chunk = {**_head(reply), "choices": [{"index": choice, **content, "finish_reason": finish}]}
    if used is not None or reply.has_usage_frame:
        chunk["usage"] = used
    return chunk


def embeddings(reply: Reply) -> dict[str, Any]:
    """Give one deterministic vector for each input."""
    given = reply.body["input"]
    inputs = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given
    vector = [1.0] + [0.0] * ((reply.body.get("dimensions") or 8) - 1)
    packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    shown = packed if reply.body.get("encoding_format") == "base64" else vector
    data = [{"object": "embedding", "index": at, "embedding": shown} for at, _ in enumerate(inputs)]
    answer = {"object": "list", "model": reply.body["model"], "data": data}
    if reply.script.usage != "none":
        answer["usage"] = {"prompt_tokens": reply.prompt_tokens, "total_tokens": reply.prompt_tokens}
    return answer
