"""`gateway reconcile`: whether the budgets' counters are what the usage and the events say, and their repair."""

import asyncio
import getpass
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import click
import structlog

from gateway.cli.beside import store_beside
from gateway.cli.options import company_of, config_option, read_config
from gateway.cli.reconciled import render
from gateway.config import Config
from gateway.model import Company
from gateway.reconcile import Reconciled, reconcile
from gateway.telemetry import Redactor, configure

log = structlog.get_logger("reconcile")


@click.command("reconcile")
@config_option
@click.option("--company", help="One company, by name or id; left out, all of them.")
@click.option("--call", "calls", multiple=True, metavar="ID", help="Also say what became of this call.")
@click.option("--repair", "repairs", is_flag=True, help="Change what is wrong; each change leaves an event.")
def command(path: Path, company: str | None, calls: tuple[str, ...], *, repairs: bool) -> None:
    """Compare the budgets' counters with the roll-ups and the events.

    Nothing is changed without --repair. Exit status 1 where something is wrong and was not repaired, or not seen.
    """
    config = read_config(path)
    configure(Redactor(config.secrets), level=logging.INFO)
    companies = tuple(config.companies.values()) if company is None else (company_of(config, company),)
    found = asyncio.run(_reconciled(config, companies, calls, repairs=repairs))
    click.echo(render(found))
    if found.has_drift or found.away:
        raise click.exceptions.Exit(1)


def _person() -> str:
    """Give who runs this by name, or by number where a container knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


async def _reconciled(
    config: Config, companies: Sequence[Company], calls: Sequence[str], *, repairs: bool
) -> Reconciled:
    who = f"{_person()} (gateway reconcile)"
    async with store_beside(config) as store:
        if store is None:
            return Reconciled()
        found = await reconcile(store, config, companies, who=who, repairs=repairs, calls=calls)
    for drift in found.drifts:
        if not drift.is_open:
            log.info(
                "repaired",
                who=who,
                company=drift.company,
                holder=drift.holder,
                budget=drift.budget,
                day=drift.day and drift.day.isoformat(),
                what=drift.what.value,
                before=drift.stands,
                after=drift.should,
            )
    return found
