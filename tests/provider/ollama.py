"""A far end that speaks Ollama's language (https://github.com/ollama/ollama/blob/main/docs/api.md).

Steps of a model's name: `say-N` words, `think` before them, `tools` instead; `uncounted` (no prompt_eval_count),
`silent` (no counts); `end-error` a line with an error instead of the last, `status-N` a refusal.
"""

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web

from tests.provider.scenes import PROMPT_TOKENS, WORD, Scene, Stage, staged

NDJSON = "application/x-ndjson"
CALL = {"function": {"name": "weather", "arguments": {"city": "Rome"}}}


def ollama_far_end() -> AbstractAsyncContextManager[Stage]:
    """Give a server of Ollama's API."""
    return staged(_play, lambda _path, body: str(body["model"]))


async def _play(scene: Scene) -> web.StreamResponse:
    status = scene.script.number("status")
    if status > 0:
        return scene.whole({"error": "The far end was told to fail."}, status=status)
    if scene.path == "/api/embed":
        return scene.whole({"model": "o", "embeddings": [[0.5, 0.5]], "prompt_eval_count": PROMPT_TOKENS})
    if not (scene.body.get("messages") or scene.body.get("prompt")):
        return await _loaded(scene)
    number = scene.script.number("say", 3)
    said = ["Hm"] if scene.script.has("think") else []
    lines = [_line(scene, thinking=text) for text in said] + [_line(scene, WORD) for _ in range(number)]
    if scene.script.has("tools"):
        lines = [_line(scene, tools=[CALL])]
    if scene.body.get("stream") is not False:
        end = {"error": "It broke."} if scene.script.word("end") == "error" else _line(scene, **_end(scene, number))
        return await scene.flow(NDJSON, [_bytes(line) for line in lines], _bytes(end))
    tools = [CALL] if scene.script.has("tools") else None
    return scene.whole(_line(scene, WORD * number, tools=tools, **_end(scene, number)))


async def _loaded(scene: Scene) -> web.StreamResponse:
    line = _line(scene, done=True, done_reason="load")
    return scene.whole(line) if scene.body.get("stream") is False else await scene.flow(NDJSON, [], _bytes(line))


def _line(scene: Scene, text: str = "", *, thinking: str = "", tools: Any = None, **rest: Any) -> dict[str, Any]:
    head = {"model": scene.body["model"], "created_at": "2026-01-01T00:00:00.5Z", "done": False}
    if scene.path == "/api/generate":
        return {**head, "response": text, **rest}
    message = {"role": "assistant", "content": text}
    if thinking:
        message["thinking"] = thinking
    return {**head, "message": message | ({"tool_calls": tools} if tools else {}), **rest}


def _end(scene: Scene, number: int) -> dict[str, Any]:
    counts = {"prompt_eval_count": PROMPT_TOKENS, "eval_count": number, "total_duration": 5}
    if scene.script.has("uncounted"):
        del counts["prompt_eval_count"]
    return {"done": True, "done_reason": "stop", **({} if scene.script.has("silent") else counts)}


def _bytes(line: dict[str, Any]) -> bytes:
    return json.dumps(line).encode() + b"\n"
