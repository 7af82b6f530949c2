"""A far end that speaks Converse (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).

Steps of a model's name: `say-N` words, `think` before them, `tools` instead; `cached` (parts of the prompt), `silent`
(no usage); `end-error` an exception instead of the end, `end-flaw` a wrong checksum, `status-N` a refusal.
"""

import json
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.provider.eventstream import write
from tests.provider.scenes import PROMPT_TOKENS, WORD, Scene, Stage, staged

EVENT_STREAM = "application/vnd.amazon.eventstream"
CACHED_TOKENS = 100
TOOL = {"toolUseId": "t1", "name": "weather"}
REQUEST_ID = "aaaabbbb-1111"


def bedrock_far_end() -> AbstractAsyncContextManager[Stage]:
    """Give a server of Bedrock's runtime API."""
    return staged(_play, lambda path, _body: unquote(path.split("/")[2]))


async def _play(scene: Scene) -> web.StreamResponse:
    headers = {"x-amzn-requestid": REQUEST_ID}
    status = scene.script.number("status")
    if status > 0:
        headers["x-amzn-errortype"] = "ThrottlingException:http://internal.amazon.com/"
        return scene.whole({"message": "The far end was told to fail."}, status=status, headers=headers)
    number = scene.script.number("say", 3)
    if scene.path.endswith("/converse-stream"):
        return await scene.flow(EVENT_STREAM, _words(scene, number), _end(scene, number))
    content = (
        [{"toolUse": {**TOOL, "input": {"city": "Rome"}}}] if scene.script.has("tools") else [{"text": WORD * number}]
    )
    answer = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "end_turn",
        "metrics": {"latencyMs": 5},
        **_usage(scene, number),
    }
    return scene.whole(answer, headers=headers)


def _words(scene: Scene, number: int) -> list[bytes]:
    if scene.script.has("tools"):
        start = event("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": TOOL}})
        return [start, *(_delta({"toolUse": {"input": part}}) for part in ('{"city":', '"Rome"}'))]
    thought = [_delta({"reasoningContent": {"text": "Hm"}})] if scene.script.has("think") else []
    return [*thought, *(_delta({"text": WORD}) for _ in range(number))]


def _end(scene: Scene, number: int) -> bytes:
    if scene.script.word("end") == "error":
        headers = {":message-type": "exception", ":exception-type": "modelStreamErrorException"}
        return write(headers, b'{"message":"It broke."}')
    stop = event("contentBlockStop", {"contentBlockIndex": 0}) + event("messageStop", {"stopReason": "end_turn"})
    last = event("metadata", {"metrics": {"latencyMs": 5}, **_usage(scene, number)})
    return stop + (last[:-1] + bytes([last[-1] ^ 1]) if scene.script.word("end") == "flaw" else last)


def _usage(scene: Scene, number: int) -> dict[str, Any]:
    if scene.script.has("silent"):
        return {}
    cached = CACHED_TOKENS if scene.script.has("cached") else 0
    total = PROMPT_TOKENS + cached + number
    return {
        "usage": {
            "inputTokens": PROMPT_TOKENS,
            "outputTokens": number,
            "totalTokens": total,
            "cacheReadInputTokens": cached,
            "cacheReadInputTokenCount": cached,
        }
    }


def _delta(value: dict[str, Any]) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": 0, "delta": value, "p": "abcd"})


def event(kind: str, value: dict[str, Any]) -> bytes:
    """Make one event, with padding as Bedrock sends it."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return write(headers, json.dumps(value).encode())
