"""Owns the configuration file: reading it, refusing it, and the frozen value that it becomes.

    text -> tree (YAML, environment) -> Document (schema) -> Config (references resolved) | ConfigError

The rule that matters: what is wrong is said all at once, each with its line and column, in words that repeat no value.
"""

from gateway.config.load import load, parse, read
from gateway.config.value import Admin, Config, Credits, LedgerConfig, Server, StoreConfig, WarningsConfig, Webhook

__all__ = [
    "Admin",
    "Config",
    "Credits",
    "LedgerConfig",
    "Server",
    "StoreConfig",
    "WarningsConfig",
    "Webhook",
    "load",
    "parse",
    "read",
]
