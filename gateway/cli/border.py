"""Owns the commands by name, and the border where errors that a person can cause become lines on stderr.

Exit statuses: 0 fine, 1 it did not work (or drift was found), 2 the command line or the configuration is wrong.
"""

from importlib import import_module
from typing import IO, Any

import click

from gateway import __version__
from gateway.errors import ConfigError, StoreRefused, StoreUnavailable
from gateway.store.connection import CommandRefused

COMMANDS = ("serve", "check", "key", "explain", "usage", "reconcile", "health")


class Failed(click.ClickException):
    """A command did not work; the message says why in a line."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"gateway: {self.format_message()}", file=file, err=file is None)


class _Misconfigured(click.ClickException):
    """The configuration is refused: a line for each problem, as compilers write them."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the lines."""
        click.echo(self.format_message(), file=file, err=file is None)


class Commands(click.Group):
    """The commands. Each module is imported when it is called: `gateway health` runs every few seconds, for ever."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order of a first acquaintance."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give the command of the module that has its name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"gateway.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what went wrong outside the program is told without a traceback."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise _Misconfigured(str(error)) from error
        except (StoreRefused, StoreUnavailable, CommandRefused) as error:
            raise Failed(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gateway")
def main() -> None:
    """Run a reverse proxy in front of LLM providers that holds token budgets hard.

    Start with `gateway serve --config config.example.yaml`; it prints a curl line to try.
    """
