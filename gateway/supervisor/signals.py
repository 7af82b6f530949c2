"""What the operator wants: the first SIGTERM or SIGINT stops, the next one hurries, SIGHUP renews."""

import asyncio
import os
import signal
import sys


class Signals:
    """What this process was told, as events of the running loop."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self.renew = asyncio.Event()
        self._has_terminal = sys.stderr.isatty()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end)
        loop.add_signal_handler(signal.SIGINT, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._renew)

    def _end(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()

    def _renew(self) -> None:
        # A terminal that is closed sends SIGHUP too, to say that nobody is there any more.
        is_hung_up = self._has_terminal and not os.isatty(sys.stderr.fileno())
        (self.stop if is_hung_up else self.renew).set()
