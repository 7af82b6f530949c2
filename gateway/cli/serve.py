"""`gateway serve`: the server, and what a person who starts it wants to know."""

import sys
from pathlib import Path

import click

from gateway import supervisor
from gateway.cli.border import Failed
from gateway.cli.options import config_option, read_config
from gateway.cli.start_screen import render
from gateway.config import Config


@click.command("serve")
@config_option
@click.option("--host", help="The address to listen on, instead of server.host; 0.0.0.0 is every address.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port, instead of server.port; 0 takes a free one.")
def command(path: Path, host: str | None, port: int | None) -> None:
    """Serve until SIGTERM or Ctrl-C, then let calls in flight end.

    What to try is printed to stdout, the log goes to stderr: one line for each call.
    """
    config = read_config(path, host=host, port=port)
    try:
        supervisor.serve(config, announce)
    except supervisor.AddressTaken as error:
        raise Failed(str(error)) from error


def announce(config: Config, url: str) -> None:
    """Print the start screen, now: stdout may be a pipe."""
    click.echo(render(config, url))
    sys.stdout.flush()
