"""What is said at /responses: the answer in one piece and the events of a stream, as functions of the script."""

from collections.abc import Iterator
from itertools import count as counter
from typing import Any

from tests.provider import frames
from tests.provider.counting import count
from tests.provider.frames import TOOL_NAME, Frame, Reply


def document(reply: Reply) -> tuple[dict[str, Any], int]:
    """Give the answer in one piece, and its output tokens."""
    text = "".join(frames.pieces(reply, 0))
    output = sum(map(count, frames.pieces(reply, 0))) + reply.script.think + _name_tokens(reply)
    return _response(reply, _status(reply), [_item(reply, text)], usage(reply, output)), output


def compaction(reply: Reply) -> tuple[dict[str, Any], int]:
    """Give a compacted conversation, and the tokens that it took."""
    output = reply.script.tokens
    item = {"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAA"}
    answer = {"id": reply.id, "object": "response.compaction", "created_at": 1, "output": [item]}
    return {**answer, "usage": usage(reply, output)}, output


def stream(reply: Reply) -> Iterator[Frame]:
    """Give the events of a stream, in order."""
    numbers = counter()
    served = reply.script.think + _name_tokens(reply)
    for frame in _events(reply):
        served += frame.tokens if frame.waits else 0
        data = frame.data
        assert data is not None
        if data["type"] in {"response.completed", "response.incomplete"}:
            data["response"]["usage"] = usage(reply, served)
        yield Frame({**data, "sequence_number": next(numbers)}, frame.tokens, frame.waits)


def usage(reply: Reply, output: int) -> Any:
    """Give the usage object as the script wants it reported, by this API's names."""
    told = frames.usage(reply, output)
    if told is None or reply.script.usage == "none":
        return None
    return {
        "input_tokens": told["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": reply.script.cached},
        "output_tokens": told["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": reply.script.think},
        "total_tokens": told["total_tokens"],
    }


def _events(reply: Reply) -> Iterator[Frame]:
    for name in ("created", "in_progress"):
        yield Frame({"type": f"response.{name}", "response": _response(reply, "in_progress", [], None)})
    begun = {"type": "response.output_item.added", "output_index": 0, "item": _item(reply, None)}
    yield Frame(begun, _name_tokens(reply))
    place = {"item_id": _item(reply, None)["id"], "output_index": 0}
    if not reply.script.tools:
        place["content_index"] = 0
        yield Frame({"type": "response.content_part.added", **place, "part": _part("")})
    pieces = frames.pieces(reply, 0)
    kind = "function_call_arguments" if reply.script.tools else "output_text"
    rest = {} if reply.script.tools else {"logprobs": []}
    for piece in pieces:
        yield Frame({"type": f"response.{kind}.delta", **place, "delta": piece, **rest}, count(piece), waits=True)
    text = "".join(pieces)
    said = {"arguments": text, "name": TOOL_NAME} if reply.script.tools else {"text": text, **rest}
    yield Frame({"type": f"response.{kind}.done", **place, **said})
    if not reply.script.tools:
        yield Frame({"type": "response.content_part.done", **place, "part": _part(text)})
    yield Frame({"type": "response.output_item.done", "output_index": 0, "item": _item(reply, text)})
    ended = _response(reply, _status(reply), [_item(reply, text)], None)
    yield Frame({"type": f"response.{ended['status']}", "response": ended})


def _response(reply: Reply, status: str, output: list[dict[str, Any]], used: Any) -> dict[str, Any]:
    reason = {"reason": "max_output_tokens"} if status == "incomplete" else None
    return {
        "id": reply.id,
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": reason,
        "instructions": reply.body.get("instructions"),
        "metadata": reply.body.get("metadata") or {},
        "model": reply.body["model"],
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": reply.body.get("tools") or [],
        "top_p": 1.0,
        "usage": used,
    }


def _status(reply: Reply) -> str:
    return "incomplete" if reply.finish == "length" else "completed"


def _item(reply: Reply, text: str | None) -> dict[str, Any]:
    """Give the one item of the output, at its beginning (None) or at its end."""
    status = "in_progress" if text is None else "completed"
    if reply.script.tools:
        called = {"type": "function_call", "call_id": "call_1", "name": TOOL_NAME, "arguments": text or ""}
        return {"id": "fc_1", "status": status, **called}
    content = [] if text is None else [_part(text)]
    return {"id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": content}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _name_tokens(reply: Reply) -> int:
    return count(TOOL_NAME) if reply.script.tools else 0
