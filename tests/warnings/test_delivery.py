"""The webhook: signed, repeated under one id until it is accepted, and never in the way of anything."""

import asyncio
import json
import re
import time
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from gateway.model import Calendar, Period, Scope, Unit
from gateway.store.connection import Store
from gateway.warnings import outbox as boxes
from gateway.warnings.outbox import Claimed, Outbox, Told
from tests.config.files import ROOT
from tests.store.servers import until
from tests.upstream.raw import raw_server, say_nothing
from tests.warnings.receiving import CALLER, COMPANY_ID, FAR_AWAY_MS, SECRET, SHARD, level, receiving, verify, watching

USER = f"u:{COMPANY_ID}:{CALLER.user.id}"


@pytest.fixture
async def url(valkey_store: Store, valkey_url: str) -> str:
    """Give the URL of an empty store."""
    return valkey_url


async def test_what_is_posted(url):
    """One JSON object: which budget, whose, how much, until when; with the event's id and a type in the headers."""
    day = level(
        1234, 1500, Calendar(Period.DAY), name="user-daily", subject=USER, scope=Scope.USER, resets_at_ms=FAR_AWAY_MS
    )
    before = int(time.time())
    async with receiving() as receiver, watching(url, receiver.url) as fleet:
        fleet.watchers[0].observe(CALLER, [day])
        await fleet.quiet()
    ((headers, body),) = receiver.posts
    event = json.loads(body)
    assert before <= datetime.fromisoformat(event.pop("at")).timestamp() <= time.time() + 1
    assert event.pop("id") == headers["X-Gateway-Event-Id"]
    assert event == {
        "type": "budget.threshold", "budget": "user-daily", "scope": "user",
        "company": {"id": COMPANY_ID, "name": "acme"}, "user": {"id": CALLER.user.id, "name": "ada"}, "provider": None,
        "key": None, "agent": None, "window": "day", "unit": "tokens", "limit": 1500, "used": 1234, "percent": 82,
        "threshold": 80, "resets_at": "2100-01-01T00:00:00Z",
    }  # fmt: skip
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "token-budget-gateway"


async def test_whose_budget_it_is(url):
    """A company's budget names the company only, a key's its key, an agent's its agent; dollars are micro-dollars."""
    levels = [level(800, name=scope.value, scope=scope, unit=Unit.USD) for scope in Scope]
    async with receiving() as receiver, watching(url, receiver.url) as fleet:
        fleet.watchers[0].observe(CALLER, levels)
        await fleet.quiet()
    told = {event["scope"]: (event["user"], event["key"], event["agent"]) for event in receiver.accepted}
    assert told == {
        "company": (None, None, None),
        "user": ({"id": CALLER.user.id, "name": "ada"}, None, None),
        "key": (None, "ada-laptop", None),
        "agent": (None, None, {"id": CALLER.agent.id, "name": "helpdesk"}),
        "provider": (None, None, None),
        "installation": (None, None, None),
    }
    assert {event["unit"] for event in receiver.accepted} == {"usd_micros"}


async def test_the_documented_check_takes_a_post(url):
    """The lines that docs/operations.md gives to receivers accept what is sent, and refuse what was changed."""
    snippet = re.search(r"```python\n(.+?)```", (ROOT / "docs/operations.md").read_text("utf-8"), re.DOTALL)
    names = {}
    exec(snippet[1], names)  # noqa: S102 - our own document
    async with receiving() as receiver, watching(url, receiver.url) as fleet:
        fleet.watchers[0].observe(CALLER, [level(800)])
        await fleet.quiet()
    ((headers, body),) = receiver.posts
    assert names["is_genuine"](headers["X-Gateway-Signature"], body, SECRET) is True
    assert names["is_genuine"](headers["X-Gateway-Signature"], body + b" ", SECRET) is False


