"""`gateway check`: whether the configuration is right, and what will be enforced for whom."""

import time
from pathlib import Path

import click

from gateway.cli.enforced import sections
from gateway.cli.options import config_option, read_config


@click.command("check")
@config_option
def command(path: Path) -> None:
    """Check a configuration and show what will be enforced for whom.

    Every mistake is shown as `file:line:column: setting: what is allowed`, with exit status 2. No secret is shown.
    """
    now_ms = time.time_ns() // 1_000_000
    for section in sections(read_config(path), now_ms):
        click.echo(click.style(section.title, bold=True))
        click.echo(f"{section.body}\n")
