"""`gateway health`: whether the gateway on this machine takes calls, for a container's health check."""

import http.client
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway.cli.border import Failed
from gateway.cli.options import config_option, read_config
from gateway.config import Config

PATH = "/readyz"
TIMEOUT_SECONDS = 3.0
# Where a server that listens on every address is reached.
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens here


@click.command("health")
@config_option
@click.option("--url", help="The gateway's address, instead of the configuration's host and port.")
def command(path: Path, url: str | None) -> None:
    """Ask a running gateway whether it takes calls: exit status 0 if so, else 1.

    It asks /readyz, which answers 200 while the budget store can be reached.
    """
    base_url = url or base_url_of(read_config(path))
    problem = ask(base_url)
    if problem is not None:
        raise Failed(f"{base_url} is not ready: {problem}")
    click.echo(f"{base_url} is ready")


def base_url_of(config: Config) -> str:
    """Give where this machine reaches the gateway of a configuration. Raises UsageError if only it knows its port."""
    if not config.server.port:
        raise click.UsageError("server.port is 0, so the port is not known here: give --url.")
    host = _REACHED_AT.get(config.server.host, config.server.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{config.server.port}"


def ask(base_url: str) -> str | None:
    """Ask for readiness; gives what is wrong, None if nothing is."""
    try:
        parts = urlsplit(base_url)
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        connection = kinds[parts.scheme](parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    except (KeyError, ValueError):
        return "this is no address like http://127.0.0.1:8080"
    try:
        connection.request("GET", parts.path.rstrip("/") + PATH)
        status = connection.getresponse().status
    except TimeoutError:
        return f"no answer within {TIMEOUT_SECONDS:g} s"
    except (OSError, http.client.HTTPException) as error:
        return getattr(error, "strerror", None) or "no HTTP answer"
    finally:
        connection.close()
    return None if status == http.client.OK else f"it answers {status}"
