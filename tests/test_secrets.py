"""Secrets, prompts and answers stay where they belong, whatever goes wrong: canaries are sent, then looked for."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from multidict import CIMultiDict

from tests.gateways import ADA_KEY, PROVIDER_SECRET, Limits, yaml
from tests.provider.process import ROOT, provider_process
from tests.store.servers import DURABLE, VALKEY, running
from tests.wire import CHAT_TARGET, LAST, Reply, connect, request

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("secrets")]

PROVIDER_KEY = "canaryprovider0123456789abcdef"
EXTRA_HEADER = "canary extra header 0123456789"
HASHED_KEY = "canary-hashed-key-0123456789"
WRONG_KEY = "canary-wrong-key-0123456789"
SECRETS = (PROVIDER_KEY, EXTRA_HEADER, ADA_KEY, HASHED_KEY, WRONG_KEY)
WORDS = "canary of a prompt and of its echo"
"""What is said; it is no secret to the one who said it."""

KEYS = f"  - {{name: hashed, sha256: {sha256(HASHED_KEY.encode()).hexdigest()}, company: acme, user: bob}}"


@dataclass(frozen=True)
class Evidence:
    """What came out of a gateway: its answers, its log, the dump of its store; and what went to the provider."""

    answers: list[Reply]
    log: str
    store: bytes
    asked: list[dict[str, Any]]


def config_text(base_url: str, store_url: str) -> str:
    """Give a configuration in which every secret is a canary."""
    limits = Limits(
        keys=KEYS,
        timeouts="{connect: 0.5, first_byte: 0.5, between_bytes: 0.5}",
        provider=f'headers: {{x-extra: "{EXTRA_HEADER}"}}',
    )
    text = yaml(base_url, limits).replace(PROVIDER_SECRET, PROVIDER_KEY)
    gone = f"base_url: 'http://127.0.0.1:9/v1', api_key: {PROVIDER_KEY}, models: {{gone: {{}}}}"
    text = text.replace("providers:\n", f"providers:\n  nowhere: {{dialect: openai, {gone}}}\n")
    return text.replace("url: embedded", f"url: '{store_url}'")


@asynccontextmanager
async def loud_gateway(directory: Path, text: str) -> AsyncIterator[str]:
    """Run a gateway in a process of its own, all of whose output is in `directory / "log"`; gives its address."""
    config = directory / "config.yaml"
    config.write_text(text, "utf-8")
    command = (sys.executable, "-X", "dev", "-m", "tests.loud", str(config))
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=log, cwd=ROOT)
        try:
            assert process.stdout is not None
            yield (await process.stdout.readline()).decode().strip()
        finally:
            process.terminate()
            await process.communicate()


def call(model: str = "m:", key: str = ADA_KEY, *lines: str, **fields: Any) -> bytes:
    """Write a call whose prompt, session and user are canaries."""
    body = {"model": model, "messages": [{"role": "user", "content": WORDS}], "user": WORDS, **fields}
    return request(
        "POST", CHAT_TARGET, f"X-Gateway-Session: {WORDS}", *lines, LAST, body=json.dumps(body).encode(), key=key
    )


FAILING = (
    "status-400.leak",
    "status-401.leak",
    "status-403.leak",
    "status-429.leak",
    "status-500.leak",
    "status-503.leak",
    "naughty.echo",
    "echo.badjson",
    "echo.gzip",
    "echo.br",
    "echo.cut-40",
    "echo.fin-300",
    "echo.error-2",
    "echo.stall-300",
    "redirect-9",
    "garbage",
    "silent",
    "unknown-directive",
)

REFUSED = {
    "an unknown key": call(key=WRONG_KEY),
    "two keys": call("m:", ADA_KEY, f"x-api-key: {WRONG_KEY}"),
    "a key as a purpose": call("m:", ADA_KEY, f"X-Gateway-Purpose: {WRONG_KEY}"),
    "a key as an agent": call("m:", ADA_KEY, f"X-Gateway-Agent: {WRONG_KEY}"),
    "a key as a user": call("m:", ADA_KEY, f"X-Gateway-User: {WRONG_KEY}"),
    "words as a number": call(max_tokens=WORDS),
    "words as a purpose": call(metadata={"purpose": WORDS}),
    "words as a model": call(WORDS),
    "words as a message": call(messages=[WORDS]),
    "words as a tool": call(tools=[{"type": WORDS}]),
    "an address": call(api_base=f"https://{WRONG_KEY}@evil.example"),
    "no JSON": request("POST", CHAT_TARGET, LAST, body=f'{{"a": {WORDS}'.encode()),
    "a form": request("POST", CHAT_TARGET, LAST, "Content-Encoding: gzip", body=WORDS.encode()),
    "a key in the query": request("GET", f"/v1/models?key={WRONG_KEY}&api_key={HASHED_KEY}", LAST, key=None),
    "a key in a path": request("GET", f"/v1/{HASHED_KEY}/nothing", LAST),
    "a token in a path": request(
        "GET", f"/api/v2/UserConsumptionLogs/{HASHED_KEY}/22222222-2222-4222-8222-222222222223/Daily", LAST, key=None
    ),
    "a wrong token in a path": request("GET", f"/api/v2/TenantConsumptionLogs/{WRONG_KEY}/acme/Daily", LAST, key=None),
    "a wrong method": request("DELETE", f"/v1/models?key={HASHED_KEY}", LAST),
    "a malformed header": b"GET / HTTP/1.1\r\nAuthorization : Bearer " + HASHED_KEY.encode() + b"\r\n\r\n",
    "a malformed key header": b"GET / HTTP/1.1\r\nX-Odd : " + HASHED_KEY.encode() + b"\r\n\r\n",
    "words for a request": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n" + WORDS.encode() + b"\r\n\r\n",
    "no HTTP": WORDS.encode() + b"\r\n\r\n",
    "a chunk of words": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + WORDS.encode() + b"\r\n",
    "too large": call("m:", "other-key-0123456789", n=1, messages=[{"role": "user", "content": WORDS * 400}]),
}


async def streamed(url: str, data: bytes, *, leave: bool = False) -> Reply:
    """Send a call and give its answer as it came on the wire, or only its first bytes, and then hang up."""
    reader, writer = await connect(url)
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.read(1 if leave else -1)
    writer.transport.abort()
    return Reply(int(head.split(b" ")[1]), CIMultiDict(), head + body)


async def interrogate(url: str) -> list[Reply]:
    """Make calls that go well, calls that fail in every way, and requests that are refused."""
    models = ["m:echo", "m:echo.usage-none", *(f"m:{failing}" for failing in FAILING), "gone"]
    answers = [await streamed(url, call(model, stream=stream)) for model in models for stream in (False, True)]
    answers.append(await streamed(url, call("m:echo.tokens-50.delay-5", stream=True), leave=True))
    answers.append(await streamed(url, call("m:echo", HASHED_KEY)))
    answers += [await streamed(url, data) for data in REFUSED.values()]
    return answers


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Run a gateway through all of it once, end it, and collect what it left."""
    directory = tmp_path_factory.mktemp("loud")
    with running(VALKEY, *DURABLE) as store_url:
        async with provider_process(PROVIDER_KEY) as far:
            async with loud_gateway(directory, config_text(far.base_url, store_url)) as url:
                answers = await interrogate(url)
            asked = await far.log()
        files = Path(store_url.removeprefix("unix://")).parent.rglob("*.aof")
        store = b"".join(file.read_bytes() for file in files)
    return Evidence(answers, (directory / "log").read_text("utf-8"), store, asked)


