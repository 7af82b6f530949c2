"""Owns what commands have in common: which configuration, and whom of it they are about."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.config import Config, load
from gateway.config.people import SHOWN_NAMES
from gateway.model import Company, Key
from gateway.model.guid import parse_guid

DEFAULT_PATH = "config.yaml"
EXAMPLE = "config.example.yaml"

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """Add `--config PATH`."""
    return click.option(
        "--config",
        "path",
        type=click.Path(path_type=Path),
        default=DEFAULT_PATH,
        show_default=True,
        metavar="PATH",
        help="The configuration file.",
    )(command)


def read_config(path: Path, *, host: str | None = None, port: int | None = None) -> Config:
    """Load a configuration with this process's environment. Raises ConfigError, UsageError where there is no file."""
    return load(existing(path), os.environ, host=host, port=port)


def existing(path: Path) -> Path:
    """Give the path of a configuration. Raises UsageError where there is no file."""
    if not path.exists():
        raise click.UsageError(f"There is no {path}. Name your configuration, for example: --config {EXAMPLE}")
    return path


def company_of(config: Config, reference: str) -> Company:
    """Find a company by name or id. Raises BadParameter."""
    guid = parse_guid(reference)
    found = [one for one in config.companies.values() if reference == one.name or guid == one.id]
    if not found:
        raise _unknown("company", [one.name for one in config.companies.values()])
    return found[0]


def key_of(config: Config, name: str) -> Key:
    """Find a key by name. Raises BadParameter."""
    found = [key for key in config.keys if key.name == name]
    if not found:
        raise _unknown("key", [key.name for key in config.keys])
    return found[0]


def user_id_of(config: Config, key: Key, reference: str) -> str:
    """Give the id of a user of the key's company by name; a GUID stands as it is, for not every user is listed.

    Raises BadParameter.
    """
    if parse_guid(reference) is not None:
        return reference
    ids = {user.name: user.id for (owner, _), user in config.users.items() if owner == key.company_id}
    if reference not in ids:
        raise _unknown("user", list(ids))
    return ids[reference]


def _unknown(kind: str, names: list[str]) -> click.BadParameter:
    more = len(names) - SHOWN_NAMES
    shown = ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
    return click.BadParameter(f"there is no such {kind}; there are: {shown or 'none'}", param_hint=f"--{kind}")
