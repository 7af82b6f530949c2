"""The far end of a siege: a short answer at once, or a stream that never ends by itself."""

import asyncio
import json
import sys

from aiohttp import web

ANSWER = json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "word"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 14, "completion_tokens": 1, "total_tokens": 15},
}).encode()  # fmt: skip
CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
CHUNK += b'[{"index":0,"delta":{"content":"word "},"finish_reason":null}],"pad":"' + b"x" * 3_800 + b'"}\n\n'
BURST_CHUNKS = 160
"""More than the buffers on the way to a client take, with little to meter; what comes after only keeps it alive."""


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    """Answer a call."""
    body = json.loads(await request.read())
    if not body.get("stream"):
        return web.Response(body=ANSWER, content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for _ in range(BURST_CHUNKS):
        await response.write(CHUNK)
        await asyncio.sleep(0)
    while True:
        await response.write(CHUNK)
        await asyncio.sleep(5)


async def serve() -> None:
    """Serve until the pipe closes; the address is one line of output."""
    runner = web.ServerRunner(web.Server(answer, access_log=None, handler_cancellation=True))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
