"""`python -X dev -m tests.loud CONFIG`: a gateway whose every library logs all it has to say, to stderr.

It prints its address on one line when it serves.
"""

import logging
import os
import sys
from pathlib import Path

from gateway.config import Config, load
from gateway.supervisor import serve
from gateway.telemetry import Redactor, configure


def announce(config: Config, url: str) -> None:
    """Turn everything on, then say where."""
    configure(Redactor(config.secrets), level=logging.DEBUG)
    logging.getLogger(__name__).debug("loud")
    print(url, flush=True)  # noqa: T201 - the parent reads this line


if __name__ == "__main__":
    serve(load(Path(sys.argv[1]), os.environ), announce)
