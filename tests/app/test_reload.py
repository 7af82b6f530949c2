"""A reload inside a process: what lives on takes the new configuration over, and calls in flight keep theirs."""

import resource
from pathlib import Path

import yaml
from aiohttp import web

from gateway.app.descriptors import EACH, RESERVED
from gateway.app.lifecycle import assembled
from gateway.app.tracings import Tracings
from gateway.config import Config, load
from gateway.model import OnFailure
from gateway.store.connection import Store
from gateway.telemetry.calls import CallRecord
from gateway.telemetry.otel import OtelTracing
from gateway.telemetry.tracing import Tracing
from gateway.tokens import Vocabularies
from tests import gateways
from tests.gateways import Limits

COLLECTOR = {"endpoint": "http://127.0.0.1:9", "timeout_seconds": 1}


def configured(directory: Path, **sections: dict[str, object]) -> Config:
    """Load the tests' configuration with some settings of its sections replaced."""
    document = yaml.safe_load(gateways.yaml("http://127.0.0.1:9", Limits()))
    for name, settings in sections.items():
        document[name] = {**(document.get(name) or {}), **settings}
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return load(path, {})


async def test_an_outage_policy_applies_at_once(valkey_store: Store, tmp_path: Path) -> None:
    """`store.on_failure` may be changed in the middle of an outage, both ways."""
    async with assembled(configured(tmp_path), valkey_store, Vocabularies()) as assembly:
        ledger = assembly.app.gateway.ledger
        said = [ledger.goes_on_without_store]
        for store in ({"on_failure": OnFailure.GRACE.value, "grace_tokens": 5}, {}):
            await assembly.reload(configured(tmp_path, store=dict(store)))
            said.append(ledger.goes_on_without_store)
    assert said == [False, True, False]


async def test_what_lives_on(valkey_store: Store, tmp_path: Path) -> None:
    """Holds, tasks, connections and the watcher of budgets are the same objects afterwards; the rest follows."""
    async with assembled(configured(tmp_path), valkey_store, Vocabularies()) as assembly:
        before = assembly.app.gateway
        await assembly.reload(configured(tmp_path, quotas={"daily": 5}, warnings={"thresholds": [10]}))
        after = assembly.app.gateway
        assert after.config.quotas.daily == 5
        assert after.rules is not before.rules
        kept = ("store", "ledger", "holds", "tasks", "upstream", "metrics", "warnings", "tracing")
        assert all(getattr(after, name) is getattr(before, name) for name in kept)


async def test_descriptors_are_raised_with_connections(valkey_store: Store, tmp_path: Path) -> None:
    """More connections than the process was started for get their descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        async with assembled(configured(tmp_path), valkey_store, Vocabularies()) as assembly:
            await assembly.reload(configured(tmp_path, server={"max_connections": 400}))
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (RESERVED + EACH * 400, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ---------------------------------------------------------------- tracing


async def test_tracing_is_switched_on_and_off(valkey_store: Store, tmp_path: Path) -> None:
    """The next call's spans go where the new configuration says."""
    async with assembled(configured(tmp_path), valkey_store, Vocabularies()) as assembly:
        assert type(assembly.app.gateway.tracing) is Tracing
        await assembly.reload(configured(tmp_path, tracing=COLLECTOR))
        first = assembly.app.gateway.tracing
        assert isinstance(first, OtelTracing)
        await assembly.reload(configured(tmp_path, tracing=COLLECTOR, quotas={"daily": 5}))
        assert assembly.app.gateway.tracing is first
        await assembly.reload(configured(tmp_path))
        assert type(assembly.app.gateway.tracing) is Tracing


async def test_a_call_that_began_under_the_one_of_before_is_told_there(tmp_path: Path) -> None:
    """Its span goes to the collector that was named when it began, though there is none any more when it ends."""
    posts: list[str] = []

    async def take(request: web.BaseRequest) -> web.Response:
        posts.append(request.path)
        return web.Response()

    runner = web.ServerRunner(web.Server(take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    tracings = Tracings()
    try:
        settings = configured(tmp_path, tracing={**COLLECTOR, "endpoint": url}).tracing
        trace = (await tracings.following(settings, drain_seconds=60)).begin("chat", {})
        assert type(await tracings.following(None, drain_seconds=60)) is Tracing
        trace.end(CallRecord(request_id="one", status=200, outcome="ok", duration_ms=1))
        await tracings.close()
    finally:
        await runner.cleanup()
    assert "/v1/traces" in posts
