"""What makes spans, under one configuration after the other: another collector gets the calls that begin from then on.

The rule that matters: a call's span goes where it began. So the one of before is closed once its calls have had their
time to end, and sends until then.
"""

import asyncio
from contextlib import suppress

from gateway.config.value import TracingConfig
from gateway.telemetry.tracing import Tracing


class Tracings:
    """The one in force, and those that still have calls. Make it inside the running loop."""

    def __init__(self) -> None:
        self._settings: TracingConfig | None = None
        self._current = Tracing()
        self._is_over = asyncio.Event()
        self._leaving: set[asyncio.Task[None]] = set()

    async def following(self, settings: TracingConfig | None, *, drain_seconds: float) -> Tracing:
        """Give what makes the next call's spans; the calls of the one before have `drain_seconds` to end."""
        if settings != self._settings:
            old, self._current = self._current, await asyncio.to_thread(_made, settings)
            self._settings = settings
            task = asyncio.get_running_loop().create_task(self._closed(old, drain_seconds))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        return self._current

    async def close(self) -> None:
        """Send what is left of all."""
        self._is_over.set()
        await asyncio.gather(*self._leaving, asyncio.to_thread(self._current.close))

    async def _closed(self, tracing: Tracing, after_seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_over.wait(), after_seconds)
        await asyncio.to_thread(tracing.close)


def _made(settings: TracingConfig | None) -> Tracing:
    """Make one; the SDK is imported only where the configuration asks for it, as it takes a while."""
    if settings is None:
        return Tracing()
    from gateway.telemetry.otel import OtelTracing  # noqa: PLC0415 - an extra, which need not be installed

    return OtelTracing(settings)
