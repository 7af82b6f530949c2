"""What a process must not log: the secrets of every configuration it has had, for a call may still hold an old one."""

from gateway.config import Config
from gateway.telemetry import Redactor, configure


class Secrets:
    """Grows with each configuration."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()

    def hide(self, config: Config) -> None:
        """Keep the secrets of a configuration out of the log from now on."""
        if not self._known or not config.secrets <= self._known:
            self._known |= config.secrets
            configure(Redactor(self._known))
