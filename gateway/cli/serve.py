"""`gateway serve`: the server, and what a person who starts it wants to know."""

import sys
from pathlib import Path

import click

from gateway import supervisor
from gateway.cli.border import Failed
from gateway.cli.options import config_option, existing
from gateway.cli.start_screen import render
from gateway.config import Config


@click.command("serve")
@config_option
@click.option("--host", help="The address to listen on, instead of server.host; 0.0.0.0 is every address.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port, instead of server.port; 0 takes a free one.")
def command(path: Path, host: str | None, port: int | None) -> None:
    """Serve until SIGTERM or Ctrl-C, then let calls in flight end; a second one ends them.

    What to try is printed to stdout, the log goes to stderr: one line for each call. A changed configuration applies
    within seconds; SIGHUP restarts the workers in turn, without a call failing.
    """
    try:
        supervisor.serve(existing(path), announce, host=host, port=port)
    except (supervisor.AddressTaken, supervisor.WorkersFailed) as error:
        raise Failed(str(error)) from error


def announce(config: Config, url: str, admin_url: str) -> None:
    """Print the start screen, now: stdout may be a pipe."""
    click.echo(render(config, url, admin_url))
    sys.stdout.flush()
