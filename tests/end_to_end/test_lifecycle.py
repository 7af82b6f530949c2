"""A gateway that is asked to end, or is killed, with streams in flight; and the one that comes after it."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from gateway.store import is_locked
from tests.end_to_end.serving import (
    END_SECONDS,
    FarEnd,
    Served,
    budget,
    command,
    configured,
    environment,
    eventually,
    serving,
    used,
)
from tests.end_to_end.test_sdk import HELLO, text
from tests.gateways import ADA_KEY, BOB_KEY, Limits

# One fixture kills a gateway for several tests: they stay together in one test process.
pytestmark = pytest.mark.xdist_group("lifecycle")

STREAMS = 8
TRANCHE_TOKENS = 256
CUT_TOKENS = 600
LIMITS = Limits(
    lease_seconds=2,
    tranche_tokens=TRANCHE_TOKENS,
    budgets="- {name: own, scope: user, window: {lifetime: true}, limit: 1000000}",
)


def app_of(served: Served, key: str) -> openai.OpenAI:
    """Give the official client with a user's own key; use as a context."""
    return openai.OpenAI(base_url=served.api, api_key=key, max_retries=0)


def patient(directory: Path, far_end: FarEnd) -> Path:
    """Configure a gateway that does not mind how long an answer stands at the gate."""
    far = {"timeouts": {"first_byte": 60, "between_bytes": 60}}
    return configured(directory, far_end.base_url, LIMITS, server={"drain_seconds": 60}, providers={"far": far})


def takes_connections(served: Served) -> bool:
    """Say whether anyone listens at a gateway's address."""
    address = urlsplit(served.url)
    with socket.socket() as one:
        return one.connect_ex((address.hostname, address.port)) == 0


def test_streams_in_flight_finish_when_the_gateway_is_asked_to_end(tmp_path: Path, far_end: FarEnd) -> None:
    """After SIGTERM no new connection is taken, every stream comes to its end, and every token of it is charged."""
    path = patient(tmp_path, far_end)
    with serving(path) as served, app_of(served, ADA_KEY) as ada:
        create = ada.chat.completions.create
        streams = [create(model="gpt-4o/m:tokens-20.gate-5", stream=True, **HELLO) for _ in range(STREAMS)]
        said = [next(stream).choices[0].delta.content or "" for stream in streams]
        served.process.terminate()
        eventually(lambda: not takes_connections(served))
        assert served.process.poll() is None
        far_end.open()
        for place, stream in enumerate(streams):
            said[place] += "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert said == [text(20)] * STREAMS
        assert served.process.wait(END_SECONDS) == 0
        assert not is_locked(tmp_path / "data")
    assert [line["outcome"] for line in served.log() if line["event"] == "call"] == ["ok"] * STREAMS
    with serving(path) as served, app_of(served, ADA_KEY) as ada:
        assert used(ada, "own") == used(ada, "company") == far_end.served_tokens()


def events(served: Served, event: str) -> list[dict[str, Any]]:
    """Give the lines of its log with this event."""
    return [line for line in served.log() if line["event"] == event]


def test_a_second_signal_waits_for_nothing(tmp_path: Path, far_end: FarEnd) -> None:
    """A stream that would go on for long is cut, what was seen of it is charged, and the gateway ends well."""
    path = patient(tmp_path, far_end)
    with serving(path) as served, app_of(served, ADA_KEY) as ada:
        stream = ada.chat.completions.create(model="gpt-4o/m:tokens-20.gate-5", stream=True, **HELLO)
        for _ in range(6):
            next(stream)
        served.process.terminate()
        eventually(lambda: events(served, "draining"))
        served.process.terminate()
        with pytest.raises((openai.APIError, httpx.HTTPError)):
            list(stream)
        assert served.process.wait(END_SECONDS) == 0
    with serving(path) as served, app_of(served, ADA_KEY) as ada:
        assert used(ada, "own") >= far_end.served_tokens()


def test_a_stream_outlives_the_restart_of_its_worker(tmp_path: Path, far_end: FarEnd) -> None:
    """After SIGHUP another worker takes the calls, and the old one ends when its stream has ended, whole."""
    with serving(patient(tmp_path, far_end)) as served, app_of(served, ADA_KEY) as ada:
        create = ada.chat.completions.create
        stream = create(model="gpt-4o/m:tokens-20.gate-5", stream=True, **HELLO)
        said = next(stream).choices[0].delta.content or ""
        served.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(events(served, "worker_started")) == 2)
        with app_of(served, BOB_KEY) as bob:
            assert bob.chat.completions.create(model="gpt-4o/m:tokens-7", **HELLO).choices[0].message.content == text(7)
        assert events(served, "worker_left") == []
        far_end.open()
        said += "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert said == text(20)
        eventually(lambda: events(served, "workers_restarted"))
        assert used(ada, "company") == far_end.served_tokens()


