"""The file: when its content has changed, what of it can apply to running processes, and what cannot.

The rule that matters: it is read once, here. Workers get the very bytes that were found to be right, so all of them are
under one configuration, and what is written into the file meanwhile is the next one's business.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from gateway.config import Config, parse, read
from gateway.errors import ConfigError

log = structlog.get_logger("supervisor")

STABLE_SECONDS = 0.1
"""A file that was read twice alike, so long apart, is not being written right now."""

# What does not apply by itself, by the setting's name; docs/operations.md lists the same.
NEW_GATEWAY: dict[str, Callable[[Config], Any]] = {
    "server.host": lambda config: config.server.host,
    "server.port": lambda config: config.server.port,
    "admin.host": lambda config: config.admin.host,
    "admin.port": lambda config: config.admin.port,
    "store.url": lambda config: config.store.url,
    "store.data_dir": lambda config: config.store.data_dir,
    "store.allow_volatile": lambda config: config.store.allow_volatile,
}
NEW_WORKERS: dict[str, Callable[[Config], Any]] = {
    "store.journal": lambda config: config.store.journal,
    "ledger.lease_seconds": lambda config: config.ledger.lease_seconds,
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a configuration comes from; `host` and `port`, where given, win over the file's."""

    path: Path
    host: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Edition:
    """A configuration that is right, and the bytes it was made of. The first generation is 1."""

    generation: int
    content: bytes
    config: Config


class Editions:
    """The configurations of one file, each later than the one before; `current` is in force, `first` was bound."""

    def __init__(self, source: Source) -> None:
        """Read the first one. Raises ConfigError."""
        self.source = source
        content = read(source.path)
        config = parse(content, source.path, os.environ, host=source.host, port=source.port)
        self.first = self.current = Edition(1, content, config)
        self._workers_from = config
        self._seen = content
        self._told = ""

    async def look(self) -> bool:
        """Look at the file; whether another configuration is now the current one. What is wrong with it is logged."""
        try:
            content = await asyncio.to_thread(read, self.source.path)
            if content == self._seen:
                if content == self.current.content:
                    self._told = ""  # it could not be read for a moment, and is what it was
                return False
            await asyncio.sleep(STABLE_SECONDS)
            if content != await asyncio.to_thread(read, self.source.path):
                return False  # it is being written: the next look sees it whole
            self._seen = content
            wanted, config = await asyncio.to_thread(self._both, content)
        except ConfigError as error:
            self._refuse(error)
            return False
        self._told = ""
        self.current = Edition(self.current.generation + 1, content, config)
        for setting in changed(NEW_GATEWAY, self.first.config, wanted):
            log.warning("setting_not_applied", setting=setting, needs="a new start of the gateway")
        log.info("configuration_read", config=str(config.source), generation=self.current.generation)
        return True

    @property
    def is_right(self) -> bool:
        """Whether the file, when it was last looked at, held the current configuration."""
        return not self._told

    def warn_of_old_workers(self) -> None:
        """Name what only workers that start anew would follow."""
        for setting in changed(NEW_WORKERS, self._workers_from, self.current.config):
            log.warning("setting_not_applied", setting=setting, needs="SIGHUP, which restarts the workers in turn")

    def workers_follow(self, edition: Edition) -> None:
        """Take note that every worker has started under this edition or a later one."""
        self._workers_from = edition.config

    def _both(self, content: bytes) -> tuple[Config, Config]:
        """Give what the file asks for, and what it comes to at the address that is bound.

        The second decides: keys that are accepted on loopback only must not be, because the file now names loopback,
        where the gateway still listens elsewhere.
        """
        path, bound = self.source.path, self.first.config.server
        wanted = parse(content, path, os.environ, host=self.source.host, port=self.source.port)
        return wanted, parse(content, path, os.environ, host=bound.host, port=bound.port)

    def _refuse(self, error: ConfigError) -> None:
        if str(error) != self._told:
            self._told = str(error)
            for problem in error.problems:
                log.error("configuration_refused", problem=str(problem))
            log.warning("configuration_kept", generation=self.current.generation)


def changed(settings: dict[str, Callable[[Config], Any]], old: Config, new: Config) -> list[str]:
    """Name the settings that differ."""
    return [name for name, value in settings.items() if value(old) != value(new)]
