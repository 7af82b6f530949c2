"""What the gateway costs beside a bare aiohttp pass-through, in one run: CPU per call, per stream chunk, added latency.

    python -m benchmarks.proxy_cost [--calls 2000] [--rounds 3]

Three processes on loopback: a cheap provider, the pass-through, the gateway with two budgets on its embedded store. The
load comes from this process, in interleaved rounds; CPU is user + system of the process from /proc (Linux), the store
apart. Read the ratios; absolute times say more about the machine.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aiohttp import ClientSession, TCPConnector, web

KEY = "bench-key-0123456789"
CHUNKS = 100
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello there, how are you today?"}]}
ANSWER = json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 50}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 14, "completion_tokens": 50, "total_tokens": 64},
}).encode()  # fmt: skip
HEAD = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":'
CHUNK = HEAD + b'[{"index":0,"delta":{"content":" word"},"finish_reason":null}],"usage":null}\n\n'
USAGE = HEAD + b'[],"usage":{"prompt_tokens":14,"completion_tokens":100,"total_tokens":114}}\n\n'
CONFIG = """
server: {{port: 0}}
admin: {{port: 0}}
store: {{url: embedded, data_dir: ./data}}
providers: {{far: {{dialect: openai, base_url: "http://127.0.0.1:{port}/v1", models: {{gpt-4o-mini: {{max_output_tokens: 16384}}}}}}}}
purposes: {{QA: {{category: chat}}}}
default_purpose: QA
quotas: {{daily: 1000000000, weekly: -1, monthly: -1}}
companies: [{{id: 11111111-1111-4111-8111-111111111111, name: acme, budget: {{tokens: 100000000000, window_days: 30}}}}]
users: [{{id: 22222222-2222-4222-8222-222222222222, name: ada, company: acme}}]
keys: [{{name: ada, key: {key}, company: acme, user: ada}}]
"""  # noqa: E501 - a YAML flow mapping


async def provider(_request: web.BaseRequest) -> web.StreamResponse:
    """Answer at once, or stream a hundred chunks, each on its own."""
    body = json.loads(await _request.read())
    if not body.get("stream"):
        return web.Response(body=ANSWER, content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(_request)
    for _ in range(CHUNKS):
        await response.write(CHUNK)
        await asyncio.sleep(0)
    await response.write(USAGE + b"data: [DONE]\n\n")
    await response.write_eof()
    return response


def passing(origin: str, session: ClientSession):  # noqa: ANN201 - a handler
    """Pass a request on and its answer back, and nothing else."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        headers = {"Content-Type": "application/json", "Authorization": "Bearer x"}
        async with session.post(origin + request.path, data=await request.read(), headers=headers) as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    return handle


async def serve(role: str, origin: str) -> None:
    """Run one of the two plain servers until the pipe closes."""
    async with ClientSession(connector=TCPConnector(limit=0), auto_decompress=False) as session:
        handler = provider if role == "provider" else passing(origin, session)
        runner = web.ServerRunner(web.Server(handler, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def gateway(config: str) -> None:
    """Run the gateway and say where it listens."""
    from gateway.supervisor import serve as serve_gateway  # noqa: PLC0415 - only this role needs it

    serve_gateway(Path(config), lambda _, url, __: print(json.dumps({"url": url}), flush=True))


def _family(pid: int) -> list[int]:
    """Give a process and those below it, without the store."""
    children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    ours = [child for child in children if "valkey" not in Path(f"/proc/{child}/comm").read_text()]
    return [pid, *(one for child in ours for one in _family(child))]


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


class Server:
    """A role in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "benchmarks.proxy_cost", *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]

    def cpu_seconds(self) -> float:
        """Give user + system time so far, of the process and those below it."""
        return sum(map(_ticks, _family(self.process.pid))) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """End it by its own process id."""
        self.process.terminate()
        self.process.wait(20)


async def load_on(server: Server, calls: int, concurrency: int, *, stream: bool) -> tuple[float, float]:
    """Give CPU microseconds per call and the median latency in ms."""
    latencies: list[float] = []
    left = iter(range(calls))
    body = {**BODY, "stream": True} if stream else BODY
    async with ClientSession(connector=TCPConnector(limit=0), headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def caller() -> None:
            for _ in left:
                started = time.perf_counter()
                async with session.post(server.url + "/v1/chat/completions", json=body) as answer:
                    await answer.read()
                    assert answer.status == 200, answer.status
                latencies.append((time.perf_counter() - started) * 1000)

        before = server.cpu_seconds()
        await asyncio.gather(*(caller() for _ in range(concurrency)))
        return (server.cpu_seconds() - before) * 1e6 / calls, statistics.median(latencies)


async def compare(calls: int, rounds: int) -> None:
    """Run both in turns and print the medians and their ratio."""
    with tempfile.TemporaryDirectory() as directory:
        far = Server("provider")
        bare = Server("bare", far.url)
        config = Path(directory) / "config.yaml"
        config.write_text(CONFIG.format(port=far.url.rpartition(":")[2], key=KEY))
        ours = Server("gateway", str(config))
        try:
            print(f"{'us CPU a call, ms':24}{'bare':>10}{'gateway':>10}{'ratio':>8}{'p50 bare':>10}{'p50 ours':>10}")
            for concurrency, stream in ((1, False), (32, False), (128, False), (8, True)):
                count = calls // (20 if stream else 1)
                found = [
                    [await load_on(s, count, concurrency, stream=stream) for s in (bare, ours)] for _ in range(rounds)
                ]
                (cpu_bare, p50_bare), (cpu_ours, p50_ours) = (
                    tuple(statistics.median(row[i][k] for row in found) for k in (0, 1)) for i in (0, 1)
                )
                name = f"{'stream of 100' if stream else 'whole'}, {concurrency} at once"
                ratio = cpu_ours / cpu_bare
                print(f"{name:24}{cpu_bare:10.0f}{cpu_ours:10.0f}{ratio:8.2f}{p50_bare:10.2f}{p50_ours:10.2f}")
        finally:
            for server in (ours, bare, far):
                server.end()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", nargs="?", default="compare")
    parser.add_argument("argument", nargs="?", default="")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    if chosen.role == "compare":
        asyncio.run(compare(chosen.calls, chosen.rounds))
    elif chosen.role == "gateway":
        gateway(chosen.argument)
    else:
        import uvloop  # noqa: PLC0415 - as the gateway does

        uvloop.run(serve(chosen.role, chosen.argument))


if __name__ == "__main__":
    main()