def test_a_hold_outlives_a_reload(tmp_path: Path, far_end: FarEnd) -> None:
    """A stream that goes on for longer than its lease, across a reload, ends under its limits and is never reaped."""
    path = patient(tmp_path, far_end)
    with serving(path) as served, app_of(served, ADA_KEY) as ada:
        stream = ada.chat.completions.create(model="gpt-4o/m:tokens-20.gate-5", stream=True, **HELLO)
        said = next(stream).choices[0].delta.content or ""
        path.write_text(path.read_text("utf-8").replace("limit: 1000000", "limit: 999999"), "utf-8")
        eventually(lambda: events(served, "reloaded"))
        assert budget(ada, "own")["limit"] == 999_999
        time.sleep(LIMITS.lease_seconds + 1)
        assert budget(ada, "own")["held"] > 0
        far_end.open()
        said += "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert said == text(20)
        assert used(ada, "own") == far_end.served_tokens()
        assert not events(served, "leases_expired")


def test_a_second_gateway_on_the_same_data_is_refused(gateway: Served) -> None:
    """It says in one line who is there and what to do, and the first one goes on."""
    second = subprocess.run(
        command(gateway.directory / "config.yaml"),
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=END_SECONDS,
        check=False,
    )
    assert second.returncode == 1
    assert second.stdout == ""
    (line,) = second.stderr.splitlines()
    assert line.startswith("gateway: data directory ")
    assert f"is in use by process {gateway.process.pid} or its server: stop it, or set another store.data_dir" in line
    assert takes_connections(gateway)


@dataclass(frozen=True, slots=True)
class Crash:
    """What was true when a gateway was killed in the middle of bob's stream, and the gateway that came after it."""

    store_pid: int
    ada_tokens: int
    bob_tokens: int
    bob_prompt_bytes: int
    after: Served


@pytest.fixture(scope="module")
def crash(far_end_process: FarEnd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crash]:
    """Let ada make calls, kill the gateway while bob reads a stream, start it again."""
    far_end = far_end_process
    far_end.reset()
    path = patient(tmp_path_factory.mktemp("crash"), far_end)
    with serving(path) as served, app_of(served, ADA_KEY) as ada, app_of(served, BOB_KEY) as bob:
        for tokens in range(10, 15):
            ada.chat.completions.create(model=f"gpt-4o/m:tokens-{tokens}", **HELLO)
            list(ada.chat.completions.create(model=f"gpt-4o/m:tokens-{tokens}", stream=True, **HELLO))
        ada_tokens = far_end.served_tokens()
        far_end.reset()
        model = f"gpt-4o/m:tokens-2000.gate-{CUT_TOKENS}"
        stream = bob.chat.completions.create(model=model, stream=True, max_tokens=2000, **HELLO)
        for _ in range(1 + CUT_TOKENS):
            next(stream)
        store_pid = served.store_pid()
        served.kill()
        with pytest.raises(openai.APIConnectionError):
            next(stream)
        # The store has the lock too: it is free when the store's process is gone, and not before.
        eventually(lambda: not is_locked(path.parent / "data"))
    prompt_bytes = len(stream.response.request.content)
    with serving(path) as after:
        yield Crash(store_pid, ada_tokens, far_end.served_tokens(), prompt_bytes, after)


def test_a_killed_gateway_does_not_orphan_its_store(crash: Crash) -> None:
    """The embedded server of a gateway that was killed leaves the data alone, and another one serves them."""
    assert crash.after.store_pid() != crash.store_pid


def test_what_was_settled_survives_a_kill(crash: Crash) -> None:
    """Every call that was answered before is charged as the provider counted it."""
    with app_of(crash.after, ADA_KEY) as ada:
        assert used(ada, "own") == crash.ada_tokens


def test_a_killed_call_is_charged_when_its_lease_ends(crash: Crash) -> None:
    """Nothing stays held; charged is not less than what the provider served, and at most a tranche more.

    A prompt that nobody could count any more is charged by the bytes that it was held for.
    """
    with app_of(crash.after, BOB_KEY) as bob:
        charged = used(bob, "own")
    assert crash.bob_tokens >= CUT_TOKENS
    assert crash.bob_tokens <= charged <= crash.bob_tokens + crash.bob_prompt_bytes + TRANCHE_TOKENS


def test_the_company_pays_for_both(crash: Crash) -> None:
    """The budgets agree with each other after a kill as before."""
    with app_of(crash.after, ADA_KEY) as ada, app_of(crash.after, BOB_KEY) as bob:
        assert used(ada, "company") == used(ada, "own") + used(bob, "own")