def found(canary: str, text: str | bytes) -> bool:
    """Tell whether a canary stands in a text, in whichever case and whether or not its spaces are escaped."""
    text = text if isinstance(text, str) else text.decode("utf-8", "replace")
    spellings = (canary, canary.replace(" ", "+"), quote(canary), canary[3:-3])
    return any(spelling.lower() in text.lower() for spelling in spellings)


async def test_the_calls_went_where_they_should(evidence: Evidence) -> None:
    """Nothing below is true for want of calls: all happened, the provider heard our secrets, the log is loud."""
    statuses = Counter(answer.status for answer in evidence.answers)
    assert {200, 400, 401, 403, 404, 405, 415, 429, 500, 502, 503, 504} <= set(statuses), statuses
    heard = f"{[entry['headers'] for entry in evidence.asked]}"
    assert found(PROVIDER_KEY, heard)
    assert found(EXTRA_HEADER, heard)
    assert any(found(WORDS, answer.body) for answer in evidence.answers if answer.status == 200)
    lines = [json.loads(line) for line in evidence.log.splitlines()]
    assert {"info", "debug"} <= {line["level"] for line in lines}
    assert sum(line["event"] == "call" for line in lines) > 2 * len(FAILING)
    assert evidence.store.count(b"EVALSHA") + evidence.store.count(b"HSET") > 0


@pytest.mark.parametrize("secret", SECRETS)
async def test_no_secret_is_in_any_answer(evidence: Evidence, secret: str) -> None:
    """Not in a header and not in a body, also where the provider repeats what it was sent."""
    for answer in evidence.answers:
        assert not found(secret, f"{answer.headers}"), answer
        assert not found(secret, answer.body), answer


@pytest.mark.parametrize("secret", SECRETS)
async def test_no_secret_is_in_the_log(evidence: Evidence, secret: str) -> None:
    """Keys, ours and the clients', right ones and wrong ones, are in no line at any level."""
    assert not [line for line in evidence.log.splitlines() if found(secret, line)]


async def test_nothing_that_was_said_is_in_the_log(evidence: Evidence) -> None:
    """No prompt, no answer, no session, no user's name, no piece of a request that could not be parsed."""
    assert not [line for line in evidence.log.splitlines() if found(WORDS, line)]


async def test_nothing_that_was_said_is_in_an_error(evidence: Evidence) -> None:
    """An error repeats nothing of the prompt."""
    refused = [answer for answer in evidence.answers if answer.status >= 400]
    assert not [answer for answer in refused if found(WORDS, f"{answer.headers}") or found(WORDS, answer.body)]


@pytest.mark.parametrize("canary", [*SECRETS, WORDS])
async def test_the_store_holds_neither_secrets_nor_words(evidence: Evidence, canary: str) -> None:
    """Nothing that was ever written to the append-only file is a key, a prompt or an answer."""
    assert not found(canary, evidence.store)


async def test_every_line_of_the_log_is_one_json_object(evidence: Evidence) -> None:
    """Whatever a client sends, a line is a line: libraries, warnings and crashes leave by the same door."""
    for line in evidence.log.splitlines():
        assert {"event", "level", "timestamp"} <= set(json.loads(line))
        assert line.isprintable()