async def test_the_signature_verifies(url):
    """What a receiver computes from its secret, the time and the body is what came; another secret gives another."""
    async with receiving() as receiver, watching(url, receiver.url) as fleet:
        fleet.watchers[0].observe(CALLER, [level(800)])
        await fleet.quiet()
    ((headers, body),) = receiver.posts
    assert abs(verify(headers["X-Gateway-Signature"], body) - time.time()) < 60
    for wrong in ((body + b" ", "whsec-0123456789abcdef"), (body, "another-secret-0123456789")):
        with pytest.raises(AssertionError):
            verify(headers["X-Gateway-Signature"], *wrong)


async def test_a_failing_receiver_hears_the_same_id_again(url):
    """Three failures of different kinds, then it accepts: four posts of one event, and one line about the failure."""
    with capture_logs() as lines:
        async with receiving(500, 302, 429) as receiver, watching(url, receiver.url, 2, sweep_seconds=0.05) as fleet:
            fleet.watchers[0].observe(CALLER, [level(800)])
            await fleet.quiet()
    assert len(receiver.posts) == 4
    assert len(set(receiver.ids)) == len({body for _, body in receiver.posts}) == 1
    assert receiver.thresholds == [80]
    (failed,) = [line for line in lines if line["event"] == "webhook_failed"]
    assert failed["reason"] == "it answered 500"
    assert fleet.posted == ["failed", "failed", "failed", "accepted"]
    assert "canary" not in str(lines)


async def test_a_hanging_receiver_is_in_nobodys_way(url):
    """While the receiver never answers, noticing and marking go on, and it gets everything once it is back."""
    async with receiving(*[0] * 4) as receiver, watching(url, receiver.url, timeout_seconds=1) as fleet:
        watcher = fleet.watchers[0]
        watcher.observe(CALLER, [level(800, name="first")])
        await until(lambda: len(receiver.posts) == 1)
        for number in range(20):
            watcher.observe(CALLER, [level(800, name=f"b{number}")])
        await until(lambda: len(fleet.counted) == 21)
        assert receiver.accepted == []
        await fleet.quiet()
    assert len({event["id"] for event in receiver.accepted}) == len(receiver.accepted) == 21


@pytest.mark.parametrize("is_claimed", [False, True])
async def test_a_gateway_that_died_leaves_its_warning_to_others(url, valkey_store, is_claimed):
    """Dead after the mark, or in the middle of the post: another gateway tells it, once, under the same id."""
    dead = Outbox(valkey_store, lease_seconds=0.2)
    event = b'{"threshold":80}'
    assert await dead.mark(COMPANY_ID, level(800), (80,), "the-id", event) is Told.NOW
    if is_claimed:
        (claimed,), wait_seconds = await dead.claim(SHARD, 4)
        assert (claimed.id, claimed.attempts, claimed.event) == ("the-id", 1, event)
        assert wait_seconds == pytest.approx(0.2, abs=0.05)
    async with receiving() as receiver, watching(url, receiver.url, 4, sweep_seconds=0.02) as fleet:
        await fleet.quiet()
        await asyncio.sleep(0.1)
    assert receiver.ids == ["the-id"]
    assert receiver.thresholds == [80]
    assert fleet.counted == []


async def test_an_end_in_the_middle_of_a_post_waits_for_it(url, valkey_store):
    """A gateway that is told to stop while the receiver thinks notes that it accepted: nobody posts again."""
    async with receiving() as receiver:
        async with watching(url, receiver.url) as fleet:
            fleet.watchers[0].observe(CALLER, [level(800)])
            await until(lambda: len(receiver.posts) == 1)
        assert receiver.thresholds == [80]
    assert await valkey_store.execute("EXISTS", f"{SHARD}N", f"{SHARD}P") == 0


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        ("http://127.0.0.1:9/canary", "no connection could be made"),
        ("http://169.254.169.254/canary", "no connection could be made"),
        ("http://[::ffff:169.254.169.254]/canary", "no connection could be made"),
        ("http://nowhere.invalid/canary", "its host name does not resolve"),
    ],
)
async def test_a_receiver_that_cannot_be_reached(url, hook, reason):
    """Nobody there, or an address that is never dialled: one line that names neither the URL nor its token."""
    with capture_logs() as lines:
        async with watching(url, hook) as fleet:
            fleet.watchers[0].observe(CALLER, [level(800)])
            await until(lambda: any(line["event"] == "webhook_failed" for line in lines))
            assert await fleet.store.execute("ZCARD", f"{SHARD}N") == 1
    (failed,) = [line for line in lines if line["event"] == "webhook_failed"]
    assert failed["reason"] == reason
    assert "canary" not in str(lines)


