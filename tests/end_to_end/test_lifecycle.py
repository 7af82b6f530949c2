"""A gateway that is asked to end, or is killed, with streams in flight; and the one that comes after it."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest

from gateway.store import is_locked
from tests.end_to_end.conftest import Client
from tests.end_to_end.serving import (
    END_SECONDS,
    FarEnd,
    Served,
    budget,
    command,
    configured,
    environment,
    eventually,
    serving,
    used,
)
from tests.end_to_end.test_sdk import HELLO, text
from tests.gateways import ADA_KEY, BOB_KEY, Limits
from tests.store.servers import ask

STREAMS = 8
UNHURRIED = {"far": {"dialect": "openai", "timeouts": {"first_byte": 60, "between_bytes": 60}}}
TRANCHE_TOKENS = 256
GATE = 600
PROMPT_BYTES = 400
"""More than the body of a call here: what its prompt is held by, and charged if nobody can count it any more."""


def patient(directory: Path, far_end: FarEnd, limits: Limits) -> Path:
    """Configure a gateway that does not mind how long an answer stands at the gate."""
    return configured(
        directory, far_end.base_url, limits, server={"drain_seconds": 60}, patience={"far": {"between_bytes": 60}}
    )


def is_refusing_connections(served: Served) -> bool:
    """Say whether nobody listens at a gateway's address any more."""
    address = urlsplit(served.url)
    with socket.socket() as one:
        return one.connect_ex((address.hostname, address.port)) != 0


def process_exists(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be counted does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
