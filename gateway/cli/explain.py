"""`gateway explain`: whether such a call would pass, and why not."""

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path

import click

from gateway.budget import Rules, Target, needs_price
from gateway.cli.beside import read_levels, store_beside
from gateway.cli.explained import Question, answer, caller_of, render, render_refused
from gateway.cli.options import config_option, key_of, read_config, user_id_of
from gateway.config import Config
from gateway.errors import GatewayError, PriceUnknown
from gateway.model import Unpriced
from gateway.prices import Prices
from gateway.providers import Routes
from gateway.purpose import Purposes
from gateway.telemetry import Redactor, configure

SMALL_PROMPT_TOKENS = 100


@click.command("explain")
@config_option
@click.option("--key", "key_name", required=True, help="The key's name in the configuration.")
@click.option("--model", required=True, help="The model as an app would ask for it.")
@click.option("--purpose", help="The purpose's code; left out, as if the app stated none.")
@click.option("--user", help="Whom X-Gateway-User would name, by name or GUID, for a key that acts for users.")
@click.option(
    "--prompt-tokens",
    type=click.IntRange(0),
    default=SMALL_PROMPT_TOKENS,
    show_default=True,
    help="Its prompt, without what the provider may add: that is added.",
)
@click.option("--tools", "has_tools", is_flag=True, help="As if it had tools.")
@click.option("--output-tokens", type=click.IntRange(1), help="Its max_tokens; left out, as if the app set none.")
def command(
    path: Path,
    key_name: str,
    model: str,
    purpose: str | None,
    user: str | None,
    prompt_tokens: int,
    *,
    has_tools: bool,
    output_tokens: int | None,
) -> None:
    """Show which budgets a call would count in, what is left in each, and whether it would pass.

    The numbers are the ledger's, now; nothing is changed and nothing is called.
    """
    config = read_config(path)
    configure(Redactor(config.secrets), level=logging.WARNING)
    key = key_of(config, key_name)
    user_id = None if user is None else user_id_of(config, key, user)
    try:
        caller = caller_of(config, key, user_id, time.time_ns() // 1_000_000)
        question = Question(
            caller=caller,
            purpose=Purposes(config.purposes, config.default_purpose).of(purpose, None, key),
            route=Routes(config.providers).find(model, key.models),
            prompt_tokens=prompt_tokens,
            has_tools=has_tools,
            output_tokens=output_tokens,
        )
    except GatewayError as error:
        click.echo(render_refused(error))
        return
    click.echo(asyncio.run(_explained(config, question)))


async def _explained(config: Config, question: Question) -> str:
    question = replace(question, price=Prices(config.prices).of(question.route))
    rules = Rules(config.quotas, config.ledger.enforcement, config.budgets)
    target = Target(question.route.provider.name, question.route.model, question.purpose.code)
    budgets = rules.of(question.caller, target)
    unpriced = needs_price(budgets) if question.price is None and config.ledger.unpriced is Unpriced.REFUSE else None
    if unpriced is not None:
        return render_refused(PriceUnknown(question.route.model, unpriced.name))
    async with store_beside(config) as store:
        read = await read_levels(store, config, question.company.id, budgets)
    return render(answer(question, config.ledger, read.levels, read.now_ms))