async def test_a_receiver_that_speaks_no_http(url):
    """Silence and nonsense are failures, not surprises."""

    async def babble(raw, reader, writer):
        await raw.request(reader)
        writer.write(b"ho ho ho\r\n\r\n")

    for handle, reason in ((babble, "not HTTP"), (say_nothing, "did not answer in time")):
        with capture_logs() as lines:
            async with raw_server(handle) as raw, watching(url, f"{raw.origin}/", timeout_seconds=1) as fleet:
                fleet.watchers[0].observe(CALLER, [level(800, name=reason.replace(" ", "-"))])
                await until(lambda: any(line["event"] == "webhook_failed" for line in lines))
        assert any(reason in line.get("reason", "") for line in lines)


async def test_an_answer_is_not_read(url):
    """A receiver that accepts and then never ends its answer has accepted: nobody waits for the rest."""

    async def go_on(raw, reader, writer):
        await raw.request(reader)
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with raw_server(go_on) as raw, watching(url, f"{raw.origin}/") as fleet:
        fleet.watchers[0].observe(CALLER, [level(800)])
        await fleet.quiet()
    assert (raw.connections, len(raw.requests)) == (1, 1)


async def test_a_day_of_failures_is_enough(url, valkey_store):
    """What no receiver took for a day is given up, with an error in the log."""
    await Outbox(valkey_store, lease_seconds=1).mark(COMPANY_ID, level(800), (80,), "the-id", b"{}")
    yesterday_ms = int(time.time() * 1000) - boxes.PATIENCE_MS
    await valkey_store.execute("HSET", f"{SHARD}P", "the-id", f"{yesterday_ms} 299 {{}}")
    with capture_logs() as lines:
        async with receiving(503) as receiver, watching(url, receiver.url) as fleet:
            await fleet.quiet()
    assert receiver.ids == ["the-id"]
    (line,) = [line for line in lines if line["event"] == "webhook_gave_up"]
    assert (line["attempts"], line["reason"]) == (300, "it answered 503")


async def test_a_crowded_outbox_takes_no_more(store):
    """A thousand warnings may wait in a shard; further ones are told by the log alone, and all of it ends by itself."""
    outbox = Outbox(store, lease_seconds=1)
    for number in range(boxes.MOST_WAITING + 1):
        told = await outbox.mark(COMPANY_ID, level(800, name=f"b{number}"), (80,), str(number), b"{}")
        assert told is (Told.CROWDED if number == boxes.MOST_WAITING else Told.NOW)
    assert await store.execute("HLEN", f"{SHARD}P") == await store.execute("ZCARD", f"{SHARD}N") == boxes.MOST_WAITING
    assert 0 < await store.execute("PTTL", f"{SHARD}P") <= 2 * boxes.PATIENCE_MS
    claimed, wait_seconds = await outbox.claim(SHARD, 3)
    assert (len(claimed), wait_seconds) == (3, 0)


def test_pauses_grow() -> None:
    """One second, twice as long each time, never more than five minutes."""
    pauses = [Claimed("", "", 0, attempt, b"", 0, 0.0).pause_ms for attempt in (1, 2, 3, 9, 10, 5000)]
    assert pauses == [1000, 2000, 4000, 256_000, 300_000, 300_000]


async def test_a_stray_id_goes(store):
    """An id without its warning is removed, not claimed for ever."""
    outbox = Outbox(store, lease_seconds=1)
    await store.execute("ZADD", f"{SHARD}N", 1, "stray")
    assert await outbox.shards() == [SHARD]
    assert await outbox.claim(SHARD, 4) == ([], None)
    assert await outbox.shards() == []
