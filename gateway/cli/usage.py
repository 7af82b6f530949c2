"""`gateway usage`: what a company consumed, and what is left of its budget."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from gateway.budget import Rules
from gateway.cli.beside import read_levels, store_beside
from gateway.cli.options import company_of, config_option, read_config
from gateway.cli.used import FORMATS, Report, lines_of
from gateway.config import Config
from gateway.model import Company
from gateway.telemetry import Redactor, configure
from gateway.usage import By, days, summed, with_key_names

GROUPS = (By.MODEL, By.PURPOSE, By.USER, By.PROVIDER, By.DAY, By.KEY)


def _groups(ctx: click.Context, param: click.Parameter, given: Sequence[str]) -> tuple[By, ...]:
    """Read `--by user,day` as `--by user --by day`, each once. Raises BadParameter."""
    choice = click.Choice([by.value for by in GROUPS])
    parts = [part.strip() for one in given for part in one.split(",")]
    return tuple(dict.fromkeys(By(choice.convert(part, param, ctx)) for part in parts))


@click.command("usage")
@config_option
@click.option("--company", required=True, help="The company, by name or id.")
@click.option(
    "--days", "count", type=click.IntRange(1, 3660), default=30, show_default=True, help="How far back (UTC)."
)
@click.option(
    "--by",
    multiple=True,
    callback=_groups,
    default=(By.MODEL.value,),
    show_default=True,
    metavar=f"[{'|'.join(GROUPS)}]",
    help="What a line is for; several (`--by user,day`) make a line for each combination.",
)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True)
def command(path: Path, company: str, count: int, by: tuple[By, ...], form: str) -> None:
    """Show what a company used, and the level of its budget.

    Prompt tokens include cached ones; `estimated` are those that no provider reported. CSV has the lines alone.

    `-` in a column is nobody or nothing: calls that named no user, and reported usage, which has no user and no model.
    """
    config = read_config(path)
    configure(Redactor(config.secrets), level=logging.WARNING)
    report = asyncio.run(_report(config, company_of(config, company), count, by))
    click.echo(FORMATS[form](report), nl=False)


async def _report(config: Config, company: Company, count: int, by: Sequence[By]) -> Report:
    end = datetime.now(UTC).date()
    start = end - timedelta(days=count - 1)
    budget = Rules(config.quotas, config.ledger.enforcement, config.budgets).company_budget(company)
    async with store_beside(config) as store:
        read = await read_levels(store, config, company.id, [budget])
        records = (
            [] if store is None else [record async for record in days(store, company.id, start, end, sessions=False)]
        )
    names = {user_id: user.name for (owner, user_id), user in config.users.items() if owner == company.id}
    sums = with_key_names(summed(records, by), by, {key.hint: key.name for key in config.keys})
    return Report(company, read.levels[0], start, end, tuple(by), lines_of(sums, by, names))
