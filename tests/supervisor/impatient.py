"""`python -m tests.supervisor.impatient CONFIG`: a gateway whose supervisor waits for nothing for long."""

import sys
from pathlib import Path

from gateway.cli.serve import announce
from gateway.errors import StoreRefused
from gateway.supervisor import Patience, WorkersFailed, serve

IMPATIENT = Patience(ping_seconds=0.1, hung_pings=10, most_early_deaths=3, pause_seconds=0.01, poll_seconds=0.1)

if __name__ == "__main__":
    try:
        serve(Path(sys.argv[1]), announce, port=0, patience=IMPATIENT)
    except (StoreRefused, WorkersFailed) as error:
        sys.exit(str(error))
